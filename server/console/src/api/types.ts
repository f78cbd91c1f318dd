// SPDX-License-Identifier: Apache-2.0
// What the API answers. Resources come from its description (schema.d.ts: `npm run types`); a status is open there, so that
// what the console reads of it is written down here.
import type {components} from './schema';

type Schemas = components['schemas'];
export type Group = Schemas['ChannelGroup'];
export type Channel = Schemas['Channel'];
export type Endpoint = Schemas['Endpoint'];
export type Input = Schemas['Input'];
export type Task = Schemas['CollectionTask'];
export type Protocol = Endpoint['protocol'];
export type Problem = Schemas['Problem'];
export type FieldError = {field: string; value?: unknown; reason: string};

export interface Page<T> {
  items: T[];
  nextPageToken: string | null;
  totalCount: number;
}

export interface Failure {
  at: string;
  error: string;
}

export interface InputStatus {
  id: 'ingest1' | 'ingest2';
  connected: boolean;
  active: boolean;
  lastSegment: {at: string; name: string} | null;
  lastError: Failure | null;
  objects: number;
  refused: number;
  bytes: number;
  bitrate: number;
  state: string | null;
  drift: number | null; // µs against the other input
  statistics: Record<string, number | string>;
  conditions: {code: string; since: string; reason?: string}[];
}

export interface Track {
  id: number;
  kind: 'VIDEO' | 'AUDIO' | 'TEXT';
  codec: string;
  codecString: string;
  width?: number;
  height?: number;
  sampleRate?: number;
  channels?: number;
  language?: string;
}

export interface ChannelStatus {
  error?: string;
  inputs?: InputStatus[];
  activeInput?: string | null;
  switchCount?: number;
  switches?: {at: string; from: string; to: string; reason: string}[];
  tracks?: Track[];
  timeline?: {start: string; end: string; slots: number; stretches: number; ended: boolean} | null;
  playback?: {requests: number; failed: number; bytes: number};
  archive?: {chunks: number; bytes: number; error: string | null; repairs: string[]};
  errors?: Failure[];
}

export interface EndpointStatus {
  error?: string;
  pipeline?: 'RUNNING' | 'IDLE';
  requests?: number;
  packagedSegments?: number;
  failures?: number;
  lastError?: string | null;
  segments?: number;
  generation?: number;
  drm?: {
    state: 'WAITING' | 'FAILED' | 'READY';
    keyIds: string[];
    nextKeyIds: string[];
    requests: number;
    lastRequestAt: string | null;
    lastError: string | null;
  } | null;
}
