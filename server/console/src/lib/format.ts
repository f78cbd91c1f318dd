// SPDX-License-Identifier: Apache-2.0
// Numbers and times for people.
const one = new Intl.NumberFormat('en', {maximumFractionDigits: 1});
const whole = new Intl.NumberFormat('en');

function scaled(value: number, step: number, units: string[]): string {
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit += 1;
  }
  return `${one.format(value)} ${units[unit]}`;
}

export const number = (value: number) => whole.format(value);
export const bytes = (value: number) => scaled(value, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
export const bitrate = (value: number) => scaled(value, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s']);
export const milliseconds = (microseconds: number) => `${one.format(microseconds / 1000)} ms`;

export function duration(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds));
  const days = Math.floor(rounded / 86400);
  const parts = [Math.floor(rounded / 3600) % 24, Math.floor(rounded / 60) % 60, rounded % 60];
  const clock = parts.map((part) => String(part).padStart(2, '0')).join(':');
  return days > 0 ? `${days} d ${clock}` : clock;
}

// What is behind something else: tenths matter while it is little.
export const lag = (seconds: number) => (seconds < 60 ? `${one.format(Math.max(0, seconds))} s` : duration(seconds));

// Of a track: its tag's name where it has one; und (ISO 639-2) says that nobody has said.
const languages = new Intl.DisplayNames('en', {type: 'language', fallback: 'code'});
export function language(tag: string | null | undefined): string {
  if (!tag || /^und\b/i.test(tag)) return '';
  try {
    return languages.of(tag) ?? tag;
  } catch {
    return tag; // no tag that anybody knows
  }
}

// UTC, to the second: what the API, manifests and logs speak.
export const utc = (time: string) => `${time.slice(0, 10)} ${time.slice(11, 19)}`;
export const utcClock = (time: string) => time.slice(11, 19);
export const toIso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
