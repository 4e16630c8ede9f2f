/** Owns the value of what is written down as it is: literals and table constructors. It evaluates no part. */
import type { Expression, TableExpression } from './ast.ts';
import {
  asField,
  either,
  FALSE,
  fieldName,
  mustBeFollowed,
  NIL,
  stringValue,
  TRUE,
  tableValue,
  UNKNOWN,
  type Value,
} from './values.ts';

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
    if (name === null) continue;
    const earlier = fields.get(name);
    if (earlier === undefined && value === UNKNOWN) continue;
    // Lua does not say in which order a constructor assigns.
    fields.set(name, asField(earlier === undefined ? value : either(earlier, value)));
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
