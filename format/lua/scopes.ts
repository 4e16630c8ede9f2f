/** Owns which variable a name means and which label a goto reaches (Lua 5.4 manual, 3.3.4 and 3.5). It parses nothing. */
import type { Expression, Variable } from './ast.ts';
import { LuaSyntaxError, quoted } from './tokens.ts';

/** Lua's own limit of active locals in one function. */
const MAX_LOCALS = 200;

interface Goto {
  readonly name: string;
  readonly at: number;
}
interface BlockScope {
  /** What each name declared here meant outside, to put it back. */
  readonly shadowed: [string, Variable | null][];
  readonly labels: Set<string>;
  /** Gotos that no label of this block or of an inner one answered yet. */
  readonly pending: Goto[];
  readonly isLoop: boolean;
  readonly owner: FunctionScope;
}
interface FunctionScope {
  readonly hasVarargs: boolean;
  locals: number;
}

/** The scopes open at one point of the parse. Every operation takes constant time. */
export class Scopes {
  private readonly current = new Map<string, Variable | null>();
  private readonly blocks: BlockScope[] = [];
  private owner: FunctionScope = { hasVarargs: true, locals: 0 };
  private readonly owners: FunctionScope[] = [];

  openFunction(hasVarargs: boolean): void {
    this.owners.push(this.owner);
    this.owner = { hasVarargs, locals: 0 };
    this.openBlock(false);
  }

  closeFunction(): void {
    this.closeBlock();
    this.owner = this.owners.pop() ?? { hasVarargs: true, locals: 0 };
  }

  openBlock(isLoop: boolean): void {
    this.blocks.push({ shadowed: [], labels: new Set(), pending: [], isLoop, owner: this.owner });
  }

  closeBlock(): void {
    const block = this.blocks.pop();
    if (block === undefined) return;
    for (let i = block.shadowed.length - 1; i >= 0; i--) {
      const entry = block.shadowed[i];
      if (entry !== undefined) this.current.set(entry[0], entry[1]);
    }
    block.owner.locals -= block.shadowed.length;
    const outer = this.blocks.at(-1);
    for (const jump of block.pending) {
      if (block.labels.has(jump.name)) continue;
      if (outer === undefined || outer.owner !== block.owner)
        throw new LuaSyntaxError(`no visible label ${quoted(jump.name)} for this goto`, jump.at);
      outer.pending.push(jump);
    }
  }

  get hasVarargs(): boolean {
    return this.owner.hasVarargs;
  }

  /** Whether a `break` here would leave a loop of this function. */
  get insideLoop(): boolean {
    for (let i = this.blocks.length - 1; i >= 0; i--) {
      const block = this.blocks[i];
      if (block === undefined || block.owner !== this.owner) return false;
      if (block.isLoop) return true;
    }
    return false;
  }

  declare(name: string, at: number, role: Variable['role'], attribute: Variable['attribute'] = null): Variable {
    const variable: Variable = {
      name,
      at,
      role,
      attribute,
      definitions: role === 'local' ? 0 : 1,
      late: false,
      definition: null,
      uses: 0,
      indexReads: 0,
      fieldWrites: 0,
      writtenFields: null,
    };
    const block = this.blocks.at(-1);
    block?.shadowed.push([name, this.current.get(name) ?? null]);
    this.current.set(name, variable);
    this.owner.locals++;
    if (this.owner.locals > MAX_LOCALS)
      throw new LuaSyntaxError(`more than ${MAX_LOCALS} local variables in one function`, at, true);
    return variable;
  }

  /** The variable that a name means here, or null for a field of the environment. */
  resolve(name: string): Variable | null {
    return this.current.get(name) ?? null;
  }

  label(name: string, at: number): void {
    for (let i = this.blocks.length - 1; i >= 0; i--) {
      const block = this.blocks[i];
      if (block === undefined || block.owner !== this.owner) break;
      if (block.labels.has(name)) throw new LuaSyntaxError(`label ${quoted(name)} is already defined`, at);
    }
    this.blocks.at(-1)?.labels.add(name);
  }

  goto(name: string, at: number): void {
    this.blocks.at(-1)?.pending.push({ name, at });
  }
}

/** Notes that `variable` gets the value of `value`, or a value that no expression names; `late`: not as it is declared. */
export function define(variable: Variable, value: Expression | null, late = false): void {
  variable.late ||= late;
  variable.definitions++;
  variable.definition = value;
}

/** Notes that a field of the table in `variable` gets the value of `value`, or one that no expression names. */
export function writeField(variable: Variable, key: Expression, value: Expression | null): void {
  variable.fieldWrites++;
  variable.writtenFields ??= new Map();
  const name = literalKey(key) ?? '*';
  const values = variable.writtenFields.get(name);
  if (values === undefined) variable.writtenFields.set(name, [value]);
  else values.push(value);
}

/** The name of the field that a literal key takes, as `fieldName` of values.ts spells it, or null. */
export function literalKey(key: Expression): string | null {
  if (key.type === 'string') return `s${key.value}`;
  if (key.type === 'number') return numberKey(key.value);
  return key.type === 'true' || key.type === 'false' ? `b${key.type}` : null;
}

/** The name of the field of a number, or null where Lua's integers and ours could differ. */
export function numberKey(value: number): string | null {
  return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value)) ? `n${value}` : null;
}

/** Whether nothing but reading fields is ever done with the variable: then a table in it is as its constructor left it. */
export function isOnlyRead(variable: Variable): boolean {
  return variable.uses === variable.indexReads && variable.fieldWrites === 0 && variable.definitions <= 1;
}
