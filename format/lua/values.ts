/**
 * Owns what the analysis knows about a value before the program runs, and how values combine. It reports nothing.
 *
 * Two directions of doubt: a value that may be a dangerous global counts as that global, and a string counts as constant
 * only where nothing could have changed it.
 */

import { printable } from '../text.ts';
import type { Variable } from './ast.ts';
import { isKnownGlobal, isLibrary, isSensitive } from './globals.ts';
import { PLATFORM_GLOBAL, partOf } from './platform-api.ts';
import { isOnlyRead } from './scopes.ts';

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
  /** The metatable that all strings share. */
  | { readonly kind: 'stringMetatable' };

/** `constant`: nothing can change it. `likely`: another alias of it may, which is enough for a host and no more. */
type Trust = 'constant' | 'likely';

export interface TableValue {
  readonly kind: 'table';
  readonly fields: ReadonlyMap<string, Value>;
  /** Whether a table of globals, or a library that must be followed, lies in it at any depth. */
  readonly sensitive: boolean;
  /** How far its fields are still what the constructor says. */
  readonly trust: Trust;
  /** The variable it is in, which knows the fields that are assigned later. */
  readonly variable: Variable | null;
}

export const UNKNOWN: Value = { kind: 'unknown' };
export const NIL: Value = { kind: 'nil' };
export const TRUE: Value = { kind: 'boolean', value: true };
export const FALSE: Value = { kind: 'boolean', value: false };
export const GLOBALS: Value = { kind: 'globals' };
const STRING_METATABLE: Value = { kind: 'stringMetatable' };
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

/** The name of a table field for a constant key; numbers and strings do not meet. */
export function fieldName(key: Value): string | null {
  if (key.kind === 'string') return key.whole ? `s${key.text}` : null;
  return key.kind === 'number' ? `n${key.value}` : null;
}

/** Whether the value must not go where the analysis can't follow it. */
export function mustBeFollowed(value: Value): boolean {
  if (value.kind === 'globals' || value.kind === 'stringMetatable') return true;
  if (value.kind === 'global') return isSensitive(value.path);
  return value.kind === 'table' && value.sensitive;
}

/** `base[key]`, for a key that is a whole string or a number; UNKNOWN for every other key. */
export function indexValue(base: Value, key: Value): Value {
  const name = fieldName(key);
  if (name === null) return UNKNOWN;
  switch (base.kind) {
    case 'globals':
      return key.kind === 'string' ? globalValue(key.text) : UNKNOWN;
    case 'global':
      return key.kind === 'string' ? { kind: 'global', path: `${base.path}.${key.text}` } : UNKNOWN;
    case 'string':
      return key.kind === 'string' ? { kind: 'global', path: `string.${key.text}` } : UNKNOWN;
    case 'stringMetatable':
      return key.kind === 'string' && key.text === '__index' ? STRING_LIBRARY : UNKNOWN;
    case 'table':
      return fieldValue(base, name);
    default:
      return UNKNOWN;
  }
}

function fieldValue(table: TableValue, name: string): Value {
  const field = table.fields.get(name) ?? UNKNOWN;
  if (table.trust === 'constant' || isReference(field)) return field;
  if (table.variable?.writtenFields?.has(name) === true || table.variable?.writtenFields?.has('*') === true)
    return UNKNOWN;
  if (field.kind === 'string') return { ...field, computed: true };
  return field.kind === 'table' ? field : UNKNOWN;
}

/** Whether a value is a global, or leads to one, rather than data. */
export function isReference(value: Value): boolean {
  return value.kind === 'globals' || value.kind === 'global' || (value.kind === 'table' && value.sensitive);
}

/** A table as seen through a variable, which others may reach too unless nothing but reading is ever done with it. */
export function inVariable(value: Value, variable: Variable): Value {
  if (value.kind !== 'table') return value;
  return { ...value, trust: isOnlyRead(variable) ? value.trust : 'likely', variable };
}

/** Whether the value of a variable is that of its one definition. */
export function hasOneDefinition(variable: Variable): boolean {
  return variable.definitions === 1 && variable.definition !== null;
}

/** The value of a constructor. `open`: it has fields whose names are not known. */
export function tableValue(fields: ReadonlyMap<string, Value>, sensitive: boolean, open: boolean): Value {
  return { kind: 'table', fields, sensitive, trust: open ? 'likely' : 'constant', variable: null };
}

/** A value as a field of a table: a table in it can get a second name, so its own fields are only likely. */
export function asField(value: Value): Value {
  return value.kind === 'table' && value.trust === 'constant' ? { ...value, trust: 'likely' } : value;
}

export function unaryValue(operator: string, operand: Value): Value {
  if (operator === '-' && operand.kind === 'number') return { kind: 'number', value: -operand.value };
  if (operator !== 'not') return UNKNOWN;
  const truth = truthOf(operand);
  return truth === null ? UNKNOWN : truth ? FALSE : TRUE;
}

/** Whether a value is true in a condition, or null where that is not known. */
export function truthOf(value: Value): boolean | null {
  if (value.kind === 'unknown' || value.kind === 'global') return null;
  if (value.kind === 'boolean') return value.value;
  return value.kind !== 'nil';
}

export function binaryValue(operator: string, left: Value, right: Value): Value {
  if (operator === 'or') {
    if (mustBeFollowed(left) || left.kind === 'global') return left;
    return truthOf(left) === true ? left : truthOf(left) === false ? right : isReference(right) ? right : UNKNOWN;
  }
  if (operator === 'and') {
    if (truthOf(left) === false) return left;
    return truthOf(left) === true || isReference(right) ? right : UNKNOWN;
  }
  if (operator === '..') return concatenate(left, right);
  if (left.kind !== 'number' || right.kind !== 'number') return UNKNOWN;
  if (operator === '==' || operator === '~=')
    return (left.value === right.value) === (operator === '==') ? TRUE : FALSE;
  return arithmetic(operator, left.value, right.value);
}

function concatenate(left: Value, right: Value): Value {
  const a = asText(left);
  const b = asText(right);
  if (a === null) return b === null ? UNKNOWN : stringValue('', false);
  const computed = a.computed || (b?.computed ?? false);
  if (!a.whole || b === null) return stringValue(a.text, false, computed);
  return stringValue(a.text + b.text, b.whole, computed);
}

interface KnownText {
  readonly text: string;
  readonly whole: boolean;
  readonly computed: boolean;
}

function asText(value: Value): KnownText | null {
  if (value.kind === 'string') return value;
  if (value.kind !== 'number' || !Number.isSafeInteger(value.value)) return null;
  return { text: String(value.value), whole: true, computed: false };
}

function arithmetic(operator: string, a: number, b: number): Value {
  const value = operator === '+' ? a + b : operator === '-' ? a - b : operator === '*' ? a * b : Number.NaN;
  return Number.isSafeInteger(value) ? { kind: 'number', value } : UNKNOWN;
}

/** What a call gives, for the few library functions that the analysis reads through. */
export function callValue(callee: Value, args: readonly Value[]): Value {
  if (callee.kind !== 'global') return UNKNOWN;
  const first = args[0] ?? NIL;
  switch (callee.path) {
    case 'rawget':
      return indexValue(first, args[1] ?? NIL);
    case 'getmetatable':
      return first.kind === 'string' ? STRING_METATABLE : UNKNOWN;
    case 'require':
      return requireValue(first);
    case 'assert':
      return isReference(first) ? first : UNKNOWN;
    case 'tostring':
      return stringValue('', false, true);
    default:
      return callee.path.startsWith('string.') ? stringCall(callee.path.slice(7), args) : UNKNOWN;
  }
}

function requireValue(name: Value): Value {
  if (name.kind !== 'string' || !name.whole) return UNKNOWN;
  return isLibrary(name.text) ? globalValue(name.text) : UNKNOWN;
}

/** Results are `computed`: enough to name what a call reaches, never enough to call it harmless. */
function stringCall(name: string, args: readonly Value[]): Value {
  const numbers = args.map((arg) => (arg.kind === 'number' ? arg.value : Number.NaN));
  if (name === 'char') {
    if (numbers.length > 256 || numbers.some((n) => !(n >= 0 && n <= 255))) return stringValue('', false, true);
    return stringValue(String.fromCharCode(...numbers), true, true);
  }
  const subject = args[0];
  if (subject?.kind !== 'string') return RETURN_STRINGS.has(name) ? stringValue('', false, true) : UNKNOWN;
  const text = subject.text;
  if (name === 'format') return stringValue(text.split('%', 1)[0] ?? '', subject.whole && !text.includes('%'), true);
  if (!subject.whole) return RETURN_STRINGS.has(name) ? stringValue('', false, true) : UNKNOWN;
  if (name === 'lower') return stringValue(text.toLowerCase(), true, true);
  if (name === 'upper') return stringValue(text.toUpperCase(), true, true);
  if (name === 'reverse') return stringValue([...text].reverse().join(''), true, true);
  if (name === 'sub') return substring(text, numbers[1] ?? 1, numbers[2] ?? -1);
  return RETURN_STRINGS.has(name) ? stringValue('', false, true) : UNKNOWN;
}

const RETURN_STRINGS: ReadonlySet<string> = new Set([
  'char',
  'format',
  'gsub',
  'lower',
  'rep',
  'reverse',
  'sub',
  'upper',
]);

function substring(text: string, from: number, to: number): Value {
  if (Number.isNaN(from) || Number.isNaN(to)) return stringValue('', false, true);
  const start = from < 0 ? Math.max(text.length + from, 0) : Math.max(from - 1, 0);
  const end = to < 0 ? text.length + to + 1 : Math.min(to, text.length);
  return stringValue(text.slice(start, Math.max(start, end)), true, true);
}

/** Whether a value is the platform's API or a part of it. */
export function isPlatform(value: Value): value is { readonly kind: 'global'; readonly path: string } {
  return value.kind === 'global' && (value.path === PLATFORM_GLOBAL || partOf(value.path) !== null);
}

/** Whether two values are certainly the same table. */
export function sameTable(a: Value, b: Value): boolean {
  return a.kind === b.kind && (a.kind !== 'global' || (b.kind === 'global' && a.path === b.path)) && a.kind !== 'table';
}

/** What to call a value that must be followed, in a message. */
export function nameOf(value: Value): string {
  if (value.kind === 'global') return `"${printable(value.path)}"`;
  if (value.kind === 'globals') return 'The table of globals';
  return value.kind === 'stringMetatable' ? 'The metatable of strings' : 'A table that holds globals';
}
