// SPDX-License-Identifier: Apache-2.0
// 24 characters that an authorization code may have: 142 bits.
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export function randomCode(): string {
  return [...crypto.getRandomValues(new Uint8Array(24))].map((byte) => letters[byte & 63]).join('');
}
