// SPDX-License-Identifier: Apache-2.0
// Where the gaps of a timeline are on a bar of its newest part.
import type {Gap} from '../api/types';

const longest = 3600_000; // ms
const narrowest = 0.004; // of the bar: what is there is seen

export interface Bar {
  from: number; // ms since 1970
  to: number;
  marks: {at: number; length: number; gap: Gap}[]; // parts of the bar
}

export function barOf(start: string, end: string, gaps: Gap[]): Bar {
  const to = Date.parse(end);
  const from = Math.max(Date.parse(start), to - longest);
  const part = (time: number) => Math.min(1, Math.max(0, (time - from) / Math.max(1, to - from)));
  const marks = gaps.filter((gap) => Date.parse(gap.end) > from).map((gap) => {
    const at = part(Date.parse(gap.start));
    const length = Math.max(narrowest, part(Date.parse(gap.end)) - at);
    return {at: Math.min(at, 1 - length), length, gap};
  });
  return {from, to, marks};
}
