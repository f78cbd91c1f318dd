// SPDX-License-Identifier: Apache-2.0
// The client of the control API. Its routes, parameters, bodies and answers are those of schema.d.ts, which is generated from the
// API's description; what is here is about every request: the token goes into the Authorization field, never into a URL, and
// what is refused is thrown.
import createClient, {type Middleware} from 'openapi-fetch';
import {session, refuse} from '../lib/session.svelte';
import {noteServerTime} from '../lib/clock';
import {text} from '../en';
import type {paths} from './schema';
import type {FieldError} from './types';

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

export const bearer = (token: string) => `Bearer ${token}`;

const everyRequest: Middleware = {
  onRequest({request}) {
    if (!request.headers.has('Authorization')) request.headers.set('Authorization', bearer(session.token));
    if (request.method === 'PATCH') request.headers.set('Content-Type', 'application/merge-patch+json');
    if (request.method === 'POST') request.headers.set('Idempotency-Key', identity());
  },
  async onResponse({request, response}) {
    noteServerTime(response.headers.get('Date'));
    if (response.status === 401) {
      refuse(request.headers.get('Authorization')!.slice(bearer('').length));
      throw new ApiError(401, text.signIn.refused);
    }
    if (!response.ok) throw await problem(response);
  },
  onError({error, request}) {
    if (!request.signal.aborted) return new ApiError(0, text.errors.unreachable);
    return error instanceof Error ? error : undefined;
  },
};

export const api = createClient<paths>({baseUrl: '/api/v1', cache: 'no-store', fetch: (request) => fetch(request)});
api.use(everyRequest);

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
