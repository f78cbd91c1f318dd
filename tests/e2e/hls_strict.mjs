// SPDX-License-Identifier: Apache-2.0
// Playlists through hls-parser in strict mode: a JSON string of a playlist a line in, {error} or what it says a line out.
import readline from 'node:readline';

import HLS from 'hls-parser';

HLS.setOptions({ strictMode: true });

function described(playlist) {
  if (playlist.isMasterPlaylist) {
    const renditions = playlist.variants.flatMap((variant) =>
      [...variant.audio, ...variant.subtitles, ...variant.video].map((rendition) => rendition.uri));
    return {
      multivariant: true,
      variants: playlist.variants.map(({ uri, isIFrameOnly, codecs, bandwidth, averageBandwidth, resolution, frameRate }) =>
        ({ uri, isIFrameOnly, codecs, bandwidth, averageBandwidth, resolution, frameRate })),
      renditions: [...new Set(renditions.filter((uri) => uri))],
    };
  }
  const { targetDuration, mediaSequenceBase, discontinuitySequenceBase, endlist, isIFrame, playlistType } = playlist;
  return {
    targetDuration, mediaSequenceBase, discontinuitySequenceBase, endlist, isIFrame, playlistType,
    segments: playlist.segments.map(({ uri, duration, byterange, discontinuity, gap, map, programDateTime }) => ({
      uri, duration, byterange, discontinuity: Boolean(discontinuity), gap: Boolean(gap),
      map: map && { uri: map.uri, byterange: map.byterange }, programDateTime,
    })),
  };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = described(HLS.parse(JSON.parse(line)));
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
