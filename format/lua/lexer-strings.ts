/** Owns the reading of quoted strings and long brackets (Lua 5.4 manual, 3.1). It knows nothing of other tokens. */
import { LuaSyntaxError } from './tokens.ts';

/** What a string token holds, and the offset after it. */
export interface StringToken {
  readonly value: string;
  readonly end: number;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

export function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

/** The value of a hexadecimal digit, or -1. */
export function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  if (c >= 97 && c <= 102) return c - 87;
  if (c >= 65 && c <= 70) return c - 55;
  return -1;
}

export function isSpace(c: number): boolean {
  return c === 32 || (c >= 9 && c <= 13);
}

/** The level of the long bracket that opens at `at` (`[[` is 0, `[=[` is 1), or -1 where none does. */
export function longBracketLevel(text: string, at: number): number {
  let end = at + 1;
  while (text.charCodeAt(end) === 61) end++;
  return text.charCodeAt(end) === 91 ? end - at - 1 : -1;
}

/** Reads the long bracket of the given level at `at`; the first line break in it does not count. */
export function readLongBracket(text: string, at: number, level: number, what: string): StringToken {
  const start = at + level + 2;
  const close = text.indexOf(`]${'='.repeat(level)}]`, start);
  if (close < 0) throw new LuaSyntaxError(`this ${what} is never closed`, at);
  const skip = /^(?:\r\n|\n\r|\n|\r)/.exec(text.slice(start, start + 2))?.[0].length ?? 0;
  return { value: text.slice(start + skip, close), end: close + level + 2 };
}

/** Reads a quoted string at `at`, whose quote is that character. */
export function readQuoted(text: string, at: number): StringToken {
  const quote = text.charCodeAt(at);
  const parts: string[] = [];
  let from = at + 1;
  let pos = from;
  for (;;) {
    const c = text.charCodeAt(pos);
    if (c === quote) break;
    if (c === 10 || c === 13 || pos >= text.length) throw new LuaSyntaxError('this string is never closed', at);
    if (c !== 92) {
      pos++;
      continue;
    }
    parts.push(text.slice(from, pos));
    const escaped = readEscape(text, pos);
    parts.push(escaped.value);
    pos = escaped.end;
    from = pos;
  }
  const tail = text.slice(from, pos);
  return { value: parts.length === 0 ? tail : parts.join('') + tail, end: pos + 1 };
}

/** Reads one escape; `at` is its backslash. Bytes become the code unit of the same number. */
function readEscape(text: string, at: number): StringToken {
  const c = text.charAt(at + 1);
  const simple = SIMPLE_ESCAPES[c];
  if (simple !== undefined) return { value: simple, end: at + 2 };
  if (c === '\n' || c === '\r') {
    const next = text.charAt(at + 2);
    const pair = (next === '\n' || next === '\r') && next !== c;
    return { value: '\n', end: at + (pair ? 3 : 2) };
  }
  if (c === 'z') {
    let end = at + 2;
    while (isSpace(text.charCodeAt(end))) end++;
    return { value: '', end };
  }
  if (c === 'x') {
    const high = hexDigit(text.charCodeAt(at + 2));
    const low = hexDigit(text.charCodeAt(at + 3));
    if (high < 0 || low < 0) throw new LuaSyntaxError('\\x takes two hexadecimal digits', at);
    return { value: String.fromCharCode(high * 16 + low), end: at + 4 };
  }
  if (c === 'u') return readUnicodeEscape(text, at);
  return readDecimalEscape(text, at);
}

function readUnicodeEscape(text: string, at: number): StringToken {
  if (text.charAt(at + 2) !== '{') throw new LuaSyntaxError('\\u takes its code point in braces', at);
  let code = 0;
  let end = at + 3;
  for (let digit = hexDigit(text.charCodeAt(end)); digit >= 0; digit = hexDigit(text.charCodeAt(++end))) {
    code = code * 16 + digit;
    if (code > 0x7fffffff) throw new LuaSyntaxError('\\u takes a code point below 2^31', at);
  }
  if (end === at + 3 || text.charAt(end) !== '}') throw new LuaSyntaxError('\\u{ takes hexadecimal digits and }', at);
  // Lua encodes up to 2^31; what is no code point of Unicode matters to no rule here.
  return { value: code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd', end: end + 1 };
}

function readDecimalEscape(text: string, at: number): StringToken {
  let end = at + 1;
  let code = 0;
  while (end < at + 4 && isDigit(text.charCodeAt(end))) code = code * 10 + text.charCodeAt(end++) - 48;
  if (end === at + 1) throw new LuaSyntaxError('this escape does not exist', at);
  if (code > 255) throw new LuaSyntaxError('a decimal escape goes up to 255', at);
  return { value: String.fromCharCode(code), end };
}
