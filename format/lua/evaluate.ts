/** Owns the value of an expression before the program runs, without reporting anything. Work and recursion are bounded. */
import type { Expression, TableExpression, Variable } from './ast.ts';
import {
  asField,
  binaryValue,
  callValue,
  FALSE,
  fieldName,
  GLOBALS,
  globalValue,
  hasOneDefinition,
  indexValue,
  inVariable,
  mustBeFollowed,
  NIL,
  stringValue,
  TRUE,
  tableValue,
  UNKNOWN,
  unaryValue,
  type Value,
} from './values.ts';

/** Longer chains of `local b = a` are not followed; `tooDeep` tells, because what was not read can't be approved. */
const MAX_DEPTH = 1500;

/** The value of an expression of which the parts are known; it makes the walk and the evaluation agree. */
export class Evaluator {
  private readonly known = new Map<Variable, Value>();
  private depth = 0;
  tooDeep = false;

  /** The value that a variable has wherever it has one. */
  variable(variable: Variable): Value {
    if (!hasOneDefinition(variable) || variable.definition === null) return UNKNOWN;
    const known = this.known.get(variable);
    if (known !== undefined) return known;
    // What depends on itself has no value of its own.
    this.known.set(variable, UNKNOWN);
    const value = inVariable(this.value(variable.definition), variable);
    this.known.set(variable, value);
    return value;
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
        return indexValue(this.value(node.base), this.value(node.key));
      case 'call':
        return callValue(
          this.value(node.callee),
          node.args.map((argument) => this.value(argument)),
        );
      case 'method':
        return this.method(node);
      case 'table':
        return this.table(node);
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

  private method(node: Extract<Expression, { type: 'method' }>): Value {
    const base = this.value(node.base);
    if (base.kind !== 'string') return UNKNOWN;
    const args = node.args.map((argument) => this.value(argument));
    return callValue(indexValue(base, stringValue(node.name)), [base, ...args]);
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

export interface FieldValue {
  readonly key: Value | null;
  readonly value: Value;
}

/** The value of a table constructor whose fields have these values. */
export function constructorValue(node: TableExpression, values: readonly FieldValue[]): Value {
  const fields = new Map<string, Value>();
  let sensitive = false;
  let open = false;
  let position = 0;
  for (const { key, value } of values) {
    const name = key === null ? `n${++position}` : fieldName(key);
    sensitive ||= mustBeFollowed(value);
    if (name === null || (key?.kind === 'string' && key.computed)) open = true;
    if (name !== null && value !== UNKNOWN) fields.set(name, asField(value));
  }
  const last = node.fields.at(-1);
  if (last?.key === null && ['call', 'method', 'vararg'].includes(last.value.type)) open = true;
  return tableValue(fields, sensitive, open);
}

/** The value of an expression that has no parts. */
export function literalValue(node: Expression): Value {
  switch (node.type) {
    case 'string':
      return stringValue(node.value);
    case 'number':
      return { kind: 'number', value: node.value };
    case 'true':
      return TRUE;
    case 'false':
      return FALSE;
    case 'nil':
      return NIL;
    default:
      return UNKNOWN;
  }
}
