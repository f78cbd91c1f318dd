// SPDX-License-Identifier: Apache-2.0
import shaka from 'shaka-player/dist/shaka-player.compiled-es2021.js';
import {text} from '../en';
import type {Job, Playing} from './playback';

// 1001 BAD_HTTP_STATUS: [URI, status, text, …]
function tell(job: Job, error: {code?: number; data?: unknown[]; message?: string}): void {
  if (error.code === 7000) return; // interrupted by stop()
  const status = error.code === 1001 ? Number(error.data?.[1]) : undefined;
  const said = error.code === 1001 ? String(error.data?.[2] ?? '').trim().slice(0, 200) : '';
  const words = text.player.shakaErrors[error.code ?? 0];
  job.failed(said || `${words ? `${words}. ` : ''}Shaka Player ${error.code ?? error.message ?? ''}`, status);
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
  const {licences} = job;
  if (licences) player.configure({drm: {servers: {'org.w3.clearkey': licences.url}}});
  player.getNetworkingEngine()?.registerRequestFilter((type, request) => {
    if (type === shaka.net.NetworkingEngine.RequestType.LICENSE) {
      if (licences) request.headers.Authorization = licences.authorization;
    } else if (job.code) {
      request.headers.Authorization = `Bearer ${job.code}`;
    }
  });
  // Without dates in a playlist Shaka Player counts from when it has loaded it.
  let dated = job.protocol === 'DASH';
  player.getNetworkingEngine()?.registerResponseFilter((type, response) => {
    if (dated || type !== shaka.net.NetworkingEngine.RequestType.MANIFEST) return;
    dated = new TextDecoder().decode(response.data as ArrayBuffer).includes('#EXT-X-PROGRAM-DATE-TIME:');
  });
  // An HLS playlist that grows is "live" to Shaka Player, which takes a start at 0 for none.
  // It ends a play() that comes before it has loaded.
  player.load(job.url, job.fromStart ? 0 : undefined).then(() => job.video.play()).catch((error) => tell(job, error));
  return {
    // of a closed range of DASH it has no date, and counts from 1970
    programmeTime: () => {
      const at = dated ? player.getPlayheadTimeAsDate() : null;
      return at && at.getUTCFullYear() > 2000 ? at : null;
    },
    stop: () => player.destroy(),
  };
}
