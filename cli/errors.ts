/** Owns what a failed command says and the exit codes. Every failure carries what, why and the next command. */

/** The meaning of each exit code, as `mosis --help` prints it. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  signIn: 4,
  rejected: 5,
  conflict: 6,
  network: 7,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface CliErrorOptions {
  readonly exit?: ExitCode;
  /** The command or act that helps, printed after `next:`. */
  readonly next?: string;
  readonly cause?: unknown;
  /** More of the same failure, such as the fields that a server refused. */
  readonly details?: readonly string[];
}

/** A failure that the person at the terminal can do something about. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: string;
  readonly exit: ExitCode;
  readonly next: string | null;
  readonly details: readonly string[];

  constructor(code: string, message: string, options: CliErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.exit = options.exit ?? exitOfCode(code);
    this.next = options.next ?? null;
    this.details = options.details ?? [];
  }
}

const EXIT_OF_CODE: Readonly<Record<string, ExitCode>> = {
  USAGE: EXIT.usage,
  VALIDATION: EXIT.usage,
  NOT_FOUND: EXIT.notFound,
  KEY_UNKNOWN: EXIT.notFound,
  DEVICE_CODE_UNKNOWN: EXIT.notFound,
  UNAUTHENTICATED: EXIT.signIn,
  FORBIDDEN: EXIT.signIn,
  SCOPE_MISSING: EXIT.signIn,
  BAD_CREDENTIALS: EXIT.signIn,
  ACCOUNT_SUSPENDED: EXIT.signIn,
  DEVICE_CODE_EXPIRED: EXIT.signIn,
  DEVICE_CODE_DENIED: EXIT.signIn,
  PACKAGE_REFUSED: EXIT.rejected,
  SIGNATURE_MISSING: EXIT.rejected,
  ICON_MISSING: EXIT.rejected,
  KEY_NOT_PINNED: EXIT.rejected,
  KEY_ENDED: EXIT.rejected,
  REJECTED: EXIT.rejected,
  CONFLICT: EXIT.conflict,
  STATE_CONFLICT: EXIT.conflict,
  IDEMPOTENCY_KEY_REUSED: EXIT.conflict,
  KEY_TAKEN: EXIT.conflict,
  PACKAGE_ID_TAKEN: EXIT.conflict,
  VERSION_CODE_SPENT: EXIT.conflict,
  PIN_CHAIN_BROKEN: EXIT.conflict,
  NETWORK: EXIT.network,
  RATE_LIMITED: EXIT.network,
  OVERLOADED: EXIT.network,
  TIMEOUT: EXIT.network,
};

/** The exit code of an error code, the server's or this program's own. */
export function exitOfCode(code: string): ExitCode {
  return EXIT_OF_CODE[code] ?? EXIT.failed;
}

/** A mistake in how the command was called. */
export function usageError(message: string, next: string): CliError {
  return new CliError('USAGE', message, { next });
}

/** The code of a Node system error such as `ENOENT`, or null for any other value. */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
