// SPDX-License-Identifier: Apache-2.0
// The control token: in the tab's own storage, gone with the tab.
const key = 'tarn-token';

export const session = $state({token: sessionStorage.getItem(key) ?? '', refused: false});

export function signIn(token: string): void {
  sessionStorage.setItem(key, token);
  session.token = token;
  session.refused = false;
}

export function signOut(): void {
  sessionStorage.removeItem(key);
  session.token = '';
  session.refused = false;
}

// The server does not take this token (any more).
export function refuse(token: string): void {
  if (token !== session.token) return;
  signOut();
  session.refused = true;
}
