// SPDX-License-Identifier: Apache-2.0
// What the charts show: the latest samples of each channel that was looked at, kept while the page lives.
import type {ChannelStatus} from '../api/types';
import {serverNow} from './clock';

const longest = 300; // samples, 12 minutes

export interface Samples {
  times: number[]; // s since 1970
  bitrates: [(number | null)[], (number | null)[]]; // Mbit/s of each input
  latency: (number | null)[]; // s from the newest segment's end to now
}

const channels = new Map<string, Samples>();

export function samplesOf(group: string, channel: string): Samples {
  const key = `${group}/${channel}`;
  const found = channels.get(key) ?? {times: [], bitrates: [[], []], latency: []};
  channels.set(key, found);
  return found;
}

export function latencyOf(status: ChannelStatus): number | null {
  return status.timeline ? Math.max(0, (serverNow() - Date.parse(status.timeline.end)) / 1000) : null;
}

export function addSample(samples: Samples, status: ChannelStatus): void {
  samples.times.push(serverNow() / 1000);
  samples.bitrates.forEach((list, index) => {
    const input = status.inputs?.[index];
    list.push(input?.connected ? input.bitrate / 1e6 : null);
  });
  samples.latency.push(latencyOf(status));
  if (samples.times.length > longest) {
    for (const list of [samples.times, ...samples.bitrates, samples.latency]) list.shift();
  }
}
