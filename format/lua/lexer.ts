/**
 * Owns the cutting of Lua 5.4 source into tokens, one at a time, in linear time. It must not know the grammar.
 *
 * Written by hand together with `parser.ts`: the parsers on npm stop at Lua 5.3 (no `<const>`, no `<close>`), recurse without a
 * bound, and give no variables; the rules of docs/PACKAGE_FORMAT.md §6 need all three.
 */
import { hexDigit, isDigit, isSpace, longBracketLevel, readLongBracket, readQuoted } from './lexer-strings.ts';
import { KEYWORDS, LuaSyntaxError, TOKEN, type TokenKind } from './tokens.ts';

const TWO: ReadonlySet<string> = new Set(['==', '~=', '<=', '>=', '//', '::', '<<', '>>', '..']);
/** The symbols of one character by its code; strings made once, because most tokens are such symbols. */
const ONE: readonly (string | undefined)[] = symbolTable('+-*/%^#&~|<>=(){}[];:,.');
/** Characters that can end a symbol of two. */
const SECOND: readonly (string | undefined)[] = symbolTable('=/:<>.');

function symbolTable(symbols: string): (string | undefined)[] {
  const table = new Array<string | undefined>(128).fill(undefined);
  for (const symbol of symbols) table[symbol.charCodeAt(0)] = symbol;
  return table;
}

const MAX_KEYWORD = 'function'.length;

/** 1 for what begins a name, 2 for a digit: what may follow in one is either. */
const NAME_PART = new Uint8Array(128);
for (let c = 0; c < 128; c++) {
  if ((c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95) NAME_PART[c] = 1;
  else if (isDigit(c)) NAME_PART[c] = 2;
}

export class Lexer {
  readonly text: string;
  kind: TokenKind = TOKEN.end;
  /** The name, keyword or symbol, or the contents of a string. */
  value = '';
  number = 0;
  /** Offsets of the current token, and of the end of the one before it. */
  start = 0;
  end = 0;
  previousEnd = 0;

  constructor(text: string) {
    this.text = text;
    let from = text.charCodeAt(0) === 0xfeff ? 1 : 0;
    // A first line that begins with # is skipped, as luaL_loadfile does.
    if (text.charCodeAt(from) === 35) {
      const line = text.indexOf('\n', from);
      from = line < 0 ? text.length : line;
    }
    this.end = from;
    this.next();
  }

  /** Whether the current token is this symbol or keyword. */
  is(value: string): boolean {
    return this.kind >= TOKEN.symbol && this.value === value;
  }

  /** Moves to the next token. */
  next(): void {
    this.previousEnd = this.end;
    const text = this.text;
    const pos = this.skipBlanks(this.end);
    this.start = pos;
    if (pos >= text.length) {
      this.set(TOKEN.end, 'end of file', pos);
      return;
    }
    const c = text.charCodeAt(pos);
    if (c < 128 && NAME_PART[c] === 1) {
      let end = pos + 1;
      for (let n = text.charCodeAt(end); n < 128 && NAME_PART[n] !== 0; n = text.charCodeAt(end)) end++;
      const word = text.slice(pos, end);
      this.set(end - pos <= MAX_KEYWORD && KEYWORDS.has(word) ? TOKEN.keyword : TOKEN.name, word, end);
    } else if (isDigit(c) || (c === 46 && isDigit(text.charCodeAt(pos + 1)))) {
      this.readNumber(pos);
    } else if (c === 34 || c === 39) {
      const token = readQuoted(text, pos);
      this.set(TOKEN.string, token.value, token.end);
    } else {
      this.readSymbol(pos, c);
    }
  }

  /** Whether the token after the current name is a lone `=`: tells `{x = 1}` from `{x}`. */
  assignFollows(): boolean {
    const pos = this.skipBlanks(this.end);
    return this.text.charCodeAt(pos) === 61 && this.text.charCodeAt(pos + 1) !== 61;
  }

  private set(kind: TokenKind, value: string, end: number): void {
    this.kind = kind;
    this.value = value;
    this.end = end;
  }

  private skipBlanks(from: number): number {
    const text = this.text;
    let pos = from;
    for (;;) {
      const c = text.charCodeAt(pos);
      if (isSpace(c)) pos++;
      else if (c === 45 && text.charCodeAt(pos + 1) === 45) pos = this.skipComment(pos);
      else return pos;
    }
  }

  private skipComment(at: number): number {
    const text = this.text;
    if (text.charCodeAt(at + 2) === 91) {
      const level = longBracketLevel(text, at + 2);
      if (level >= 0) return readLongBracket(text, at + 2, level, 'comment').end;
    }
    let pos = at + 2;
    for (let c = text.charCodeAt(pos); pos < text.length && c !== 10 && c !== 13; c = text.charCodeAt(pos)) pos++;
    return pos;
  }

  private readSymbol(pos: number, c: number): void {
    const text = this.text;
    if (c === 91) {
      const level = longBracketLevel(text, pos);
      if (level >= 0) {
        const token = readLongBracket(text, pos, level, 'string');
        this.set(TOKEN.string, token.value, token.end);
        return;
      }
    }
    const one = c < 128 ? ONE[c] : undefined;
    if (one === undefined) throw new LuaSyntaxError(`unexpected character ${describe(c)}`, pos);
    const n = text.charCodeAt(pos + 1);
    const second = n < 128 ? SECOND[n] : undefined;
    const two = second === undefined ? '' : one + second;
    if (two === '..' && text.charCodeAt(pos + 2) === 46) this.set(TOKEN.symbol, '...', pos + 3);
    else if (TWO.has(two)) this.set(TOKEN.symbol, two, pos + 2);
    else this.set(TOKEN.symbol, one, pos + 1);
  }

  /** Reads as Lua does: everything that could belong to a number, and then judges it. */
  private readNumber(pos: number): void {
    const text = this.text;
    const hex = text.charCodeAt(pos) === 48 && (text.charCodeAt(pos + 1) | 32) === 120;
    const exponent = hex ? 112 : 101;
    let end = hex ? pos + 2 : pos;
    for (;;) {
      const c = text.charCodeAt(end);
      if ((c | 32) === exponent) {
        const sign = text.charCodeAt(end + 1);
        end += sign === 43 || sign === 45 ? 2 : 1;
      } else if (hexDigit(c) >= 0 || c === 46) end++;
      else break;
    }
    const next = text.charCodeAt(end);
    const word = text.slice(pos, Math.min(end, pos + 400));
    const value = hex ? hexNumber(word) : DECIMAL.test(word) ? Number(word) : Number.NaN;
    if (Number.isNaN(value) || end - pos >= 400 || (next < 128 && NAME_PART[next] !== 0))
      throw new LuaSyntaxError('malformed number', pos);
    this.number = value;
    this.set(TOKEN.number, '', end);
  }
}

// No two parts of these can take the same character, so neither can backtrack far; words have at most 400 characters.
const DECIMAL = /^(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEXADECIMAL = /^0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?\d+))?$/;

function hexNumber(word: string): number {
  const match = HEXADECIMAL.exec(word);
  if (match === null) return Number.NaN;
  const digits = `${match[1] ?? ''}${match[2] ?? ''}`;
  if (digits === '') return Number.NaN;
  return Number.parseInt(digits, 16) * 2 ** (Number(match[3] ?? 0) - 4 * (match[2] ?? '').length);
}

function describe(c: number): string {
  if (c > 32 && c !== 127 && (c < 0xd800 || c > 0xdfff)) return `"${String.fromCharCode(c)}"`;
  return `U+${c.toString(16).toUpperCase().padStart(4, '0')}`;
}
