/** Owns what operators make of values that are known before the program runs. It evaluates no operand. */
import { numberKey } from './scopes.ts';
import {
  doubtful,
  FALSE,
  isReference,
  mustBeFollowed,
  platformIn,
  stringValue,
  TRUE,
  UNKNOWN,
  type Value,
} from './values.ts';

/** The value of `operator operand`. */
export function unaryValue(operator: string, operand: Value): Value {
  if (operator === '-' && operand.kind === 'number') return { kind: 'number', value: -operand.value };
  if (operator !== 'not') return UNKNOWN;
  const truth = truthOf(operand);
  return truth === null ? UNKNOWN : truth ? FALSE : TRUE;
}

/** Whether a value is true in a condition, or null where that is not certain. */
export function truthOf(value: Value): boolean | null {
  switch (value.kind) {
    case 'boolean':
      return value.value;
    case 'nil':
      return false;
    case 'number':
    case 'globals':
      return true;
    case 'string':
      return value.computed ? null : true;
    default:
      // A member of a library, a metatable, and a field with a table or a function may be missing.
      return null;
  }
}

/** Whether a value most likely is there: enough to say what is used, not what can't be. */
function isLikely(value: Value): boolean {
  return value.kind === 'table' || value.kind === 'function' || value.kind === 'string';
}

/** The value of `left operator right`; of the two sides of `or` and `and`, the one that must be followed. */
export function binaryValue(operator: string, left: Value, right: Value): Value {
  if (operator === 'or') return orValue(left, right);
  if (operator === 'and') {
    if (truthOf(left) === false) return left;
    if (truthOf(left) === true) return right;
    return isLikely(left) || isReference(right) ? doubtful(right) : UNKNOWN;
  }
  if (operator === '..') return concatenate(left, right);
  if (left.kind !== 'number' || right.kind !== 'number') return UNKNOWN;
  if (operator === '==' || operator === '~=') {
    // Lua's integers have more digits than ours.
    if (numberKey(left.value) === null || numberKey(right.value) === null) return UNKNOWN;
    return (left.value === right.value) === (operator === '==') ? TRUE : FALSE;
  }
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
  if (truth === true) return left;
  if (truth === false) return right;
  return isLikely(left) ? doubtful(left) : isReference(right) ? right : UNKNOWN;
}

function concatenate(left: Value, right: Value): Value {
  const a = asText(left);
  const b = asText(right);
  // What is not known may have a metamethod, which gives what it likes.
  if (a === null) return b === null ? UNKNOWN : stringValue('', false, true);
  const computed = a.computed || b === null || b.computed;
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
