/** Owns how an empty installation gets its first admin: a one-time token in a file that only the operator can read. */

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { actorOf } from '../audit/actor.ts';
import { DomainError } from '../errors.ts';
import type { AccountParts } from './dependencies.ts';
import { completeSetupInput, parseInput } from './inputs.ts';
import { checkPassword } from './password-policy.ts';
import { equalSecrets, randomBase62, SECRET_LENGTH } from './secrets.ts';
import { beginSession, createDeveloper, type SignedIn, takingEmail } from './sign-in.ts';
import type { Origin } from './viewer.ts';

const TOKEN = /^[0-9A-Za-z]{43}$/;
/** Written first in the transaction that sets up, so that on every database only one such transaction goes on. */
const SETUP_SETTING = 'setup.completed_at';

export interface Setup {
  /** Whether no account is an active admin. */
  needed(): Promise<boolean>;
  /**
   * At start: makes `setup-token` (mode 0600) in the data folder when no admin exists, keeping one that is there, and
   * answers the link to print; null when set-up is done. The link carries the token: print it, never log it.
   */
  prepare(): Promise<{ readonly url: string; readonly tokenPath: string } | null>;
  /** Makes the first admin and signs them in. Throws SETUP_TOKEN_WRONG, SETUP_DONE, EMAIL_TAKEN, PASSWORD_REFUSED, VALIDATION, RATE_LIMITED. */
  complete(input: unknown, origin: Origin): Promise<SignedIn>;
}

type Parts = Pick<AccountParts, 'work' | 'db' | 'clock' | 'ids' | 'random' | 'limiter' | 'passwords' | 'sessions'>;

/** Makes the set-up's part of the account service. */
export function createSetup(parts: Parts & { readonly dataDir: string; readonly publicUrl: string }): Setup {
  const { work, db, clock, random, limiter, passwords } = parts;
  const tokenPath = join(parts.dataDir, 'setup-token');

  const needed = async () => (await db.prisma.developer.count({ where: { admin: true, status: 'ACTIVE' } })) === 0;

  return {
    needed,

    async prepare() {
      if (!(await needed())) {
        await rm(tokenPath, { force: true });
        return null;
      }
      let token = await readToken(tokenPath);
      if (token === null) {
        token = randomBase62(random, SECRET_LENGTH);
        await rm(tokenPath, { force: true });
        // `wx`: never written through a link or into a file of other rights that somebody else put there.
        await writeFile(tokenPath, `${token}\n`, { mode: 0o600, flag: 'wx', flush: true });
      }
      // In the fragment, which browsers send to no server and put in no Referer.
      return { url: `${parts.publicUrl}/setup#token=${token}`, tokenPath };
    },

    async complete(input, origin) {
      const { token, email, name, password } = parseInput(completeSetupInput, input);
      const attempt = limiter.begin({ kind: 'SETUP_TOKEN', account: null, address: origin.ip });
      const expected = await readToken(tokenPath);
      if (expected === null || !equalSecrets(token, expected)) throw await refusal();
      attempt.succeeded();
      checkPassword(password, { email, name });
      const passwordHash = await passwords.hash(password);
      return takingEmail(() =>
        work(async (unit) => {
          const { tx, audit, afterCommit } = unit;
          const at = clock.now();
          const value = at.toISOString();
          await tx.setting.upsert({
            where: { key: SETUP_SETTING },
            create: { key: SETUP_SETTING, value, updatedAt: at },
            update: { value, updatedAt: at },
          });
          if ((await tx.developer.count({ where: { admin: true, status: 'ACTIVE' } })) > 0) throw setupDone();
          const developer = await createDeveloper(parts, tx, { email, name, passwordHash, admin: true });
          audit({
            ...actorOf({ kind: 'anonymous' }, origin),
            actorId: developer.id,
            action: 'admin.setup',
            resourceType: 'developer',
            resourceId: developer.id,
          });
          afterCommit(() => rm(tokenPath, { force: true }));
          return beginSession(parts, unit, developer, origin);
        }),
      );
    },
  };

  async function refusal(): Promise<DomainError> {
    if (!(await needed())) return setupDone();
    return new DomainError(
      'SETUP_TOKEN_WRONG',
      'The set-up token is wrong. Copy it from the file setup-token in the data folder.',
    );
  }
}

function setupDone(): DomainError {
  return new DomainError('SETUP_DONE', 'This installation has an admin already. Sign in.');
}

/** The token in the file, or null when there is none or it is damaged. */
async function readToken(path: string): Promise<string | null> {
  try {
    const token = (await readFile(path, 'utf8')).trim();
    return TOKEN.test(token) ? token : null;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
