// SPDX-License-Identifier: Apache-2.0
// Calls `work` again and again, `pause` ms after each time it is done, while the page is seen; for $effect.
export function poll(work: (signal: AbortSignal) => Promise<void>, pause: number): () => void {
  const end = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let busy = false;

  async function round(): Promise<void> {
    if (busy || end.signal.aborted) return;
    clearTimeout(timer);
    busy = true;
    try {
      await work(end.signal);
    } catch {
      // `work` shows its own failures; what is left is an aborted request
    }
    busy = false;
    if (!end.signal.aborted && !document.hidden) timer = setTimeout(round, pause);
  }

  const seen = () => { if (!document.hidden) void round(); };
  document.addEventListener('visibilitychange', seen);
  void round();
  return () => {
    end.abort();
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', seen);
  };
}
