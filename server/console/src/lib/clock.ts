// SPDX-License-Identifier: Apache-2.0
// The server's clock as its Date fields show it: they are cut to seconds, so the largest difference seen is the nearest.
let offset: number | null = null;

export function noteServerTime(date: string | null): void {
  const at = date ? Date.parse(date) : NaN;
  if (Number.isNaN(at)) return;
  const seen = at - Date.now();
  // a clock that was set anew starts over
  if (offset === null || seen > offset || offset - seen > 5000) offset = seen;
}

export function serverNow(): number {
  return Date.now() + (offset ?? 0);
}
