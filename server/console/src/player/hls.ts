// SPDX-License-Identifier: Apache-2.0
import Hls from 'hls.js';
import type {Job, Playing} from './playback';

export function start(job: Job): Playing {
  const hls = new Hls({
    xhrSetup: (request) => { if (job.code) request.setRequestHeader('Authorization', `Bearer ${job.code}`); },
  });
  hls.on(Hls.Events.ERROR, (_event, data) => {
    if (!data.fatal) return;
    const details = data.networkDetails;
    const said = details instanceof XMLHttpRequest && details.responseType !== 'arraybuffer' ? details.responseText : '';
    job.failed(said.trim().slice(0, 200) || `hls.js ${data.details}`, data.response?.code);
  });
  hls.loadSource(job.url);
  hls.attachMedia(job.video);
  hls.on(Hls.Events.MANIFEST_PARSED, () => void job.video.play().catch(() => {})); // interrupted by stop()
  return {
    programmeTime: () => hls.playingDate,
    stop: async () => hls.destroy(),
  };
}
