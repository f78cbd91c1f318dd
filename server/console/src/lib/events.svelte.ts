// SPDX-License-Identifier: Apache-2.0
// What happens on the server, as GET /api/v1/events tells it: one stream for the page, read with fetch() because the token
// goes into a field, and open only while somebody listens and the page is seen: browsers have six connections for a host.
import {followEvents} from '../api/resources';

export interface ServerEvent {
  event: string;
  channel?: string; // group/channel
  endpoint?: string; // group/channel/endpoint
  resource?: string; // "channel group/channel"
}

// null: the stream has begun or ended, and what came in between is not known.
type Listener = (event: ServerEvent | null) => void;

export const feed = $state({live: false});

const listeners = new Set<Listener>();
const firstPause = 1000;
const longestPause = 30_000;
const silence = 40_000; // an empty line comes every 15 s
let end: AbortController | null = null;

export function listen(listener: Listener): () => void {
  listeners.add(listener);
  attend();
  return () => {
    listeners.delete(listener);
    attend();
  };
}

// A resource that an event names is at `path` (group, group/channel, …) or below it.
export const concerns = (path: string) => (event: ServerEvent) =>
  [event.channel, event.endpoint, event.resource?.split(' ')[1]].some((named) => named === path || named?.startsWith(path + '/'));
// A change of the group itself.
export const isGroup = (name: string) => (event: ServerEvent) => event.resource === `group ${name}`;
export const aboutResources = (event: ServerEvent) => event.event.startsWith('resource-');
export const aboutTasks = (event: ServerEvent) => event.event.startsWith('collection-');

document.addEventListener('visibilitychange', attend);

function attend(): void {
  const wanted = listeners.size > 0 && !document.hidden;
  if (wanted && !end) {
    end = new AbortController();
    void follow(end.signal);
  } else if (!wanted && end) {
    end.abort();
    end = null;
    feed.live = false;
  }
}

async function follow(signal: AbortSignal): Promise<void> {
  let pause = firstPause;
  while (!signal.aborted) {
    const began = Date.now();
    try {
      await read(signal);
    } catch {
      // those who listen ask by themselves until it is back
    }
    if (signal.aborted) return;
    tellLive(false);
    if (Date.now() - began > longestPause) pause = firstPause;
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, longestPause);
  }
}

async function read(signal: AbortSignal): Promise<void> {
  const stuck = new AbortController();
  signal.addEventListener('abort', () => stuck.abort(), {once: true, signal: stuck.signal});
  const lines = await followEvents(stuck.signal);
  const reader = lines.pipeThrough(new TextDecoderStream()).getReader();
  let watchdog = setTimeout(() => stuck.abort(), silence);
  let text = '';
  try {
    for (;;) {
      const {done, value} = await reader.read();
      if (done || signal.aborted) return;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stuck.abort(), silence);
      tellLive(true);
      const whole = (text + value).split('\n');
      text = whole.pop()!;
      for (const line of whole) if (line) tell(JSON.parse(line));
    }
  } finally {
    clearTimeout(watchdog);
  }
}

function tellLive(live: boolean): void {
  if (feed.live === live) return;
  feed.live = live;
  tell(null);
}

function tell(event: ServerEvent | null): void {
  for (const listener of [...listeners]) listener(event);
}
