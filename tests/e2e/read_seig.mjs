// SPDX-License-Identifier: Apache-2.0
// The keys that a fragmented MP4 file names in its sample groups, read by mp4box: key id, samples and group of each
// fragment, a line each.
import fs from 'node:fs';
import { createFile } from 'mp4box';

const bytes = fs.readFileSync(process.argv[2]);
const file = createFile();
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
buffer.fileStart = 0;
file.appendBuffer(buffer);
file.flush();
for (const box of file.boxes.filter((each) => each.type === 'moof')) {
  const traf = box.trafs[0];
  const entry = traf.sgpds.find((group) => group.grouping_type === 'seig').entries[0];
  const map = traf.sbgps.find((group) => group.grouping_type === 'seig').entries[0];
  const kid = typeof entry.KID === 'string' ? entry.KID : Buffer.from(entry.KID).toString('hex');
  console.log([kid, entry.isProtected, entry.Per_Sample_IV_Size, map.sample_count, map.group_description_index].join(' '));
}
