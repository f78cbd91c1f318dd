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

const patience = 10000; // ms

// Whether an error is the end. Of others Shaka Player says that it goes on: an update that failed is asked for again.
function judgeOf(video: HTMLVideoElement): (error: shaka.util.Error) => boolean {
  let since = 0;
  let at = NaN;
  return (error) => {
    if (error.severity !== shaka.util.Error.Severity.RECOVERABLE) return true;
    if (at !== video.currentTime) [since, at] = [performance.now(), video.currentTime];
    return performance.now() - since > patience;
  };
}

export async function start(job: Job): Promise<Playing> {
  shaka.polyfill.installAll();
  const player = new shaka.Player();
  await player.attach(job.video);
  const isTheEnd = judgeOf(job.video);
  player.addEventListener('error', (event) => {
    const {detail} = event as unknown as {detail: shaka.util.Error};
    if (isTheEnd(detail)) tell(job, detail);
  });
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
