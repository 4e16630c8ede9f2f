/**
 * Owns when two names look alike: keys under which names that a person could take for each other meet, and a bounded edit
 * distance. It knows no app (Unicode UTS #39 names the idea; this folds more, since a name is no identifier).
 */
import { CONFUSABLE_CODE_POINTS } from './confusables-table.ts';

const LOOKS_LIKE: ReadonlyMap<string, string> = new Map(
  Object.entries(CONFUSABLE_CODE_POINTS).flatMap(([target, codes]) =>
    codes.split(' ').map((code) => [String.fromCodePoint(Number.parseInt(code, 16)), target] as const),
  ),
);
const ASCII = /^[\x20-\x7e]*$/;
const MARKS = /\p{Mark}/gu;
const NOT_ASCII = /[^\x20-\x7e]/gu;
const NEITHER_LETTER_NOR_DIGIT = /[^\p{L}\p{N}]/u;

/** The two keys of a name; `folded` for spelling, `seen` for looks. */
export interface NameKeys {
  /** Without case, spaces, hyphens, accents and foreign look-alikes: `Tide  Tàbles` and `TIDE-TABLES` meet. */
  readonly folded: string;
  /** Also without the difference of 0 and O, 1, I and l, rn and m, vv and w: `PayPaI` and `PayPal` meet. */
  readonly seen: string;
}

/** The keys of a name; both are empty for one without a letter or digit. */
export function nameKeys(name: string): NameKeys {
  const plain = asciiWherePossible(name);
  return { folded: foldEach(plain, FOLDED), seen: seenOf(plain) };
}

/** Only the key of how a text looks. */
export function seenKey(text: string): string {
  return seenOf(asciiWherePossible(text));
}

function asciiWherePossible(name: string): string {
  if (ASCII.test(name)) return name;
  return name
    .normalize('NFKD')
    .replace(MARKS, '')
    .replace(NOT_ASCII, (character) => LOOKS_LIKE.get(character) ?? character);
}

/** Capital I looks like a small L only while it is a capital: so before the case is folded. */
function seenOf(plain: string): string {
  const key = foldEach(plain, SEEN);
  const joined = key.includes('rn') ? key.replaceAll('rn', 'm') : key;
  return joined.includes('vv') ? joined.replaceAll('vv', 'w') : joined;
}

/** What becomes of each ASCII character: a store has names by the hundred thousand, so no expression is run over each. */
const FOLDED = Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code).toLowerCase();
  return NEITHER_LETTER_NOR_DIGIT.test(character) ? '' : character;
});
const SEEN = FOLDED.map((character, code) => {
  if ('I1|'.includes(String.fromCharCode(code))) return 'l';
  return character === '0' ? 'o' : character;
});

function foldEach(plain: string, table: readonly string[]): string {
  let key = '';
  for (let i = 0; i < plain.length; i += 1) {
    const folded = table[plain.charCodeAt(i)];
    if (folded === undefined) return key + foldRest(plain.slice(i), table);
    key += folded;
  }
  return key;
}

function foldRest(rest: string, table: readonly string[]): string {
  let key = '';
  for (const character of rest) {
    const folded = table[character.codePointAt(0) ?? 0];
    key += folded ?? (NEITHER_LETTER_NOR_DIGIT.test(character) ? '' : character.toLowerCase());
  }
  return key;
}

/** A bit for each letter and for the digits: two texts that are few edits apart differ in few bits. */
export function letterMask(key: string): number {
  let mask = 0;
  for (let i = 0; i < key.length; i += 1) mask |= 1 << bitOf(key.charCodeAt(i));
  return mask;
}

function bitOf(unit: number): number {
  if (unit >= 97 && unit <= 122) return unit - 97;
  return unit >= 48 && unit <= 57 ? 26 : 27 + (unit & 3);
}

/** Bits that are set. */
export function bitCount(mask: number): number {
  let bits = mask - ((mask >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * Damerau–Levenshtein distance (optimal string alignment) in UTF-16 units, or `most + 1` for anything beyond `most`: only the
 * diagonal band of that width is looked at, so the work is bounded by `most` times the length.
 */
export function boundedDistance(a: string, b: string, most: number): number {
  if (a === b) return 0;
  if (Math.abs(a.length - b.length) > most) return most + 1;
  const { left, right } = withoutCommonEnds(a, b);
  return bandedDistance(left, right, most);
}

/** What two texts begin and end with alike costs nothing, and is most of them where they are near. */
function withoutCommonEnds(a: string, b: string): { left: string; right: string } {
  let start = 0;
  while (start < a.length && start < b.length && a.charCodeAt(start) === b.charCodeAt(start)) start += 1;
  let end = 0;
  const longest = Math.min(a.length, b.length) - start;
  while (end < longest && a.charCodeAt(a.length - 1 - end) === b.charCodeAt(b.length - 1 - end)) end += 1;
  return { left: a.slice(start, a.length - end), right: b.slice(start, b.length - end) };
}

function bandedDistance(a: string, b: string, most: number): number {
  const beyond = most + 1;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => Math.min(column, beyond));
  for (let row = 1; row <= a.length; row += 1) {
    const current = new Array<number>(b.length + 1).fill(beyond);
    if (row <= most) current[0] = row;
    const end = Math.min(b.length, row + most);
    let least = current[0] ?? beyond;
    for (let column = Math.max(1, row - most); column <= end; column += 1) {
      const cell = Math.min(cheapest(a, b, row, column, { last, current, before }), beyond);
      current[column] = cell;
      least = Math.min(least, cell);
    }
    if (least > most) return beyond;
    before = last;
    last = current;
  }
  return last[b.length] ?? beyond;
}

interface Rows {
  readonly before: readonly number[];
  readonly last: readonly number[];
  readonly current: readonly number[];
}

function cheapest(a: string, b: string, row: number, column: number, { before, last, current }: Rows): number {
  const same = a.charCodeAt(row - 1) === b.charCodeAt(column - 1);
  const at = (list: readonly number[], index: number) => list[index] ?? Number.POSITIVE_INFINITY;
  const cell = Math.min(at(last, column - 1) + (same ? 0 : 1), at(last, column) + 1, at(current, column - 1) + 1);
  const swapped =
    row > 1 &&
    column > 1 &&
    a.charCodeAt(row - 1) === b.charCodeAt(column - 2) &&
    a.charCodeAt(row - 2) === b.charCodeAt(column - 1);
  return swapped ? Math.min(cell, at(before, column - 2) + 1) : cell;
}
