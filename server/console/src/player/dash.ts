// SPDX-License-Identifier: Apache-2.0
import {MediaPlayer} from 'dashjs';
import type {Job, Playing} from './playback';

interface Wrong { error?: {message?: string; data?: {response?: {status?: number; data?: unknown}}} }

// What the server says of a manifest that it refuses; of everything else dash.js has bytes.
function reasonOf(response?: {status?: number; data?: unknown}): string {
  return (response?.status ?? 0) >= 400 && typeof response?.data === 'string' ? response.data.trim().slice(0, 200) : '';
}

export function start(job: Job): Playing {
  const player = MediaPlayer().create();
  player.updateSettings({debug: {logLevel: 0}});
  player.on(MediaPlayer.events.ERROR, (event) => {
    const {error} = event as Wrong;
    const response = error?.data?.response;
    job.failed(reasonOf(response) || `dash.js ${error?.message ?? ''}`, response?.status);
  });
  if (job.code) {
    player.addRequestInterceptor((request) => {
      request.headers = {...request.headers, Authorization: `Bearer ${job.code}`};
      return Promise.resolve(request);
    });
  }
  if (job.licences) {
    const {url, authorization} = job.licences;
    player.setProtectionData({'org.w3.clearkey': {serverURL: url, httpRequestHeaders: {Authorization: authorization}}});
  }
  // It plays by itself: a play() before it listens would keep it from updating its manifest.
  player.initialize(job.video, job.url, true);
  return {
    programmeTime: () => {
      const at = player.timeAsUTC();
      return at > 0 ? new Date(at * 1000) : null;
    },
    stop: async () => player.destroy(),
  };
}
