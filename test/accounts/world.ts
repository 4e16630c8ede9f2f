/** Owns the world of the account tests: the real service on a real SQLite file, a clock that is moved, people who sign up. */
import { createLoginLimit } from '../../server/accounts/login-limit.ts';
import { createPasswords, type PasswordHasher } from '../../server/accounts/passwords.ts';
import { type Accounts, createAccounts } from '../../server/accounts/service.ts';
import type { SignedIn } from '../../server/accounts/sign-in.ts';
import type { OnKeyCompromised } from '../../server/accounts/signing-keys.ts';
import { ANONYMOUS, type DeveloperViewer, type Origin } from '../../server/accounts/viewer.ts';
import { createAudit } from '../../server/audit/service.ts';
import { createEvents } from '../../server/events/service.ts';
import { createJobs } from '../../server/jobs/service.ts';
import { createIds } from '../../server/platform/ids.ts';
import { createInProcessPubSub } from '../../server/platform/pubsub/in-process.ts';
import { createUnitOfWork } from '../../server/unit-of-work.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

export const PASSWORD = 'teapot marmalade quorum';
export const HOME: Origin = { ip: '192.0.2.1', userAgent: 'Firefox' };

export const MINUTE_MS = 60_000;
export const DAY_MS = 24 * 60 * MINUTE_MS;

/** Real enough to tell right from wrong, and a thousand times faster than argon2id; counts its work. */
export function createCountingHasher(): PasswordHasher & { verified: string[] } {
  const verified: string[] = [];
  return {
    verified,
    hash: async (password) => `plain:${password}`,
    verify: async (stored, password) => {
      verified.push(stored);
      return stored === `plain:${password}`;
    },
  };
}

export interface AccountsWorld extends TestDatabase {
  readonly accounts: Accounts;
  readonly clock: TestClock;
  readonly hasher: ReturnType<typeof createCountingHasher>;
  readonly compromised: { keyId: string; since: Date }[];
  /** A new account with a portal session. */
  person(name: string, roles?: { reviewer?: boolean; admin?: boolean }): Promise<Person>;
  /** A CLI session of the person, through the whole device sign-in. */
  cli(person: Person): Promise<{ token: string; viewer: DeveloperViewer }>;
  /** Who a Cookie header says is asking. */
  byCookie(cookie: string, origin?: Origin): ReturnType<Accounts['credentials']['resolve']>;
  byBearer(token: string, origin?: Origin): ReturnType<Accounts['credentials']['resolve']>;
}

export interface Person extends SignedIn {
  /** What the browser sends back. */
  readonly cookieHeader: string;
  readonly email: string;
}

/** A world of its own; `dispose` it. */
export async function createAccountsWorld(
  options: { publicUrl?: string; onKeyCompromised?: OnKeyCompromised } = {},
): Promise<AccountsWorld> {
  const database = await createTestDatabase();
  const { db } = database;
  const clock = createTestClock();
  const ids = createIds(clock);
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const events = createEvents({ db, clock, pubsub: createInProcessPubSub(() => {}) });
  const jobs = createJobs({ db, clock, ids, log });
  const work = createUnitOfWork({ db, events, jobs, audit: createAudit({ clock, ids }), log });
  const hasher = createCountingHasher();
  const compromised: { keyId: string; since: Date }[] = [];
  const accounts = createAccounts({
    work,
    db,
    clock,
    ids,
    config: { publicUrl: options.publicUrl ?? 'https://apps.example.org', dataDir: database.folder },
    limiter: createLoginLimit({ clock }),
    passwords: createPasswords({ hasher }),
    onKeyCompromised:
      options.onKeyCompromised ?? (async (_, { keyId }, since) => void compromised.push({ keyId, since })),
  });

  async function person(name: string, roles: { reviewer?: boolean; admin?: boolean } = {}): Promise<Person> {
    const email = `${name.toLowerCase()}@example.org`;
    const signedUp = await accounts.signUp({ email, name, password: PASSWORD }, HOME);
    await db.prisma.developer.update({ where: { email }, data: roles });
    const viewer = { ...signedUp.viewer, reviewer: roles.reviewer ?? false, admin: roles.admin ?? false };
    return { ...signedUp, viewer, email, cookieHeader: cookieHeaderOf(signedUp.cookie) };
  }

  const resolve = accounts.credentials.resolve;
  return {
    ...database,
    accounts,
    clock,
    hasher,
    compromised,
    person,
    async cli({ viewer }) {
      const { deviceCode, userCode } = await accounts.deviceLogins.start(
        { clientName: 'mosis 1.0', host: 'laptop' },
        HOME,
      );
      await accounts.deviceLogins.confirm(viewer, { userCode, approve: true }, HOME);
      const polled = await accounts.deviceLogins.poll({ deviceCode }, HOME);
      if (polled.state !== 'CONFIRMED') throw new Error(`The sign-in is ${polled.state}`);
      return polled;
    },
    byCookie: (cookie, { ip: address, userAgent } = HOME) =>
      resolve({ cookie, authorization: undefined, address, userAgent }),
    byBearer: (token, { ip: address, userAgent } = HOME) =>
      resolve({ cookie: undefined, authorization: `Bearer ${token}`, address, userAgent }),
  };
}

/** The Cookie header that a browser makes of a Set-Cookie value. */
export function cookieHeaderOf(setCookie: string): string {
  return setCookie.split(';', 1)[0] ?? '';
}

/** The code of the DomainError that the promise rejects with; anything else is passed on. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.name === 'DomainError') return String(error.code);
    throw error;
  }
  return 'done';
}

export { ANONYMOUS };
