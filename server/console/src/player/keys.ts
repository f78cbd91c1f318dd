// SPDX-License-Identifier: Apache-2.0
// Keys of the built-in provider, by EME's ClearKey messages; key ids are in the endpoint's status and in playlists.
import {readEndpointStatus} from '../api/resources';
import {session} from '../lib/session.svelte';
import type {Licences} from './playback';

export function toBase64Url(hexadecimal: string): string {
  const bytes = hexadecimal.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? [];
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function toHexadecimal(base64Url: string): string {
  const bytes = atob(base64Url.replaceAll('-', '+').replaceAll('_', '/'));
  return [...bytes].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

export function licences(): Licences {
  return {url: new URL('/clearkey', location.href).href, authorization: `Bearer ${session.token}`};
}

// Key ids of all that a multivariant playlist leads to: with rotation the past has others than now.
async function listed(url: string, code: string): Promise<string[]> {
  const answer = await fetch(url, {headers: code ? {Authorization: `Bearer ${code}`} : {}}).catch(() => null);
  const text = answer?.ok ? await answer.text() : '';
  return [...text.matchAll(/^#EXT-X-SESSION-KEY:.*KEYID=0x([0-9a-fA-F]{32})/gm)].map((found) => found[1] ?? '');
}

// null: there is no such provider here, or it does not give them. `playlist` is that of HLS, empty of DASH.
export async function builtinKeys(group: string, channel: string, endpoint: string, playlist: string, code: string):
  Promise<Record<string, string> | null> {
  const status = await readEndpointStatus(group, channel, endpoint);
  const ids = [...(status.drm?.keyIds ?? []), ...(status.drm?.nextKeyIds ?? []), ...(playlist ? await listed(playlist, code) : [])];
  const kids = [...new Set(ids.map((id) => id.replaceAll('-', '').toLowerCase()))].map(toBase64Url);
  if (kids.length === 0) return null;
  const {url, authorization} = licences();
  const answer = await fetch(url, {
    method: 'POST',
    headers: {'Content-Type': 'application/json', Authorization: authorization},
    body: JSON.stringify({kids, type: 'temporary'}),
  });
  if (!answer.ok) return null;
  const {keys} = (await answer.json()) as {keys: {kid: string; k: string}[]};
  return Object.fromEntries(keys.map((key) => [toHexadecimal(key.kid), toHexadecimal(key.k)]));
}
