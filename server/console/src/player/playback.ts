// SPDX-License-Identifier: Apache-2.0
// What the page wants played, and what it gets to hold of the player that does. Each player is fetched when it is first used.
import type {Protocol} from '../api/types';

export interface Job {
  video: HTMLVideoElement;
  url: string;
  protocol: Protocol;
  fromStart: boolean; // of a time-shifted manifest, not at its live edge
  code: string; // authorization code, empty: none
  keys: Record<string, string> | null; // of HLS: key id to key, both hexadecimal
  licences: Licences | null; // of DASH, whose manifests say that there is ClearKey: keys are asked for as they change
  failed: (what: string, status?: number) => void;
}

export interface Licences {
  url: string;
  authorization: string;
}

export interface Playing {
  // UTC of the picture on the screen, as the manifest says; null: it says nothing
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
