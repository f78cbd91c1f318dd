// SPDX-License-Identifier: Apache-2.0
// What pages ask the API for, in their words.
import {api, bearer} from './client';
import type {components} from './schema';
import type {Channel, ChannelStatus, Endpoint, EndpointStatus} from './types';

export interface ListQuery {
  filter?: string;
  pageToken?: string;
  pageSize?: number;
}

export interface Answer<T> {
  data: T;
  etag: string | null; // a change holds only for what was read with it
}

// Of a form: what was typed. The server judges it and says what is wrong.
export type Typed = Record<string, unknown>;

// One resource, to those who edit it.
export interface Resource<T = unknown> {
  read: () => Promise<Answer<T>>; // with its secrets
  change: (body: Typed, etag: string | null) => Promise<unknown>;
  remove: (withContent: boolean) => Promise<unknown>;
}
export type Create = (body: Typed) => Promise<{name: string}>;

type Schemas = components['schemas'];

// What was refused is thrown (client.ts): there is data where there is an answer.
const data = async <T>(asked: Promise<{data?: T}>): Promise<T> => (await asked).data!;
const answer = async <T>(asked: Promise<{data?: T; response: Response}>): Promise<Answer<T>> => {
  const {data, response} = await asked;
  return {data: data!, etag: response.headers.get('ETag')};
};
const page = ({filter, pageToken, pageSize = 20}: ListQuery) =>
  ({pageSize, ...(filter ? {filter} : {}), ...(pageToken ? {pageToken} : {})});
const secrets = {secrets: true};
const ifMatch = (etag: string | null) => (etag ? {'If-Match': etag} : {});

const groups = '/channel-groups';
const oneGroup = '/channel-groups/{group}';
const channels = '/channel-groups/{group}/channels';
const oneChannel = '/channel-groups/{group}/channels/{channel}';
const endpoints = '/channel-groups/{group}/channels/{channel}/endpoints';
const oneEndpoint = '/channel-groups/{group}/channels/{channel}/endpoints/{endpoint}';

export const listGroups = (query: ListQuery, signal?: AbortSignal) =>
  data(api.GET(groups, {params: {query: page(query)}, signal}));
export const listChannels = (group: string, query: ListQuery, signal?: AbortSignal) =>
  data(api.GET(channels, {params: {path: {group}, query: page(query)}, signal}));
export const listEndpoints = (group: string, channel: string, query: ListQuery, signal?: AbortSignal) =>
  data(api.GET(endpoints, {params: {path: {group, channel}, query: page(query)}, signal}));
export const listTasks = (query: ListQuery, signal?: AbortSignal) =>
  data(api.GET('/collection-tasks', {params: {query: page(query)}, signal}));
export const listChannelTasks = (group: string, channel: string, query: ListQuery, signal?: AbortSignal) =>
  data(api.GET(`${oneChannel}/collection-tasks`, {params: {path: {group, channel}, query: page(query)}, signal}));

export const readGroup = (group: string, signal?: AbortSignal) =>
  data(api.GET(oneGroup, {params: {path: {group}}, signal}));
export const readChannel = (group: string, channel: string, signal?: AbortSignal) =>
  data(api.GET(oneChannel, {params: {path: {group, channel}}, signal}));
export const readEndpoint = (group: string, channel: string, endpoint: string, signal?: AbortSignal) =>
  data(api.GET(oneEndpoint, {params: {path: {group, channel, endpoint}}, signal}));
export const readChannelStatus = (group: string, channel: string, signal?: AbortSignal): Promise<ChannelStatus> =>
  data(api.GET(`${oneChannel}/status`, {params: {path: {group, channel}}, signal}));
export const readEndpointStatus =
  (group: string, channel: string, endpoint: string, signal?: AbortSignal): Promise<EndpointStatus> =>
    data(api.GET(`${oneEndpoint}/status`, {params: {path: {group, channel, endpoint}}, signal}));

export const groupAt = (group: string): Resource => ({
  read: () => answer(api.GET(oneGroup, {params: {path: {group}, query: secrets}})),
  change: (body, etag) => api.PATCH(oneGroup, {params: {path: {group}, header: ifMatch(etag)}, body}),
  remove: () => api.DELETE(oneGroup, {params: {path: {group}}}),
});
export const channelAt = (group: string, channel: string): Resource<Channel> => ({
  read: () => answer(api.GET(oneChannel, {params: {path: {group, channel}, query: secrets}})),
  change: (body, etag) => api.PATCH(oneChannel, {params: {path: {group, channel}, header: ifMatch(etag)}, body}),
  remove: (withContent) =>
    api.DELETE(oneChannel, {params: {path: {group, channel}, query: withContent ? {deleteContent: true} : {}}}),
});
export const endpointAt = (group: string, channel: string, endpoint: string): Resource<Endpoint> => ({
  read: () => answer(api.GET(oneEndpoint, {params: {path: {group, channel, endpoint}, query: secrets}})),
  change: (body, etag) => api.PATCH(oneEndpoint, {params: {path: {group, channel, endpoint}, header: ifMatch(etag)}, body}),
  remove: () => api.DELETE(oneEndpoint, {params: {path: {group, channel, endpoint}}}),
});

export const createGroup: Create = (body) => data(api.POST(groups, {body: body as Schemas['ChannelGroup']}));
export const createChannel = (group: string): Create => (body) =>
  data(api.POST(channels, {params: {path: {group}}, body: body as Schemas['Channel']}));
export const createEndpoint = (group: string, channel: string): Create => (body) =>
  data(api.POST(endpoints, {params: {path: {group, channel}}, body: body as Schemas['Endpoint']}));
export const createTask = (group: string, channel: string, body: Typed) =>
  data(api.POST(`${oneChannel}/collection-tasks`, {params: {path: {group, channel}}, body: body as Schemas['CollectionTask']}));

export const cancelTask = (task: string) => api.DELETE('/collection-tasks/{task}', {params: {path: {task}}});
export const rotateCredentials = (group: string, channel: string, input: 'ingest1' | 'ingest2', body: Typed) =>
  data(api.POST(`${oneChannel}/inputs/{input}/rotate-credentials`, {
    params: {path: {group, channel, input}}, body: body as Schemas['Rotation'],
  }));
export const act = (group: string, channel: string, what: 'start' | 'stop' | 'reset') =>
  data(api.POST(`${oneChannel}/${what}`, {params: {path: {group, channel}}}));

// Throws unless the server takes this token.
export const tryToken = (token: string) =>
  api.GET(groups, {params: {query: {pageSize: 1}}, headers: {Authorization: bearer(token)}});

// The events from now on, a JSON line each, until the signal.
export const followEvents = async (signal: AbortSignal): Promise<ReadableStream<BufferSource>> =>
  (await data(api.GET('/events', {parseAs: 'stream', signal})))!;
