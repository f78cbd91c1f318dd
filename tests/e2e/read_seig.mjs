// SPDX-License-Identifier: Apache-2.0
// The keys that fragmented MP4 files name in their sample groups, read by mp4box: file, key id, protection, size of IVs
// and group of each fragment, a line each.
import fs from 'node:fs';
import { createFile } from 'mp4box';

for (const name of process.argv.slice(2)) {
  const bytes = fs.readFileSync(name);
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
    console.log([name, kid, entry.isProtected, entry.Per_Sample_IV_Size, map.group_description_index].join(' '));
  }
}
