/** Owns the token kinds of Lua 5.4, its reserved words and the priorities of its operators. It reads no source. */
import { printable } from '../text.ts';

/** Small integers, because the lexer compares them millions of times. */
export const TOKEN = {
  end: 0,
  name: 1,
  string: 2,
  number: 3,
  symbol: 4,
  keyword: 5,
} as const;
export type TokenKind = (typeof TOKEN)[keyof typeof TOKEN];

export const KEYWORDS: ReadonlySet<string> = new Set([
  'and',
  'break',
  'do',
  'else',
  'elseif',
  'end',
  'false',
  'for',
  'function',
  'goto',
  'if',
  'in',
  'local',
  'nil',
  'not',
  'or',
  'repeat',
  'return',
  'then',
  'true',
  'until',
  'while',
]);

/** Left and right priority: where the right one is lower, the operator associates to the right. */
export const BINARY: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['or', [1, 1]],
  ['and', [2, 2]],
  ['<', [3, 3]],
  ['>', [3, 3]],
  ['<=', [3, 3]],
  ['>=', [3, 3]],
  ['~=', [3, 3]],
  ['==', [3, 3]],
  ['|', [4, 4]],
  ['~', [5, 5]],
  ['&', [6, 6]],
  ['<<', [7, 7]],
  ['>>', [7, 7]],
  ['..', [9, 8]],
  ['+', [10, 10]],
  ['-', [10, 10]],
  ['*', [11, 11]],
  ['/', [11, 11]],
  ['//', [11, 11]],
  ['%', [11, 11]],
  ['^', [14, 13]],
]);

/** A mistyped quote makes a token of whatever stood in it, so a message shows no more of one than this. */
const MAX_QUOTED = 12;

/** The beginning of a token in quotes, for a message. */
export function quoted(token: string): string {
  return `"${printable(token, MAX_QUOTED)}"`;
}

/** Thrown by the lexer and the parser only; `parseLua` turns it into a result. */
export class LuaSyntaxError extends Error {
  readonly at: number;
  /** True where the text may be Lua but goes past a bound of ours or of Lua's. */
  readonly tooComplex: boolean;
  constructor(message: string, at: number, tooComplex = false) {
    super(message);
    this.at = at;
    this.tooComplex = tooComplex;
  }
}
