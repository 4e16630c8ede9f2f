/**
 * Owns strict JSON (RFC 8259): bounded depth, no duplicate keys, and the place of every value for findings. It knows no
 * schema. `JSON.parse` would keep the last of two equal keys and say no column.
 */

export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

export const JSON_PROBLEMS = ['syntax', 'duplicate-key', 'too-deep'] as const;
export type JsonProblem = (typeof JSON_PROBLEMS)[number];

export type JsonResult =
  | { readonly ok: true; readonly value: unknown; readonly placeOf: (path: readonly PropertyKey[]) => TextPlace | null }
  | { readonly ok: false; readonly problem: JsonProblem; readonly message: string; readonly place: TextPlace };

/**
 * Parses a whole text. `maxDepth` bounds nested objects and arrays, and with them the recursion. `places: false` saves the memory
 * that the place of every value takes; `placeOf` then knows none.
 */
export function parseJson(text: string, maxDepth: number, { places = true } = {}): JsonResult {
  const parser = new JsonParser(text, maxDepth, places);
  try {
    const value = parser.document();
    const placeAt = placesOf(text);
    return {
      ok: true,
      value,
      placeOf: (path) => {
        const offset = parser.offsets.get(JSON.stringify(path.map(String)));
        return offset === undefined ? null : placeAt(offset);
      },
    };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return { ok: false, problem: error.problem, message: error.message, place: placesOf(text)(error.offset) };
  }
}

/** Line and column of any offset, both from 1. Lines are found once: a text can have a finding at each of its values. */
function placesOf(text: string): (offset: number) => TextPlace {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

class JsonError extends Error {
  readonly problem: JsonProblem;
  readonly offset: number;

  constructor(problem: JsonProblem, message: string, offset: number) {
    super(message);
    this.problem = problem;
    this.offset = offset;
  }
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORDS = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
]);
const WORD = /true|false|null/y;

class JsonParser {
  /** Where each value begins (a member at its key), by its path as JSON text. */
  readonly offsets = new Map<string, number>();
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #places: boolean;
  readonly #path: string[] = [];
  #offset = 0;

  constructor(text: string, maxDepth: number, places: boolean) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#places = places;
  }

  document(): unknown {
    this.#take(SPACE);
    this.offsets.set('[]', this.#offset);
    const value = this.#value(0);
    if (this.#offset < this.#text.length) this.#fail('Expected the end of the file.');
    return value;
  }

  #value(depth: number): unknown {
    this.#take(SPACE);
    const value = this.#bareValue(depth);
    this.#take(SPACE);
    return value;
  }

  #bareValue(depth: number): unknown {
    const next = this.#text[this.#offset];
    if (next === '{' || next === '[') {
      if (depth >= this.#maxDepth) {
        throw new JsonError('too-deep', `Nested deeper than ${this.#maxDepth} levels.`, this.#offset);
      }
      return next === '{' ? this.#object(depth + 1) : this.#array(depth + 1);
    }
    if (next === '"') return this.#string();
    const word = this.#take(WORD);
    if (word !== null) return WORDS.get(word);
    const number = this.#take(NUMBER);
    if (number === null || number === '') return this.#fail('Expected a value.');
    return Number(number);
  }

  #object(depth: number): unknown {
    const object: Record<string, unknown> = {};
    this.#offset += 1;
    this.#take(SPACE);
    if (this.#skip('}')) return object;
    do {
      this.#take(SPACE);
      const at = this.#offset;
      if (this.#text[at] !== '"') this.#fail('Expected a key in double quotes.');
      const key = this.#string();
      if (Object.hasOwn(object, key)) {
        throw new JsonError('duplicate-key', `The key ${JSON.stringify(key)} appears twice.`, at);
      }
      this.#take(SPACE);
      if (!this.#skip(':')) this.#fail('Expected a colon.');
      const value = this.#member(key, at, depth);
      // Not by assignment: a key __proto__ is a key like any other.
      Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
    } while (this.#skip(','));
    if (!this.#skip('}')) this.#fail('Expected a comma or a closing brace.');
    return object;
  }

  #array(depth: number): unknown {
    const array: unknown[] = [];
    this.#offset += 1;
    this.#take(SPACE);
    if (this.#skip(']')) return array;
    do {
      this.#take(SPACE);
      array.push(this.#member(String(array.length), this.#offset, depth));
    } while (this.#skip(','));
    if (!this.#skip(']')) this.#fail('Expected a comma or a closing bracket.');
    return array;
  }

  #member(key: string, at: number, depth: number): unknown {
    if (!this.#places) return this.#value(depth);
    this.#path.push(key);
    this.offsets.set(JSON.stringify(this.#path), at);
    const value = this.#value(depth);
    this.#path.pop();
    return value;
  }

  #string(): string {
    const at = this.#offset;
    let end = at + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1;
    if (end >= this.#text.length) throw new JsonError('syntax', 'The string does not end.', at);
    this.#offset = end + 1;
    try {
      // It refuses bad escapes and control characters.
      return String(JSON.parse(this.#text.slice(at, end + 1)));
    } catch {
      throw new JsonError('syntax', 'The string has a bad escape or a control character.', at);
    }
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#offset;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    this.#offset = pattern.lastIndex;
    return match[0];
  }

  #skip(character: string): boolean {
    if (this.#text[this.#offset] !== character) return false;
    this.#offset += 1;
    return true;
  }

  #fail(message: string): never {
    throw new JsonError('syntax', message, this.#offset);
  }
}
