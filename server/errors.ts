/** Owns the one family of expected failures and their closed list of codes. Edges map it; nothing else invents codes. */

/** Every code an expected failure can carry, with what it means and what to do: the same word in GraphQL, REST problems, the CLI's `--json` and the docs. */
export const ERROR_MEANINGS = {
  VALIDATION: 'A field breaks a rule; `fields` says which. Mend the input.',
  BAD_REQUEST: 'The document, the JSON or the request itself is wrong. Mend the request.',
  UNAUTHENTICATED: 'Nobody is signed in, or the credential has ended. Sign in, or make a new key.',
  FORBIDDEN: 'The role, or the kind of credential, does not allow it. Ask an owner, or use the portal.',
  NOT_FOUND: 'It is not there, or not yours to see. Check the id.',
  CONFLICT: 'Somebody was faster. Read again, then decide.',
  STATE_CONFLICT: 'The object is in another state than the act needs; `currentState` says which. Read again.',
  IDEMPOTENCY_KEY_REUSED: 'The key was used with another input. A new key for another act.',
  RATE_LIMITED: 'Too many requests or tries. Wait `retryAfterSeconds` or `Retry-After`.',
  BAD_CREDENTIALS: 'E-mail and password do not belong together. Try again.',
  EMAIL_TAKEN: 'An account has this address. Sign in.',
  PASSWORD_REFUSED: 'Too short, too long, or too common. Choose another.',
  ACCOUNT_SUSPENDED: 'An admin suspended the account. Ask the operator.',
  SETUP_DONE: 'There is an admin already. Sign in.',
  SETUP_TOKEN_WRONG: 'Not the token of the set-up link. Copy it from `setup-token`.',
  DEVICE_CODE_UNKNOWN: 'No open sign-in has this code. Type it again.',
  DEVICE_CODE_EXPIRED: 'Ten minutes are over. Begin again.',
  DEVICE_CODE_DENIED: 'The person said no. Begin again if that was a mistake.',
  SLOW_DOWN: 'Polled too often. Wait `retryAfterSeconds`.',
  SCOPE_MISSING: 'The API key lacks a scope; the message names it. Make a key that has it.',
  LIMIT_REACHED: 'An account or socket has its most. Delete or complete one.',
  KEY_INVALID: 'Not an Ed25519 public key that may be used. Make one with `mosis keys generate`.',
  KEY_TAKEN: 'The key is registered already. Use it, or make another.',
  KEY_UNKNOWN: 'No member registered the key. Run `mosis keys register`.',
  KEY_ENDED: 'The key was retired or reported as compromised. Use another.',
  KEY_NOT_PINNED: 'The key may not sign this app. Run `mosis keys pin`.',
  PIN_CHAIN_BROKEN: 'The link does not follow the chain of pins. Run `mosis keys pin` again.',
  PACKAGE_ID_TAKEN: 'Another app has this package id. Choose one under a domain of yours.',
  APP_HAS_PUBLISHED_VERSIONS: 'An app that submitted versions stays. Unpublish it.',
  APP_SUSPENDED: 'An admin suspended the app. Ask the operator.',
  UPLOAD_TOO_LARGE: 'Over the size this server takes. Make the package smaller.',
  UPLOAD_LIMIT: 'Too many open uploads, or bytes in them. Finish one, or wait a day.',
  UPLOAD_EXPIRED: 'The upload is over. Start a new one.',
  UPLOAD_HASH_MISMATCH: 'Other bytes arrived than were announced. Start a new one.',
  PACKAGE_REFUSED: 'The package breaks a rule; findings say which. Mend it.',
  VERSION_CODE_SPENT: 'The code was submitted before. Build with a higher one.',
  SIGNATURE_MISSING: 'The package is not signed. Run `mosis sign`.',
  ICON_MISSING: 'No 64 px icon. Add one.',
  CLAIM_LOST: 'The claim lapsed or was released. Look at the queue again.',
  OWN_APP: 'You are a member of the app. Somebody else must decide.',
  SECOND_REVIEWER_NEEDED: 'You decided this version before. Another reviewer.',
  FEEDBACK_REQUIRED: 'A rejection needs words. Write them.',
  APPEAL_NOT_POSSIBLE: 'Appealed before, or a format error. Upload a new version.',
  CURSOR_INVALID: 'Not a cursor of this list or log. Begin without `after`.',
  CURSOR_RESET: 'The log was replaced since. Fetch again, then follow from the new head.',
  QUERY_TOO_DEEP: 'The operation is nested too deeply. Ask for less.',
  QUERY_TOO_COSTLY: 'The operation costs too much. Fewer fields, smaller pages.',
  QUERY_TOO_MANY_ALIASES: 'The operation has too many aliases. Split it.',
  QUERY_TOO_LARGE: 'Too many tokens. Split it.',
  BATCH_TOO_LARGE: 'More than one operation in a request. Send them one by one.',
  BODY_TOO_LARGE: 'The body is over its limit. Send less.',
  TIMEOUT: 'It took too long. Ask for less.',
  OVERLOADED: 'The server has all it can do. Wait `Retry-After`.',
  UNSUPPORTED_MEDIA_TYPE: 'Not JSON in UTF-8, or a Content-Encoding. Send `application/json`.',
  ORIGIN_REFUSED: 'A page of a foreign origin. The operator sets `ALLOWED_ORIGINS`.',
  METHOD_NOT_ALLOWED: 'The path takes other methods; `Allow` says which. Use those.',
  RANGE_NOT_SATISFIABLE: 'The range lies outside of the file. Begin anew.',
  INTERNAL: 'Our fault; the message has a reference that the log has too. Report it with the reference.',
} as const;
export type ErrorCode = keyof typeof ERROR_MEANINGS;
export const ERROR_CODES = Object.keys(ERROR_MEANINGS) as ErrorCode[];

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
