/** Owns the signs of hidden code in source: long lines, dense literals, tables of bytes, markup with code. It unpacks nothing. */
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import type { StringLiteral, TableExpression } from './ast.ts';
import type { LuaReport } from './report.ts';

/** Nobody writes or reads such a line; minifiers and packers do. */
const MAX_LINE = 1000;
/** Shorter literals hold too little to matter: keys, hashes and UUIDs are fine. */
const MIN_LITERAL = 200;
/** Bits per character. Prose has about 4.2, Base64 about 5.8. */
const MAX_ENTROPY = 5;
/** Random hexadecimal digits have 4; rows of one character, rulers and masks less. */
const MIN_HEX_ENTROPY = 3;
const MIN_ESCAPED = 48;
const MIN_BYTE_TABLE = 256;

/** Reports the first line that is too long to be read. */
export function checkLines(text: string, report: LuaReport): void {
  let start = 0;
  while (start <= text.length) {
    const end = text.indexOf('\n', start);
    const length = (end < 0 ? text.length : end) - start;
    if (length > MAX_LINE) {
      report.add(
        LUA_CATALOGUE.LUA_LONG_LINE,
        `This line has ${length} characters; reviewers read up to ${MAX_LINE}.`,
        start,
      );
      return;
    }
    if (end < 0) return;
    start = end + 1;
  }
}

/** A script element, or an event attribute as markup writes it. */
const MARKUP_CODE = /<script\b|\son[a-z]{3,30}\s{0,8}=\s{0,8}(?:["'\\]|$)/i;

/** Reports a string literal that looks like packed code or data, or like markup that carries code. */
export function checkLiteral(node: StringLiteral, source: string, report: LuaReport): void {
  const { value } = node;
  if (value.includes('<script') || (value.includes('=') && MARKUP_CODE.test(value)))
    report.add(LUA_CATALOGUE.LUA_MARKUP_CODE, 'This text is markup that carries code.', node.at);
  if (node.end - node.at < MIN_ESCAPED * 2) return;
  const escapes = countEscapes(source, node.at, node.end);
  const escaped = escapes >= MIN_ESCAPED && escapes > value.length / 2;
  if (escaped || (value.length >= MIN_LITERAL && isDense(value)))
    report.add(
      LUA_CATALOGUE.LUA_PACKED_DATA,
      `This text of ${value.length} characters looks like packed data.`,
      node.at,
    );
}

/** Reports a table that holds a file as a list of bytes. */
export function checkTable(node: TableExpression, report: LuaReport): void {
  if (node.fields.length < MIN_BYTE_TABLE) return;
  const distinct = new Set<number>();
  for (const { key, value } of node.fields) {
    if (key !== null || value.type !== 'number' || !Number.isInteger(value.value) || value.value > 255) return;
    distinct.add(value.value);
  }
  // Tile maps and levels repeat a few numbers; code and compressed data do not.
  if (distinct.size < 40) return;
  const message = `This table of ${node.fields.length} small numbers looks like packed data.`;
  report.add(LUA_CATALOGUE.LUA_PACKED_DATA, message, node.at);
}

/** Counts numeric escapes (`\x41`, `\065`, `\u{41}`) in a literal of the source. */
function countEscapes(source: string, from: number, to: number): number {
  let count = 0;
  for (let at = source.indexOf('\\', from); at >= 0 && at < to; at = source.indexOf('\\', at + 2)) {
    const c = source.charCodeAt(at + 1);
    if ((c >= 48 && c <= 57) || c === 120 || c === 117) count++;
  }
  return count;
}

function isDense(value: string): boolean {
  const counts = new Uint32Array(128);
  let blanks = 0;
  let control = 0;
  let wide = 0;
  let hex = 0;
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c > 255) wide++;
    else if (c < 128) counts[c] = (counts[c] ?? 0) + 1;
    if (c === 32 || c === 10 || c === 9 || c === 13) blanks++;
    else if (c < 32 || (c >= 127 && c < 160)) control++;
    else if ((c >= 48 && c <= 57) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70)) hex++;
  }
  if (control > value.length / 10) return true;
  // Text in most scripts has a large alphabet and sometimes no blanks: it is no sign of anything.
  if (wide > value.length / 4) return false;
  const dense = blanks < value.length / 40;
  return (
    dense &&
    (entropy(counts, value.length) > MAX_ENTROPY ||
      (hex + blanks === value.length && entropy(counts, value.length) > MIN_HEX_ENTROPY))
  );
}

function entropy(counts: Uint32Array, length: number): number {
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / length) * Math.log2(count / length);
  return bits;
}
