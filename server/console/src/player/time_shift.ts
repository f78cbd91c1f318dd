// SPDX-License-Identifier: Apache-2.0
// The parameters of a playback URL that ask for the past (docs/operations.md, "Time shift").
export type Mode = 'live' | 'offset' | 'event' | 'range' | 'vod';

export interface Shift {
  mode: Mode;
  start: string;
  end: string;
  offset: string;
}

// What the mode needs and was left empty; null: nothing.
export function missing(shift: Shift): 'start' | 'end' | 'offset' | null {
  const needed = {live: [], offset: ['offset'], event: ['start'], range: ['start', 'end'], vod: ['start', 'end']}[shift.mode];
  return (needed as ('start' | 'end' | 'offset')[]).find((name) => !shift[name].trim()) ?? null;
}

export function shifted(url: string, shift: Shift): string {
  const pairs = {
    live: [],
    offset: [['offset', shift.offset.trim()]],
    event: [['start', shift.start.trim()]],
    range: [['start', shift.start.trim()], ['end', shift.end.trim()]],
    vod: [['start', shift.start.trim()], ['vodend', shift.end.trim()]],
  }[shift.mode].filter(([, value]) => value);
  // ':' is as good as %3A in a query, and easier to read
  const query = new URLSearchParams(pairs as [string, string][]).toString().replaceAll('%3A', ':');
  return query ? `${url}?${query}` : url;
}
