// SPDX-License-Identifier: Apache-2.0
// The samples of a fragmented MP4 file with one wvtt track, read by mp4box: start, duration and texts, a line each.
import fs from 'node:fs';
import { createFile } from 'mp4box';

const bytes = fs.readFileSync(process.argv[2]);
const file = createFile();
file.onError = (error) => { throw new Error(error); };
file.onReady = (info) => {
  const track = info.tracks[0];
  if (track.codec !== 'wvtt') throw new Error(`codec ${track.codec}`);
  file.onSamples = (_id, _user, samples) => {
    for (const sample of samples) {
      const texts = [];
      const view = Buffer.from(sample.data);
      for (let at = 0; at + 8 <= view.length; at += view.readUInt32BE(at)) {
        if (view.toString('latin1', at + 4, at + 8) !== 'vttc') continue;
        const end = at + view.readUInt32BE(at);
        for (let in_cue = at + 8; in_cue + 8 <= end; in_cue += view.readUInt32BE(in_cue)) {
          if (view.toString('latin1', in_cue + 4, in_cue + 8) === 'payl') texts.push(view.toString('utf8', in_cue + 8, in_cue + view.readUInt32BE(in_cue)));
        }
      }
      console.log([sample.dts, sample.duration, ...texts].join('\t'));
    }
  };
  file.setExtractionOptions(track.id, null, { nbSamples: 100000 });
  file.start();
};
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
buffer.fileStart = 0;
file.appendBuffer(buffer);
file.flush();
