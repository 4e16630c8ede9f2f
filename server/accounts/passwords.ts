/** Owns hashing and verifying passwords. What makes a password acceptable is password-policy.ts. */
import { hash, verify } from '@node-rs/argon2';
import { DomainError } from '../errors.ts';

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Hashes at once: each takes 19 MiB and a whole core, and must leave the thread pool to files and the database. */
const DEFAULT_CONCURRENCY = 2;
/** Callers that may wait for their turn; at about 30 ms each, the last waits some two seconds. */
const DEFAULT_QUEUE = 128;

export interface Passwords {
  /** The PHC string to store. Throws OVERLOADED when too many wait. */
  hash(password: string): Promise<string>;
  /**
   * Whether the password belongs to the stored hash. A missing hash costs the same time and is never right, so that an
   * answer's time does not tell whether an account exists. Throws OVERLOADED when too many wait.
   */
  verify(storedHash: string | null, password: string): Promise<boolean>;
}

/** The two slow functions, so that a test can count them. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  verify(storedHash: string, password: string): Promise<boolean>;
}

/** argon2id of the native library. */
export const argon2id: PasswordHasher = {
  hash: (password) => hash(password, ARGON2ID),
  verify: (storedHash, password) => verify(storedHash, password),
};

/** Makes the password service; at most `concurrency` hashes run at once and `maxWaiting` wait. */
export function createPasswords(
  options: { readonly hasher?: PasswordHasher; readonly concurrency?: number; readonly maxWaiting?: number } = {},
): Passwords {
  const hasher = options.hasher ?? argon2id;
  const gate = createGate(options.concurrency ?? DEFAULT_CONCURRENCY, options.maxWaiting ?? DEFAULT_QUEUE);
  // Made now, so that not even the first unknown account takes longer than a known one.
  let dummy: Promise<string> | undefined = makeDummy();
  return {
    hash: (password) => gate(() => hasher.hash(normalisePassword(password))),
    async verify(storedHash, password) {
      dummy ??= makeDummy();
      const against = storedHash ?? (await dummy);
      const matches = await gate(() => hasher.verify(against, normalisePassword(password)));
      return matches && storedHash !== null;
    },
  };

  function makeDummy(): Promise<string> {
    const made = hasher.hash('no account has this password');
    made.catch(() => {
      // Tried again at the next use, which also reports what is wrong.
      dummy = undefined;
    });
    return made;
  }
}

/** The same password typed on two keyboards must be the same bytes (NIST SP 800-63B section 3.1.1.2). */
export function normalisePassword(password: string): string {
  return password.normalize('NFKC');
}

function createGate(concurrency: number, maxWaiting: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= concurrency) {
      if (waiting.length >= maxWaiting) {
        throw new DomainError(
          'OVERLOADED',
          'Too many people are signing in at this moment. Try again in a few seconds.',
          {
            retryAfterSeconds: 5,
          },
        );
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      // Whoever finishes hands its place over, so `running` does not change.
      await promise;
    } else {
      running += 1;
    }
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
