// SPDX-License-Identifier: Apache-2.0
import {MediaPlayer} from 'dashjs';
import type {Job, Playing} from './playback';

interface Wrong { error?: {message?: string; data?: {response?: {status?: number}}} }

export function start(job: Job): Playing {
  const player = MediaPlayer().create();
  player.updateSettings({debug: {logLevel: 0}});
  player.on(MediaPlayer.events.ERROR, (event) => {
    const {error} = event as Wrong;
    job.failed(`dash.js ${error?.message ?? ''}`, error?.data?.response?.status);
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
