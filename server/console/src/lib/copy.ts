// SPDX-License-Identifier: Apache-2.0
// To the clipboard. navigator.clipboard exists on secure origins only; elsewhere a selection is copied, beside `anchor`, because
// a modal dialog makes everything outside of it inert.
export async function copy(value: string, anchor: HTMLElement): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(value);
      return true;
    }
  } catch {
    // refused: the old way may still be open
  }
  const area = document.createElement('textarea');
  area.value = value;
  area.className = 'hidden';
  anchor.after(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  anchor.focus();
  return done;
}
