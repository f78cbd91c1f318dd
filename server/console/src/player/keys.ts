// SPDX-License-Identifier: Apache-2.0
// Keys of the built-in provider, by EME's ClearKey messages; key ids are in the endpoint's status.
import {readEndpointStatus} from '../api/resources';
import {session} from '../lib/session.svelte';

export function toBase64Url(hexadecimal: string): string {
  const bytes = hexadecimal.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? [];
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function toHexadecimal(base64Url: string): string {
  const bytes = atob(base64Url.replaceAll('-', '+').replaceAll('_', '/'));
  return [...bytes].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

// null: there is no such provider here, or it does not give them.
export async function builtinKeys(group: string, channel: string, endpoint: string): Promise<Record<string, string> | null> {
  const status = await readEndpointStatus(group, channel, endpoint);
  const ids = [...(status.drm?.keyIds ?? []), ...(status.drm?.nextKeyIds ?? [])];
  const kids = ids.map((id) => toBase64Url(id.replaceAll('-', '')));
  if (kids.length === 0) return null;
  const answer = await fetch('/clearkey', {
    method: 'POST',
    headers: {'Content-Type': 'application/json', Authorization: `Bearer ${session.token}`},
    body: JSON.stringify({kids, type: 'temporary'}),
  });
  if (!answer.ok) return null;
  const {keys} = (await answer.json()) as {keys: {kid: string; k: string}[]};
  return Object.fromEntries(keys.map((key) => [toHexadecimal(key.kid), toHexadecimal(key.k)]));
}
