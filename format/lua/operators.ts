/** Owns what operators make of values that are known before the program runs. It evaluates no operand. */
import { FALSE, isReference, mustBeFollowed, platformIn, stringValue, TRUE, UNKNOWN, type Value } from './values.ts';

/** The value of `operator operand`. */
export function unaryValue(operator: string, operand: Value): Value {
  if (operator === '-' && operand.kind === 'number') return { kind: 'number', value: -operand.value };
  if (operator !== 'not') return UNKNOWN;
  const truth = truthOf(operand);
  return truth === null ? UNKNOWN : truth ? FALSE : TRUE;
}

/** Whether a value is true in a condition, or null where that is not known. */
export function truthOf(value: Value): boolean | null {
  // Any member of a library may be missing.
  if (value.kind === 'unknown' || value.kind === 'global' || value.kind === 'mixed') return null;
  if (value.kind === 'boolean') return value.value;
  return value.kind !== 'nil';
}

/** The value of `left operator right`; of the two sides of `or` and `and`, the one that must be followed. */
export function binaryValue(operator: string, left: Value, right: Value): Value {
  if (operator === 'or') return orValue(left, right);
  if (operator === 'and') {
    if (truthOf(left) === false) return left;
    return truthOf(left) === true || isReference(right) ? right : UNKNOWN;
  }
  if (operator === '..') return concatenate(left, right);
  if (left.kind !== 'number' || right.kind !== 'number') return UNKNOWN;
  if (operator === '==' || operator === '~=')
    return (left.value === right.value) === (operator === '==') ? TRUE : FALSE;
  return arithmetic(operator, left.value, right.value);
}

function orValue(left: Value, right: Value): Value {
  // A default is reached whenever the left side can be false, which is never ruled out for what matters most.
  if (mustBeFollowed(left)) return left;
  if (mustBeFollowed(right)) return right;
  if (platformIn(left) !== null) return left;
  if (platformIn(right) !== null) return right;
  if (left.kind === 'global') return left;
  const truth = truthOf(left);
  return truth === true ? left : truth === false || isReference(right) ? right : UNKNOWN;
}

function concatenate(left: Value, right: Value): Value {
  const a = asText(left);
  const b = asText(right);
  if (a === null) return b === null ? UNKNOWN : stringValue('', false);
  const computed = a.computed || (b?.computed ?? false);
  if (!a.whole || b === null) return stringValue(a.text, false, computed);
  return stringValue(a.text + b.text, b.whole, computed);
}

interface KnownText {
  readonly text: string;
  readonly whole: boolean;
  readonly computed: boolean;
}

function asText(value: Value): KnownText | null {
  if (value.kind === 'string') return value;
  if (value.kind !== 'number' || !Number.isSafeInteger(value.value)) return null;
  return { text: String(value.value), whole: true, computed: false };
}

function arithmetic(operator: string, a: number, b: number): Value {
  const value = operator === '+' ? a + b : operator === '-' ? a - b : operator === '*' ? a * b : Number.NaN;
  return Number.isSafeInteger(value) ? { kind: 'number', value } : UNKNOWN;
}
