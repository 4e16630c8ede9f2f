/**
 * Owns what each Lua file of a package gives to those who require it. It parses nothing and reports nothing.
 *
 * Files are analysed once each, those that are required before those that require them, and only what they give is kept.
 */
import type { Modules } from './modules.ts';
import {
  type FunctionValue,
  MIXED,
  mustBeFollowed,
  platformIn,
  type TableValue,
  UNKNOWN,
  type Value,
} from './values.ts';

/** How deep tables and functions in what a file gives are kept; what must be followed further down is refused. */
const MAX_DEPTH = 16;
/** How many fields of one file's value are kept that are mere data. */
const MAX_DATA = 2000;
/** What looks like a call of `require` with a constant. */
const REQUIRE = /\brequire\s{0,20}\(?\s{0,20}["']([^"'\\\n]{1,200})["']/g;
/** A `require` in any other place: it may be called by another name, so that every constant of the file could be a module. */
const OTHER_REQUIRE = /\brequire\b(?!\s{0,20}\(?\s{0,20}["'])/;
const CONSTANT = /["']([^"'\\\n]{1,200})["']|\[\[([^\]\n]{1,200})\]\]/g;

export class Linker {
  private readonly given = new Map<string, Value>();
  /** Files that were asked for before they were analysed: a circle, or a name that only the evaluation finds. */
  private readonly early = new Set<string>();

  /** What the file at this path gives. */
  value(path: string): Value {
    const value = this.given.get(path);
    if (value === undefined) this.early.add(path);
    return value ?? UNKNOWN;
  }

  /** Notes what a file gives; tells whether it can't be followed because somebody asked before. */
  note(path: string, value: Value): boolean {
    const kept = keep(value);
    this.given.set(path, kept);
    return this.early.has(path) && (mustBeFollowed(kept) || platformIn(kept) !== null);
  }
}

/** The files in an order in which most are analysed after those that they require; by looking at words, without a parse. */
export function inOrder(texts: ReadonlyMap<string, string>, modules: Modules): string[] {
  const order: string[] = [];
  const entered = new Set<string>();
  for (const start of texts.keys()) {
    if (entered.has(start)) continue;
    entered.add(start);
    const stack = [{ path: start, required: requiredBy(start, texts, modules) }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.required.pop();
      if (next === undefined) {
        order.push(top.path);
        stack.pop();
      } else if (!entered.has(next)) {
        entered.add(next);
        stack.push({ path: next, required: requiredBy(next, texts, modules) });
      }
    }
  }
  return order;
}

function requiredBy(path: string, texts: ReadonlyMap<string, string>, modules: Modules): string[] {
  const found = new Set<string>();
  const text = texts.get(path) ?? '';
  for (const match of text.matchAll(OTHER_REQUIRE.test(text) ? CONSTANT : REQUIRE)) {
    const file = modules.resolve(match[1] ?? match[2] ?? '', path);
    if (file !== null && texts.has(file)) found.add(file);
  }
  return [...found].reverse();
}

/** Made out here, because a function made inside of `keep` would hold all that `keep` has seen, syntax trees included. */
function functionThatGives(result: Value): FunctionValue {
  return { kind: 'function', result: () => result };
}

/** A value without the syntax tree behind it, reduced to what another file could need. */
function keep(value: Value): Value {
  const budget = { data: MAX_DATA };
  const seen = new Map<Value, Value>();
  const copy = (from: Value, depth: number): Value => {
    if (from.kind !== 'table' && from.kind !== 'function') return from.kind === 'string' ? computed(from) : from;
    const known = seen.get(from);
    if (known !== undefined) return known;
    if (depth > MAX_DEPTH) return mustBeFollowed(from) || platformIn(from) !== null ? MIXED : UNKNOWN;
    const made = from.kind === 'table' ? copyTable(from, depth) : copyFunction(from, depth);
    seen.set(from, made);
    return made;
  };
  const copyTable = (from: TableValue, depth: number): Value => {
    const fields = new Map<string, Value>();
    for (const [name, field] of from.fields) {
      const followed = mustBeFollowed(field) || platformIn(field) !== null;
      if (!followed && budget.data-- <= 0) continue;
      const kept = copy(field, depth + 1);
      if (kept.kind !== 'unknown') fields.set(name, kept);
    }
    return { ...from, fields, trust: 'likely', variable: null };
  };
  const copyFunction = (from: FunctionValue, depth: number): Value => {
    const result = copy(from.result(), depth + 1);
    return result.kind === 'unknown' ? UNKNOWN : functionThatGives(result);
  };
  return copy(value, 0);
}

/** A text of another file: enough to name what it reaches, never enough to call it harmless. */
function computed(value: Extract<Value, { kind: 'string' }>): Value {
  return { ...value, computed: true };
}
