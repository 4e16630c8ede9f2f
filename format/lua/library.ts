/** Owns what calls of Lua's own functions give, for the few that the analysis reads through. It judges none. */
import {
  indexValue,
  isReference,
  NIL,
  SOME_METATABLE,
  STRING_METATABLE,
  stringValue,
  type TableValue,
  UNKNOWN,
  type Value,
} from './values.ts';

/** Names are short, and so is what they are put together from. */
const MAX_PARTS = 32;
/** Longer results of `string.rep` and the like name nothing. */
const MAX_REPEATS = 64;

const READ_THROUGH: ReadonlySet<string> = new Set([
  ...['rawget', 'rawset', 'getmetatable', 'setmetatable', 'assert', 'type', 'tostring', 'table.concat', 'utf8.char'],
]);

/** Whether the value of a call of this global depends on its arguments. */
export function isReadThrough(path: string): boolean {
  return READ_THROUGH.has(path) || path.startsWith('string.');
}

/** What a call of the global gives. Strings are `computed`: enough to name what is reached, not to call it harmless. */
export function libraryCall(path: string, args: readonly Value[]): Value {
  const first = args[0] ?? NIL;
  switch (path) {
    case 'rawget':
      return indexValue(first, args[1] ?? NIL);
    case 'rawset':
      return isReference(first) ? first : UNKNOWN;
    case 'getmetatable':
      if (first.kind === 'string') return STRING_METATABLE;
      return first.kind === 'unknown' ? SOME_METATABLE : UNKNOWN;
    case 'setmetatable':
      // Its own fields stay; what it lacks may come from anywhere.
      return first.kind === 'table' ? { ...first, trust: 'likely', variable: null } : UNKNOWN;
    case 'assert':
      return isReference(first) ? first : UNKNOWN;
    case 'type':
      // It may not be replaced, so this certainly is a string.
      return stringValue('', false);
    case 'tostring':
      return first.kind === 'string' ? { ...first, computed: true } : stringValue('', false, true);
    case 'utf8.char':
      return characters(args, 0x10ffff, String.fromCodePoint);
    case 'table.concat':
      return first.kind === 'table' ? concatenated(first, args[1]) : stringValue('', false, true);
    default:
      return path.startsWith('string.') ? stringCall(path.slice(7), args) : UNKNOWN;
  }
}

const SOME_STRING = stringValue('', false, true);

function characters(args: readonly Value[], limit: number, make: (...codes: number[]) => string): Value {
  const codes = args.map((arg) => (arg.kind === 'number' ? arg.value : Number.NaN));
  const valid = codes.length <= 256 && codes.every((code) => Number.isInteger(code) && code >= 0 && code <= limit);
  return valid ? stringValue(make(...codes), true, true) : SOME_STRING;
}

function concatenated(table: TableValue, separator: Value | undefined): Value {
  const parts: string[] = [];
  const between = separator === undefined ? '' : separator.kind === 'string' && separator.whole ? separator.text : null;
  for (let i = 1; i <= MAX_PARTS; i++) {
    const part = table.fields.get(`n${i}`);
    if (part === undefined) break;
    if (part.kind !== 'string' || !part.whole) return SOME_STRING;
    parts.push(part.text);
  }
  return between === null || parts.length === 0 ? SOME_STRING : stringValue(parts.join(between), true, true);
}

const RETURN_STRINGS: ReadonlySet<string> = new Set([
  ...['char', 'format', 'gsub', 'lower', 'rep', 'reverse', 'sub', 'upper'],
]);

function stringCall(name: string, args: readonly Value[]): Value {
  if (name === 'char') return characters(args, 255, String.fromCharCode);
  const [subject, second, third] = args;
  const otherwise = RETURN_STRINGS.has(name) ? SOME_STRING : UNKNOWN;
  if (subject?.kind !== 'string') return otherwise;
  const { text, whole } = subject;
  if (name === 'format') return formatted(text, whole, args.slice(1));
  if (!whole) return otherwise;
  switch (name) {
    case 'lower':
      return stringValue(text.toLowerCase(), true, true);
    case 'upper':
      return stringValue(text.toUpperCase(), true, true);
    case 'reverse':
      return stringValue([...text].reverse().join(''), true, true);
    case 'sub':
      return substring(text, numberOf(second, 1), numberOf(third, -1));
    case 'rep':
      return repeated(text, numberOf(second, Number.NaN), third);
    case 'gsub':
      return replaced(text, second, third);
    default:
      return otherwise;
  }
}

function numberOf(value: Value | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  return value.kind === 'number' ? value.value : Number.NaN;
}

/** `%s` of known strings is filled in; the text is known up to the first of anything else. */
function formatted(text: string, whole: boolean, args: readonly Value[]): Value {
  const [first = '', ...rest] = text.split('%');
  let known = first;
  for (const [i, part] of rest.entries()) {
    const arg = args[i];
    const isText = part.startsWith('s') && arg?.kind === 'string' && (arg.whole || i === 0);
    if (!isText) return stringValue(known, false, true);
    known += arg.text;
    if (!arg.whole) return stringValue(known, false, true);
    known += part.slice(1);
  }
  return stringValue(known, whole, true);
}

function substring(text: string, from: number, to: number): Value {
  if (Number.isNaN(from) || Number.isNaN(to)) return SOME_STRING;
  const start = from < 0 ? Math.max(text.length + from, 0) : Math.max(from - 1, 0);
  const end = to < 0 ? text.length + to + 1 : Math.min(to, text.length);
  return stringValue(text.slice(start, Math.max(start, end)), true, true);
}

function repeated(text: string, times: number, separator: Value | undefined): Value {
  if (!(times >= 0 && times <= MAX_REPEATS) || separator !== undefined) return SOME_STRING;
  return stringValue(text.repeat(times), true, true);
}

/** Only of patterns that mean themselves: this names the obvious, and the rest is refused anyway. */
function replaced(text: string, pattern: Value | undefined, by: Value | undefined): Value {
  const plain = pattern?.kind === 'string' && pattern.whole && /^(?:[\w ]+|[^\w\s%^$().[\]*+?])$/.test(pattern.text);
  if (!plain || by?.kind !== 'string' || !by.whole || by.text.includes('%')) return SOME_STRING;
  return stringValue(
    text.replaceAll(pattern.text, () => by.text),
    true,
    true,
  );
}
