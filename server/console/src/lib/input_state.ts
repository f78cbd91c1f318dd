// SPDX-License-Identifier: Apache-2.0
// What an input is doing, in a word.
import type {InputStatus} from '../api/types';
import {text} from '../en';

export type Tone = 'good' | 'warn' | 'bad' | 'soft';

export function inputState(input: InputStatus): {tone: Tone; word: string} {
  if (!input.lastSegment) return {tone: 'soft', word: text.status.never};
  if (!input.connected) return {tone: 'bad', word: text.status.silent};
  const tone = input.conditions.length > 0 ? 'warn' : 'good';
  return {tone, word: input.active ? text.status.active : text.status.standby};
}
