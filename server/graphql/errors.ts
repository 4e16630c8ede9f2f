/**
 * Owns the problem types that mutations answer with. They are views of DomainError by its code: `instanceof` asks the code,
 * so that services know nothing of GraphQL.
 */
import { DomainError, type ErrorCode } from '../errors.ts';

const CONFLICT_CODES = new Set<ErrorCode>([
  'CONFLICT',
  'STATE_CONFLICT',
  'CLAIM_LOST',
  'IDEMPOTENCY_KEY_REUSED',
  'VERSION_CODE_SPENT',
]);
const RATE_CODES = new Set<ErrorCode>(['RATE_LIMITED', 'SLOW_DOWN']);

function hasCode(value: unknown, accepts: (code: ErrorCode) => boolean): boolean {
  return value instanceof DomainError && accepts(value.code);
}

/** Input that breaks a rule, field by field. */
export class ValidationProblem extends DomainError {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, (code) => code === 'VALIDATION');
  }
}

/** Somebody was faster, or the object is in another state than the act needs. */
export class ConflictProblem extends DomainError {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, (code) => CONFLICT_CODES.has(code));
  }
}

/** Too many tries; the answer says how long to wait. */
export class RateLimitedProblem extends DomainError {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, (code) => RATE_CODES.has(code));
  }
}

/** Every other expected failure. */
export class DomainProblem extends DomainError {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(
      value,
      (code) => code !== 'VALIDATION' && !CONFLICT_CODES.has(code) && !RATE_CODES.has(code) && code !== 'INTERNAL',
    );
  }
}
