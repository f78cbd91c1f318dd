// SPDX-License-Identifier: Apache-2.0
// One request to the control API: the token goes into the Authorization field, never into a URL.
import {session, refuse} from '../lib/session.svelte';
import {noteServerTime} from '../lib/clock';
import {text} from '../en';
import type {FieldError} from './types';

const base = '/api/v1';

// What the API said no with, as RFC 9457 puts it.
export class ApiError extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly errors: FieldError[] = [],
  ) {
    super(detail);
  }
}

export interface Options {
  body?: unknown;
  etag?: string | null; // the change holds only for what was read with it
  query?: Record<string, string>;
  signal?: AbortSignal;
  token?: string; // to try another than that of the session
}

export interface Answer<T> {
  data: T;
  etag: string | null;
}

// A path of literal parts and names; names cannot leave their place in it.
export function path(...parts: string[]): string {
  return parts.map((part) => '/' + encodeURIComponent(part)).join('');
}

// The answer as it begins; its body may still be on its way.
export async function send(method: string, where: string, options: Options = {}): Promise<Response> {
  const token = options.token ?? session.token;
  const headers: Record<string, string> = {Authorization: `Bearer ${token}`};
  if (options.body !== undefined) {
    headers['Content-Type'] = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  }
  if (method === 'POST') headers['Idempotency-Key'] = identity();
  if (options.etag) headers['If-Match'] = options.etag;
  const query = options.query ? '?' + new URLSearchParams(options.query) : '';
  let response: Response;
  try {
    response = await fetch(base + where + query, {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
      cache: 'no-store',
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, text.errors.unreachable);
  }
  noteServerTime(response.headers.get('Date'));
  if (response.status === 401) {
    refuse(token);
    throw new ApiError(401, text.signIn.refused);
  }
  if (!response.ok) throw await problem(response);
  return response;
}

export async function call<T>(method: string, where: string, options: Options = {}): Promise<Answer<T>> {
  const response = await send(method, where, options);
  const data = response.status === 204 ? undefined : await response.json();
  return {data: data as T, etag: response.headers.get('ETag')};
}

// For `Idempotency-Key`; crypto.randomUUID is there on secure origins only.
function identity(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function problem(response: Response): Promise<ApiError> {
  const said = await response.text();
  try {
    const parsed = JSON.parse(said);
    return new ApiError(response.status, parsed.detail ?? parsed.title, parsed.errors ?? []);
  } catch {
    return new ApiError(response.status, said.trim() || text.errors.status(response.status));
  }
}
