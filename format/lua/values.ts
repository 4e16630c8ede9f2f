/**
 * Owns what the analysis knows about a value before the program runs. It combines no values and reports nothing.
 *
 * Two directions of doubt: a value that may be a dangerous global counts as that global, and a string counts as constant
 * only where nothing could have changed it.
 */

import { printable } from '../text.ts';
import type { Variable } from './ast.ts';
import { isKnownGlobal, isSensitive } from './globals.ts';
import { followedPart, PLATFORM_GLOBAL, partOf } from './platform-api.ts';
import { isOnlyRead, numberKey } from './scopes.ts';

/** Longer constants are cut to a known beginning: no global has so long a name. */
const MAX_TEXT = 4096;

export type Value =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'nil' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'number'; readonly value: number }
  /** `whole`: all of it is known, else only its beginning. `computed`: a replaceable library function made it. */
  | { readonly kind: 'string'; readonly text: string; readonly whole: boolean; readonly computed: boolean }
  /** The table of globals itself. */
  | { readonly kind: 'globals' }
  /** A global that Lua or the platform defines, by path: `os`, `string.dump`, `mosis.net.get`. */
  | { readonly kind: 'global'; readonly path: string }
  | TableValue
  | FunctionValue
  /** The metatable that all strings share; of something that may be a string; and what `__index` of the latter is. */
  | { readonly kind: 'stringMetatable' | 'someMetatable' | 'someIndex' }
  /** One of several values that must each be followed, so that none of them can be. */
  | { readonly kind: 'mixed' };

/** `constant`: nothing can change it. `likely`: another alias of it may, which is enough for a host and no more. */
type Trust = 'constant' | 'likely';

export interface TableValue {
  readonly kind: 'table';
  readonly fields: ReadonlyMap<string, Value>;
  /** Whether a table of globals, or a library that must be followed, lies in it at any depth. */
  readonly sensitive: boolean;
  /** The part of the platform's API in it, at any depth, that must be followed to know what it is used for. */
  readonly platform: string | null;
  /** How far its fields are still what the constructor says. */
  readonly trust: Trust;
  /** The variable it is in, which knows the fields that are assigned later. */
  readonly variable: Variable | null;
}

/** A function of the app; what matters is what it gives. */
export interface FunctionValue {
  readonly kind: 'function';
  readonly result: () => Value;
}

export const UNKNOWN: Value = { kind: 'unknown' };
export const NIL: Value = { kind: 'nil' };
export const TRUE: Value = { kind: 'boolean', value: true };
export const FALSE: Value = { kind: 'boolean', value: false };
export const GLOBALS: Value = { kind: 'globals' };
export const MIXED: Value = { kind: 'mixed' };
export const STRING_METATABLE: Value = { kind: 'stringMetatable' };
export const SOME_METATABLE: Value = { kind: 'someMetatable' };
const SOME_INDEX: Value = { kind: 'someIndex' };
const STRING_LIBRARY: Value = { kind: 'global', path: 'string' };

/** A string of which `text` is the beginning, or all. */
export function stringValue(text: string, whole = true, computed = false): Value {
  if (text.length <= MAX_TEXT) return { kind: 'string', text, whole, computed };
  return { kind: 'string', text: text.slice(0, MAX_TEXT), whole: false, computed };
}

/** What the environment has under a name. */
export function globalValue(name: string): Value {
  if (name === '_G') return GLOBALS;
  return isKnownGlobal(name) ? { kind: 'global', path: name } : UNKNOWN;
}

/** The name of a table field for a constant key; numbers, strings and booleans do not meet. */
export function fieldName(key: Value): string | null {
  if (key.kind === 'string') return key.whole ? `s${key.text}` : null;
  if (key.kind === 'boolean') return `b${key.value}`;
  return key.kind === 'number' ? numberKey(key.value) : null;
}

/** The same, or null where the key was made by something that could have been replaced. */
export function certainFieldName(key: Value): string | null {
  return key.kind === 'string' && key.computed ? null : fieldName(key);
}

/** Whether the value must not go where the analysis can't follow it. */
export function mustBeFollowed(value: Value): boolean {
  switch (value.kind) {
    case 'globals':
    case 'stringMetatable':
    case 'mixed':
      return true;
    case 'global':
      return isSensitive(value.path);
    case 'table':
      return value.sensitive;
    case 'function':
      return mustBeFollowed(value.result());
    default:
      return false;
  }
}

/** The part of the platform's API that the value is or leads to, if it must be followed to know what it is used for. */
export function platformIn(value: Value): string | null {
  if (value.kind === 'global') return followedPart(value.path);
  if (value.kind === 'table') return value.platform;
  return value.kind === 'function' ? platformIn(value.result()) : null;
}

/** `base[key]`, for a key that is a whole string, a number or a boolean; UNKNOWN for every other key. */
export function indexValue(base: Value, key: Value): Value {
  const name = fieldName(key);
  if (name === null) return UNKNOWN;
  if (base.kind === 'table') return fieldValue(base, name);
  if (key.kind !== 'string') return UNKNOWN;
  switch (base.kind) {
    case 'globals':
      return globalValue(key.text);
    case 'global':
      return { kind: 'global', path: `${base.path}.${key.text}` };
    case 'string':
      return { kind: 'global', path: `string.${key.text}` };
    case 'stringMetatable':
      return key.text === '__index' ? STRING_LIBRARY : UNKNOWN;
    case 'someMetatable':
      return key.text === '__index' ? SOME_INDEX : UNKNOWN;
    case 'someIndex':
      // Nothing but the metatable of strings has this under a name that is worth the doubt.
      return key.text === 'dump' ? { kind: 'global', path: 'string.dump' } : UNKNOWN;
    default:
      return UNKNOWN;
  }
}

function fieldValue(table: TableValue, name: string): Value {
  const field = table.fields.get(name) ?? UNKNOWN;
  return table.trust === 'constant' ? field : doubtful(field);
}

/** A value that may be another at run time: what it names is kept, that it is harmless is not. */
export function doubtful(value: Value): Value {
  if (isReference(value)) return value;
  if (value.kind === 'string') return { ...value, computed: true };
  return value.kind === 'table' ? asField(value) : UNKNOWN;
}

/** Whether a value is a global, or leads to one, rather than data. */
export function isReference(value: Value): boolean {
  return value.kind === 'global' || value.kind === 'function' || mustBeFollowed(value) || platformIn(value) !== null;
}

/** The value of a constructor. `open`: it has fields whose names are not known. */
export function tableValue(fields: ReadonlyMap<string, Value>, sensitive: boolean, open: boolean): TableValue {
  let platform: string | null = null;
  for (const field of fields.values()) platform ??= platformIn(field);
  return { kind: 'table', fields, sensitive, platform, trust: open ? 'likely' : 'constant', variable: null };
}

/** A table as seen through a variable, which others may reach too unless nothing but reading is ever done with it. */
export function inVariable(value: Value, variable: Variable): Value {
  if (value.kind !== 'table') return value;
  return { ...value, trust: isOnlyRead(variable) ? value.trust : 'likely', variable };
}

/** A value as a field of a table: a table in it can get a second name, so its own fields are only likely. */
export function asField(value: Value): Value {
  return value.kind === 'table' && value.trust === 'constant' ? { ...value, trust: 'likely' } : value;
}

/** Whether a value is the platform's API or a part of it. */
export function isPlatform(value: Value): value is { readonly kind: 'global'; readonly path: string } {
  return value.kind === 'global' && (value.path === PLATFORM_GLOBAL || partOf(value.path) !== null);
}

/** Whether two values are certainly the same table. */
export function sameTable(a: Value, b: Value): boolean {
  if (a === b) return true;
  return (
    a.kind === b.kind && (a.kind === 'globals' || (a.kind === 'global' && b.kind === 'global' && a.path === b.path))
  );
}

/** A value that is one or the other: the one that must be followed, MIXED if both must and differ. */
export function either(a: Value, b: Value): Value {
  if (sameTable(a, b)) return a;
  const [followA, followB] = [mustBeFollowed(a), mustBeFollowed(b)];
  if (followA && followB) return MIXED;
  if (followA || followB) return followA ? a : b;
  if (platformIn(a) !== null || platformIn(b) !== null) return platformIn(a) !== null ? a : b;
  if (a.kind === 'string' && b.kind === 'string' && a.whole && b.whole && a.text === b.text)
    return { ...a, computed: a.computed || b.computed };
  return isReference(a) ? a : isReference(b) ? b : UNKNOWN;
}

/** What to call a value that must be followed, in a message. */
export function nameOf(value: Value): string {
  switch (value.kind) {
    case 'global':
      return `"${printable(value.path)}"`;
    case 'globals':
      return 'The table of globals';
    case 'stringMetatable':
      return 'The metatable of strings';
    case 'function':
      return 'A function that gives globals';
    case 'mixed':
      return 'One of several tables of globals';
    default:
      return 'A table that holds globals';
  }
}
