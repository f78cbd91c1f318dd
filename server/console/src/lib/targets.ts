// SPDX-License-Identifier: Apache-2.0
// Where what a collection task has made is, as the store names it: the server's own defaults (docs/operations.md).
import type {Task} from '../api/types';

const encoded = (key: string) => key.split('/').map(encodeURIComponent).join('/');

// Of a manifest, or of the folder while there is none: below the target's own URL.
export function placeOf(task: Task): string {
  const base = task.target.url.replace(/\/+$/, '');
  return [base.endsWith(':') ? `${base}${task.folder}` : `${base}/${task.folder}`, task.manifest].filter(Boolean).join('/');
}

// Where a browser finds the manifest; null: there is none, or no browser does. A bucket may ask for more than a link has.
export function linkOf(task: Task): string | null {
  const named = /^(s3|oss):\/\/([^/]+)\/?(.*)$/.exec(task.target.url);
  if (!named || !task.manifest) return null;
  const [, scheme, bucket, prefix] = named;
  const {endpoint, region, pathStyle} = task.target;
  const base = endpoint || (scheme === 'oss' ? `https://oss-${region}.aliyuncs.com` : `https://s3.${region}.amazonaws.com`);
  if (!endpoint && !region) return null;
  const store = URL.canParse(base) ? new URL(base) : null;
  if (!store || !/^https?:$/.test(store.protocol)) return null;
  const key = encoded([prefix!.replace(/\/+$/, ''), task.folder, task.manifest].filter(Boolean).join('/'));
  const path = store.pathname.replace(/\/+$/, '');
  return pathStyle ? `${store.origin}${path}/${bucket}/${key}` : `${store.protocol}//${bucket}.${store.host}${path}/${key}`;
}
