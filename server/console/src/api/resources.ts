// SPDX-License-Identifier: Apache-2.0
// The API's routes by name.
import {call, path, type Answer} from './client';
import type {Channel, ChannelStatus, Endpoint, EndpointStatus, Group, Input, Page, Task} from './types';

export interface ListQuery {
  filter?: string;
  pageToken?: string;
  pageSize?: number;
}

export const groupPath = (group: string) => path('channel-groups', group);
export const channelsPath = (group: string) => groupPath(group) + '/channels';
export const channelPath = (group: string, channel: string) => channelsPath(group) + path(channel);
export const endpointsPath = (group: string, channel: string) => channelPath(group, channel) + '/endpoints';
export const endpointPath = (group: string, channel: string, endpoint: string) =>
  endpointsPath(group, channel) + path(endpoint);
export const tasksPath = (group: string, channel: string) => channelPath(group, channel) + '/collection-tasks';

async function list<T>(where: string, query: ListQuery, signal?: AbortSignal): Promise<Page<T>> {
  const pairs: Record<string, string> = {pageSize: String(query.pageSize ?? 20)};
  if (query.filter) pairs.filter = query.filter;
  if (query.pageToken) pairs.pageToken = query.pageToken;
  return (await call<Page<T>>('GET', where, {query: pairs, signal})).data;
}

async function read<T>(where: string, signal?: AbortSignal): Promise<T> {
  return (await call<T>('GET', where, {signal})).data;
}

export const listGroups = (query: ListQuery, signal?: AbortSignal) => list<Group>('/channel-groups', query, signal);
export const listChannels = (group: string, query: ListQuery, signal?: AbortSignal) =>
  list<Channel>(channelsPath(group), query, signal);
export const listEndpoints = (group: string, channel: string, query: ListQuery, signal?: AbortSignal) =>
  list<Endpoint>(endpointsPath(group, channel), query, signal);
export const listTasks = (query: ListQuery, signal?: AbortSignal) => list<Task>('/collection-tasks', query, signal);
export const listChannelTasks = (group: string, channel: string, query: ListQuery, signal?: AbortSignal) =>
  list<Task>(tasksPath(group, channel), query, signal);

export const readGroup = (group: string, signal?: AbortSignal) => read<Group>(groupPath(group), signal);
export const readChannel = (group: string, channel: string, signal?: AbortSignal) =>
  read<Channel>(channelPath(group, channel), signal);
export const readEndpoint = (group: string, channel: string, endpoint: string, signal?: AbortSignal) =>
  read<Endpoint>(endpointPath(group, channel, endpoint), signal);
export const readChannelStatus = (group: string, channel: string, signal?: AbortSignal) =>
  read<ChannelStatus>(channelPath(group, channel) + '/status', signal);
export const readEndpointStatus = (group: string, channel: string, endpoint: string, signal?: AbortSignal) =>
  read<EndpointStatus>(endpointPath(group, channel, endpoint) + '/status', signal);

// With its secrets, and the ETag that a change of it has to carry.
export const readWithSecrets = <T>(where: string): Promise<Answer<T>> => call<T>('GET', where, {query: {secrets: 'true'}});

export const create = <T>(where: string, body: unknown) => call<T>('POST', where, {body});
export const change = <T>(where: string, body: unknown, etag: string | null) => call<T>('PATCH', where, {body, etag});
export const remove = (where: string, query?: Record<string, string>) => call<void>('DELETE', where, {query});
export const rotateCredentials = (group: string, channel: string, input: string, gracePeriod: unknown) =>
  call<Input>('POST', channelPath(group, channel) + path('inputs', input, 'rotate-credentials'), {body: {gracePeriod}});

export const act = (group: string, channel: string, what: 'start' | 'stop' | 'reset') =>
  call<Channel>('POST', channelPath(group, channel) + path(what), {});

// Throws unless the server takes this token.
export const tryToken = (token: string) => call('GET', '/channel-groups', {query: {pageSize: '1'}, token});
