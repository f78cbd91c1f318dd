// SPDX-License-Identifier: Apache-2.0
// Addresses are fragments, so that the server has one page: #/groups/news/channels/one/inputs
export const route = $state({parts: parse(location.hash)});

function parse(hash: string): string[] {
  try {
    return hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    return [];
  }
}

addEventListener('hashchange', () => {
  route.parts = parse(location.hash);
  scrollTo(0, 0);
});

export function href(...parts: string[]): string {
  return '#/' + parts.map(encodeURIComponent).join('/');
}

export function go(...parts: string[]): void {
  location.hash = href(...parts);
}
