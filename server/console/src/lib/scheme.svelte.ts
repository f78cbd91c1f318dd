// SPDX-License-Identifier: Apache-2.0
// Whether the page is dark, for what draws with colours of its own.
const query = matchMedia('(prefers-color-scheme: dark)');

export const scheme = $state({dark: query.matches});

query.addEventListener('change', () => (scheme.dark = query.matches));
