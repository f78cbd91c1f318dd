// SPDX-License-Identifier: Apache-2.0
// What an input is doing, in a word: the server's, where it has one; it has none while a channel's pipeline is not there.
import type {InputStatus} from '../api/types';
import {text} from '../en';

export type Tone = 'good' | 'warn' | 'bad' | 'soft';

export function inputState(input: InputStatus): {tone: Tone; word: string} {
  const words = text.status;
  const role = input.active ? words.active : words.standby;
  switch (input.state) {
    case 'live': return {tone: input.conditions.length > 0 ? 'warn' : 'good', word: role};
    case 'late': return {tone: 'warn', word: words.late(role)};
    case 'failing': return {tone: 'bad', word: words.failing};
    case 'ended': return {tone: 'soft', word: words.ended};
    case 'stalled': return {tone: 'bad', word: words.silent};
    default:
      if (input.lastSegment) return {tone: 'bad', word: words.silent};
      return input.lastError ? {tone: 'bad', word: words.failing} : {tone: 'soft', word: words.never};
  }
}
