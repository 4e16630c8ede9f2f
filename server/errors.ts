/** Owns the one family of expected failures and their closed list of codes. Edges map it; nothing else invents codes. */

/** Every code an expected failure can carry: the same word in GraphQL, REST problems, the CLI's `--json` and the docs. */
export const ERROR_CODES = [
  'VALIDATION',
  'BAD_REQUEST',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'CONFLICT',
  'STATE_CONFLICT',
  'IDEMPOTENCY_KEY_REUSED',
  'RATE_LIMITED',
  'BAD_CREDENTIALS',
  'EMAIL_TAKEN',
  'PASSWORD_REFUSED',
  'ACCOUNT_SUSPENDED',
  'SETUP_DONE',
  'SETUP_TOKEN_WRONG',
  'DEVICE_CODE_UNKNOWN',
  'DEVICE_CODE_EXPIRED',
  'DEVICE_CODE_DENIED',
  'SLOW_DOWN',
  'SCOPE_MISSING',
  'LIMIT_REACHED',
  'KEY_INVALID',
  'KEY_TAKEN',
  'KEY_UNKNOWN',
  'KEY_ENDED',
  'KEY_NOT_PINNED',
  'PIN_CHAIN_BROKEN',
  'PACKAGE_ID_TAKEN',
  'PACKAGE_ID_INVALID',
  'APP_HAS_PUBLISHED_VERSIONS',
  'APP_SUSPENDED',
  'UPLOAD_TOO_LARGE',
  'UPLOAD_LIMIT',
  'UPLOAD_EXPIRED',
  'UPLOAD_HASH_MISMATCH',
  'UPLOAD_INCOMPLETE',
  'PACKAGE_REFUSED',
  'VERSION_CODE_SPENT',
  'SIGNATURE_MISSING',
  'ICON_MISSING',
  'CLAIM_LOST',
  'OWN_APP',
  'SECOND_REVIEWER_NEEDED',
  'FEEDBACK_REQUIRED',
  'APPEAL_NOT_POSSIBLE',
  'CURSOR_INVALID',
  'CURSOR_RESET',
  'QUERY_TOO_DEEP',
  'QUERY_TOO_COSTLY',
  'QUERY_TOO_MANY_ALIASES',
  'QUERY_TOO_LARGE',
  'BATCH_TOO_LARGE',
  'BODY_TOO_LARGE',
  'TIMEOUT',
  'OVERLOADED',
  'UNSUPPORTED_MEDIA_TYPE',
  'ORIGIN_REFUSED',
  'METHOD_NOT_ALLOWED',
  'RANGE_NOT_SATISFIABLE',
  'INTERNAL',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** What a failure may carry beside its message; each edge shows what it has a place for. */
export interface ErrorDetails {
  /** For VALIDATION: which input fields, by path such as `input.email`. */
  readonly fields?: readonly { readonly path: string; readonly message: string }[];
  /** For conflicts: the state the object is in now. */
  readonly currentState?: string;
  /** For RATE_LIMITED and SLOW_DOWN. */
  readonly retryAfterSeconds?: number;
  readonly [key: string]: unknown;
}

/** An expected failure: the client can do something about it. Anything else that is thrown is a fault and is masked. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** A VALIDATION failure of one field. */
export function invalidField(path: string, message: string): DomainError {
  return new DomainError('VALIDATION', message, { fields: [{ path, message }] });
}

/** What the viewer may not see does not exist for them (docs/ARCHITECTURE.md, Permissions). */
export function notFound(what: string): DomainError {
  return new DomainError('NOT_FOUND', `${what} was not found, or is not yours to see.`);
}
