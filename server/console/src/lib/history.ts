// SPDX-License-Identifier: Apache-2.0
// What the charts show: the latest samples of each channel that was looked at, kept while the page lives.
import type {ChannelStatus} from '../api/types';
import {serverNow} from './clock';

const longest = 300; // samples, 12 to 25 minutes

export interface Samples {
  times: number[]; // s since 1970
  bitrates: [(number | null)[], (number | null)[]]; // Mbit/s of each input
  latency: (number | null)[]; // s from the newest segment's end to now
  requests: [(number | null)[], (number | null)[]]; // a second, of players: all, and those that failed
  counted: {at: number; requests: number; failed: number} | null; // by the latest sample
}

const channels = new Map<string, Samples>();

export function samplesOf(group: string, channel: string): Samples {
  const key = `${group}/${channel}`;
  const found = channels.get(key) ?? {times: [], bitrates: [[], []], latency: [], requests: [[], []], counted: null};
  channels.set(key, found);
  return found;
}

export function latencyOf(status: ChannelStatus): number | null {
  return status.timeline ? Math.max(0, (serverNow() - Date.parse(status.timeline.end)) / 1000) : null;
}

const lists = (samples: Samples): (number | null)[][] =>
  [samples.times, ...samples.bitrates, samples.latency, ...samples.requests];

// The counters' rates since the sample before. They go back with a restart and with endpoints that are deleted.
function countRequests(samples: Samples, status: ChannelStatus, at: number): void {
  const before = samples.counted;
  const now = status.playback ? {at, requests: status.playback.requests, failed: status.playback.failed} : null;
  const seconds = before && now ? now.at - before.at : 0;
  (['requests', 'failed'] as const).forEach((what, index) => {
    const more = before && now ? now[what] - before[what] : -1;
    samples.requests[index]!.push(seconds > 0 && more >= 0 ? more / seconds : null);
  });
  samples.counted = now;
}

export function addSample(samples: Samples, status: ChannelStatus): void {
  const at = serverNow() / 1000;
  if (at <= (samples.times.at(-1) ?? 0)) lists(samples).forEach((list) => list.splice(0)); // the clock was set
  samples.times.push(at);
  countRequests(samples, status, at);
  samples.bitrates.forEach((list, index) => {
    const input = status.inputs?.[index];
    list.push(input?.connected ? input.bitrate / 1e6 : null);
  });
  samples.latency.push(latencyOf(status));
  if (samples.times.length > longest) {
    lists(samples).forEach((list) => list.shift());
  }
}
