// SPDX-License-Identifier: Apache-2.0
// Between what a form shows (texts, ticks) and what the API takes. Nothing is judged here: what is wrong goes to the server
// as it was typed, and its answer says what it must be.
import type {Protocol} from '../api/types';
import type {Field} from './fields';

export type Value = string | boolean | string[];
export type Values = Record<string, Value>;
type Json = string | number | boolean | null | Json[] | {[key: string]: Json};

function at(resource: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inside, key) => (inside as Record<string, unknown> | null)?.[key], resource);
}

export function valuesOf(fields: readonly Field[], resource: unknown): Values {
  return Object.fromEntries(fields.map((field) => [field.path, shown(field, at(resource, field.path))]));
}

function shown(field: Field, value: unknown): Value {
  switch (field.kind) {
    case 'check': return Boolean(value);
    case 'set': return Array.isArray(value) ? value.map(String) : [];
    case 'list': return Array.isArray(value) ? value.join('\n') : '';
    case 'choice': return value === null || value === undefined ? (field.choices?.[0] ?? '') : String(value);
    default: return value === null || value === undefined ? '' : String(value);
  }
}

export function visible(fields: readonly Field[], values: Values): Field[] {
  return fields.filter((field) => (!field.only || field.only.includes(values.protocol as Protocol)) &&
    (!field.drm || values.drm === true));
}

function json(field: Field, value: Value | undefined): Json {
  if (field.kind === 'list') return String(value ?? '').split(/[\s,]+/).filter(Boolean);
  if (typeof value !== 'string') return value ?? null;
  const typed = field.kind === 'secret' ? value : value.trim();
  if (typed === '') return null;
  return field.kind === 'number' && /^-?\d{1,15}$/.test(typed) ? Number(typed) : typed;
}

function put(body: {[key: string]: Json}, path: string, value: Json): void {
  const keys = path.split('.');
  const last = keys.pop()!;
  for (const key of keys) body = (body[key] ??= {}) as {[key: string]: Json};
  body[last] = value;
}

// Everything that is filled in, for POST.
export function newBody(fields: readonly Field[], values: Values): {[key: string]: Json} {
  const body = {};
  for (const field of visible(fields, values)) {
    const value = json(field, values[field.path]);
    const empty = value === null || value === false || (Array.isArray(value) && value.length === 0 && !field.required);
    if (!empty && field.path !== 'drm') put(body, field.path, value);
  }
  // encryption that was asked for with nothing in it: the server says what is missing
  if (values.drm === true && visible(fields, values).some((field) => field.path === 'drm')) {
    (body as {[key: string]: Json}).drm ??= {};
  }
  return body;
}

// What differs from `before`, as a merge patch: null puts a setting back to its default.
export function patchBody(fields: readonly Field[], values: Values, before: Values): {[key: string]: Json} {
  const body = {};
  const newly = values.drm === true && before.drm !== true;
  for (const field of visible(fields, values)) {
    if (field.fixed) continue;
    const value = json(field, values[field.path]);
    if (field.path === 'drm') {
      if (values.drm !== before.drm && values.drm === false) put(body, 'drm', null);
    } else if (newly && field.drm) {
      if (value !== null) put(body, field.path, value);
    } else if (JSON.stringify(value) !== JSON.stringify(json(field, before[field.path]))) {
      put(body, field.path, value);
    }
  }
  return body;
}
