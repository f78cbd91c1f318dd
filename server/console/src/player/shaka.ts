// SPDX-License-Identifier: Apache-2.0
import shaka from 'shaka-player/dist/shaka-player.compiled-es2021.js';
import type {Job, Playing} from './playback';

// 1001 BAD_HTTP_STATUS: [URI, status, text, …]
function tell(job: Job, error: {code?: number; data?: unknown[]; message?: string}): void {
  if (error.code === 7000) return; // interrupted by stop()
  const status = error.code === 1001 ? Number(error.data?.[1]) : undefined;
  const said = error.code === 1001 ? String(error.data?.[2] ?? '').trim().slice(0, 200) : '';
  job.failed(said || `Shaka Player ${error.code ?? error.message ?? ''}`, status);
}

export async function start(job: Job): Promise<Playing> {
  shaka.polyfill.installAll();
  const player = new shaka.Player();
  await player.attach(job.video);
  player.addEventListener('error', (event) => tell(job, (event as unknown as {detail: shaka.util.Error}).detail));
  if (job.keys) player.configure({drm: {clearKeys: job.keys}});
  if (job.code) {
    player.getNetworkingEngine()?.registerRequestFilter((_type, request) => {
      request.headers.Authorization = `Bearer ${job.code}`;
    });
  }
  // An HLS playlist that grows is "live" to Shaka Player, which takes a start at 0 for none.
  // It ends a play() that comes before it has loaded.
  player.load(job.url, job.fromStart ? 0 : undefined).then(() => job.video.play()).catch((error) => tell(job, error));
  return {
    programmeTime: () => player.getPlayheadTimeAsDate(),
    stop: () => player.destroy(),
  };
}
