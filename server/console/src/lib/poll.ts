// SPDX-License-Identifier: Apache-2.0
// Keeps what a page shows up to date, for $effect: calls `work` now, when the server tells of something that it is about, and
// `pause` ms after each time it is done, while the page is seen. A storm of events makes it no faster than once a second, and
// what comes last is seen.
import {feed, listen, type ServerEvent} from './events.svelte';

export interface Following {
  about: (event: ServerEvent) => boolean;
  pause: number | (() => number); // instead of the other, while events come
}

const together = 150; // ms: what happens at once is read once
const apart = 1000; // ms from one reading to the next, at the least

export function poll(work: (signal: AbortSignal) => Promise<void>, pause: number, following?: Following): () => void {
  const end = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let busy = false;
  let again = false;
  let began = -apart; // of performance.now()

  async function round(): Promise<void> {
    if (busy || end.signal.aborted) return;
    clearTimeout(timer);
    began = performance.now();
    busy = true;
    again = false;
    try {
      await work(end.signal);
    } catch {
      // `work` shows its own failures; what is left is an aborted request
    }
    busy = false;
    if (!end.signal.aborted && !document.hidden) timer = setTimeout(round, again ? soon() : next());
  }

  const soon = () => Math.max(together, began + apart - performance.now());

  function next(): number {
    if (!following || !feed.live) return pause;
    return typeof following.pause === 'number' ? following.pause : following.pause();
  }

  function hear(event: ServerEvent | null): void {
    if (event && !following!.about(event)) return;
    if (again) return; // it is on its way
    again = true;
    if (busy) return;
    clearTimeout(timer);
    timer = setTimeout(round, soon());
  }

  const seen = () => { if (!document.hidden) void round(); };
  document.addEventListener('visibilitychange', seen);
  const deaf = following ? listen(hear) : () => {};
  void round();
  return () => {
    end.abort();
    clearTimeout(timer);
    deaf();
    document.removeEventListener('visibilitychange', seen);
  };
}
