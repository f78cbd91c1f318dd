// SPDX-License-Identifier: Apache-2.0
// What the page wants played, and what it gets to hold of the player that does. Each player is fetched when it is first used.
import type {Protocol} from '../api/types';

export interface Job {
  video: HTMLVideoElement;
  url: string;
  protocol: Protocol;
  fromStart: boolean; // of a time-shifted manifest, not at its live edge
  code: string; // authorization code, empty: none
  keys: Record<string, string> | null; // key id to key, both hexadecimal
  failed: (what: string, status?: number) => void;
}

export interface Playing {
  // UTC of the picture on the screen, as the manifest says
  programmeTime: () => Date | null;
  stop: () => Promise<void>;
}

export type PlayerName = 'shaka' | 'hls' | 'dash';

export function playersFor(protocol: Protocol, encrypted: boolean): PlayerName[] {
  if (protocol === 'DASH') return ['shaka', 'dash'];
  return encrypted ? ['shaka'] : ['shaka', 'hls'];
}

export async function start(name: PlayerName, job: Job): Promise<Playing> {
  switch (name) {
    case 'shaka': return (await import('./shaka')).start(job);
    case 'hls': return (await import('./hls')).start(job);
    case 'dash': return (await import('./dash')).start(job);
  }
}
