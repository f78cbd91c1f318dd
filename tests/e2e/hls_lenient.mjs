// SPDX-License-Identifier: Apache-2.0
// Playlists through hls-parser: a JSON string of a playlist a line in, {error} or what playlist_agreement.py compares out.
import readline from 'node:readline';

import HLS from 'hls-parser';

HLS.setOptions({ strictMode: false, silent: true });

function described(playlist) {
  if (playlist.isMasterPlaylist) {
    return {
      variants: playlist.variants.filter((variant) => !variant.isIFrameOnly).map((variant) => ({
        uri: variant.uri, bandwidth: variant.bandwidth, averageBandwidth: variant.averageBandwidth ?? 0,
        codecs: variant.codecs ?? '', width: variant.resolution?.width ?? 0,
      })),
    };
  }
  return {
    targetDuration: playlist.targetDuration, mediaSequence: playlist.mediaSequenceBase ?? 0,
    discontinuitySequence: playlist.discontinuitySequenceBase ?? 0, endlist: playlist.endlist,
    segments: playlist.segments.map((segment) => ({
      uri: segment.uri, microseconds: Math.round(segment.duration * 1e6), discontinuity: Boolean(segment.discontinuity),
      gap: Boolean(segment.gap), map: segment.map?.uri ?? null,
      milliseconds: segment.programDateTime ? segment.programDateTime.getTime() : null,
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
