/** Owns the value of an expression before the program runs, without reporting anything. Work and recursion are bounded. */
import type { Expression, FunctionExpression, Returns, TableExpression, Variable } from './ast.ts';
import { isLibrary } from './globals.ts';
import { isReadThrough, libraryCall } from './library.ts';
import { constructorValue, literalValue } from './literals.ts';
import { binaryValue, unaryValue } from './operators.ts';
import {
  asField,
  certainFieldName,
  doubtful,
  either,
  type FunctionValue,
  fieldName,
  GLOBALS,
  globalValue,
  indexValue,
  inVariable,
  isReference,
  mustBeFollowed,
  NIL,
  stringValue,
  tableValue,
  UNKNOWN,
  type Value,
} from './values.ts';

/** Longer chains of `local b = a` are not followed; `tooDeep` tells, because what was not read can't be approved. */
const MAX_DEPTH = 1000;
/** A step to a variable, a field or a function's result takes as much of the stack as this many steps into an expression. */
const STEP_DEPTH = 3;

/** Functions without a return, which are most. */
const GIVES_NOTHING: FunctionValue = { kind: 'function', result: () => UNKNOWN };

/** Where a value depends on itself, as the offset of what then can't be followed. */
interface Circle {
  readonly at: number;
  readonly value: () => Value;
}

/** The values of one file's expressions, each from its parts; the walk and the evaluation agree by sharing it. */
export class Evaluator {
  private readonly variables = new Map<Variable, Value>();
  /** Null for a field that is being evaluated. */
  private readonly fields = new Map<Variable, Map<string, Value | null>>();
  private readonly constructors = new Map<Variable, Map<string, Expression[]>>();
  private readonly functions = new Map<FunctionExpression, FunctionValue>();
  private readonly results = new Map<FunctionExpression, Value>();
  /** What is being evaluated: each means nothing yet to what it consists of. */
  private readonly pending = new Set<Variable | FunctionExpression>();
  private readonly circular = new Map<Variable | FunctionExpression, Circle>();
  private readonly moduleValue: (name: string) => Value;
  private depth = 0;
  tooDeep = false;

  /** `moduleValue` is what the package's file gives that a `require` of the name means. */
  constructor(moduleValue: (name: string) => Value) {
    this.moduleValue = moduleValue;
  }

  /** What was read while it was being evaluated: if it has to be followed, it can't be. */
  get circles(): Iterable<Circle> {
    return this.circular.values();
  }

  /** The value that a variable has wherever it has one. */
  variable(variable: Variable): Value {
    const { definition } = variable;
    if (variable.definitions !== 1 || definition === null) return UNKNOWN;
    const known = this.variables.get(variable);
    if (known !== undefined) return known;
    if (this.pending.has(variable)) {
      this.circular.set(variable, { at: variable.at, value: () => this.variable(variable) });
      return UNKNOWN;
    }
    this.pending.add(variable);
    this.depth += STEP_DEPTH;
    const first = inVariable(this.value(definition), variable);
    const given = variable.late ? doubtful(first) : first;
    const value = isTable(variable) && variable.writtenFields !== null ? this.withWrites(given, variable) : given;
    this.depth -= STEP_DEPTH;
    this.pending.delete(variable);
    this.variables.set(variable, value);
    return value;
  }

  /** The table of a variable with what its fields are assigned anywhere in the file. */
  private withWrites(value: Value, variable: Variable): Value {
    if (value.kind !== 'table') return value;
    const fields = new Map(value.fields);
    let { sensitive, platform } = value;
    for (const name of variable.writtenFields?.keys() ?? []) {
      if (name === '*') continue;
      const field = this.field(variable, name);
      fields.set(name, field);
      sensitive ||= mustBeFollowed(field);
    }
    const table = tableValue(fields, sensitive, true);
    platform ??= table.platform;
    return { ...table, sensitive, platform, trust: 'likely', variable };
  }

  /** What one field of the table in a variable holds, from its constructor and every assignment to it. */
  field(variable: Variable, name: string): Value {
    let fields = this.fields.get(variable);
    if (fields === undefined) {
      fields = new Map();
      this.fields.set(variable, fields);
    }
    const known = fields.get(name);
    if (known === null) {
      this.circular.set(variable, { at: variable.at, value: () => this.variable(variable) });
      return UNKNOWN;
    }
    if (known !== undefined) return known;
    fields.set(name, null);
    this.depth += STEP_DEPTH;
    const value = this.fieldFrom(variable, name);
    this.depth -= STEP_DEPTH;
    fields.set(name, value);
    return value;
  }

  private fieldFrom(variable: Variable, name: string): Value {
    const written = variable.writtenFields?.get(name) ?? [];
    const values = [...(this.constructed(variable).get(name) ?? []), ...written].map((value) =>
      value === null ? UNKNOWN : this.value(value),
    );
    const joined = values.reduce((a, b) => either(a, b), values[0] ?? UNKNOWN);
    // Whatever else it is, nobody knows in which order the assignments run.
    const certain = values.length === 1 && variable.writtenFields?.has('*') !== true;
    return certain || isReference(joined) ? asField(joined) : UNKNOWN;
  }

  /** The fields that the constructor of a variable's table has, by name, found without looking at what they hold. */
  private constructed(variable: Variable): ReadonlyMap<string, readonly Expression[]> {
    let fields = this.constructors.get(variable);
    if (fields !== undefined) return fields;
    fields = new Map();
    this.constructors.set(variable, fields);
    let position = 0;
    const nodes = variable.definition?.type === 'table' ? variable.definition.fields : [];
    for (const { key, value } of nodes) {
      const name = key === null ? `n${++position}` : fieldName(this.value(key));
      if (name === null) continue;
      const same = fields.get(name);
      if (same === undefined) fields.set(name, [value]);
      else same.push(value);
    }
    return fields;
  }

  /** The value of a function: the same for the same expression. */
  function(node: FunctionExpression): FunctionValue {
    if (node.returns.length === 0) return GIVES_NOTHING;
    let value = this.functions.get(node);
    if (value === undefined) {
      value = { kind: 'function', result: () => this.result(node) };
      this.functions.set(node, value);
    }
    return value;
  }

  private result(node: FunctionExpression): Value {
    const known = this.results.get(node);
    if (known !== undefined) return known;
    if (this.pending.has(node)) {
      this.circular.set(node, { at: node.at, value: () => this.result(node) });
      return UNKNOWN;
    }
    this.pending.add(node);
    this.depth += STEP_DEPTH;
    const ends = node.returns.length === 1 && node.body.at(-1)?.type === 'return';
    const value = this.given(node.returns, ends);
    this.depth -= STEP_DEPTH;
    this.pending.delete(node);
    this.results.set(node, value);
    return value;
  }

  /** What a function or a file gives that returns these. `always`: it gives that each time. */
  given(returns: Returns, always: boolean): Value {
    const values = returns.map(([first]) => (first === undefined ? NIL : this.value(first)));
    const joined = values.reduce((a, b) => either(a, b), values[0] ?? NIL);
    // Which function this is may itself be in doubt.
    return always || isReference(joined) ? doubtful(joined) : UNKNOWN;
  }

  /** The value of a name: a variable's, or what the environment has. */
  name(node: Extract<Expression, { type: 'name' }>): Value {
    if (node.variable !== null) return this.variable(node.variable);
    if (node.environment !== null) return indexValue(this.variable(node.environment), stringValue(node.name));
    return node.name === '_ENV' ? GLOBALS : globalValue(node.name);
  }

  value(node: Expression): Value {
    if (this.depth >= MAX_DEPTH) {
      this.tooDeep = true;
      return UNKNOWN;
    }
    this.depth++;
    const value = this.shallow(node);
    this.depth--;
    return value;
  }

  private shallow(node: Expression): Value {
    switch (node.type) {
      case 'name':
        return this.name(node);
      case 'index':
        return this.index(node.base, this.value(node.key));
      case 'call': {
        const callee = this.value(node.callee);
        const needsArgs = callee.kind === 'global' && (callee.path === 'require' || isReadThrough(callee.path));
        return this.called(callee, needsArgs ? node.args.map((argument) => this.value(argument)) : []);
      }
      case 'method':
        return this.method(node);
      case 'table':
        return this.table(node);
      case 'function':
        return this.function(node);
      case 'binary':
        return binaryValue(node.operator, this.value(node.left), this.value(node.right));
      case 'unary':
        return unaryValue(node.operator, this.value(node.operand));
      case 'paren':
        return this.value(node.inner);
      default:
        return literalValue(node);
    }
  }

  private index(base: Expression, key: Value): Value {
    const variable = base.type === 'name' ? base.variable : null;
    const name = certainFieldName(key);
    // A table that refers to its own fields is no circle.
    if (variable !== null && name !== null && this.pending.has(variable) && isTable(variable))
      return doubtful(this.field(variable, name));
    return indexValue(this.value(base), key);
  }

  private method(node: Extract<Expression, { type: 'method' }>): Value {
    const key = stringValue(node.name);
    const callee = this.index(node.base, key);
    if (callee.kind === 'function') return callee.result();
    const base = this.value(node.base);
    if (base.kind !== 'string') return UNKNOWN;
    return this.called(callee, [base, ...node.args.map((argument) => this.value(argument))]);
  }

  /** What a call gives, as its first result. */
  called(callee: Value, args: readonly Value[]): Value {
    if (callee.kind === 'function') return callee.result();
    if (callee.kind !== 'global') return UNKNOWN;
    if (callee.path !== 'require') return libraryCall(callee.path, args);
    const name = args[0];
    if (name?.kind !== 'string' || !name.whole) return UNKNOWN;
    return isLibrary(name.text) ? globalValue(name.text) : this.moduleValue(name.text);
  }

  private table(node: TableExpression): Value {
    return constructorValue(
      node,
      node.fields.map((field) => ({
        key: field.key === null ? null : this.value(field.key),
        value: this.value(field.value),
      })),
    );
  }
}

/** Whether the variable holds the table of one constructor, whose fields are then known by their assignments. */
export function isTable(variable: Variable): boolean {
  return variable.definitions === 1 && variable.definition?.type === 'table';
}
