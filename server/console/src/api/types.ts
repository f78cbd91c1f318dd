// SPDX-License-Identifier: Apache-2.0
// What the API answers, by the names that pages use. It comes from the API's description (schema.d.ts: `npm run types`).
import type {components} from './schema';

type Schemas = components['schemas'];
export type Group = Schemas['ChannelGroup'];
export type Channel = Schemas['Channel'];
export type Endpoint = Schemas['Endpoint'];
export type Input = Schemas['Input'];
export type Task = Schemas['CollectionTask'];
export type Protocol = Endpoint['protocol'];
export type FieldError = NonNullable<Schemas['Problem']['errors']>[number];
export type InputStatus = Schemas['InputStatus'];
export type Track = Schemas['TrackStatus'];
export type Gap = Schemas['TimelineGap'];

export interface Page<T> {
  items: T[];
  nextPageToken: string | null;
  totalCount: number;
}

// What does not run has an error and nothing else.
export type ChannelStatus = Partial<Schemas['ChannelStatus'] & Schemas['NotRunning']>;
export type EndpointStatus = Partial<Schemas['EndpointStatus'] & Schemas['NotRunning']>;
