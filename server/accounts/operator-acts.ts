/** Owns what the operator command does to accounts: roles by e-mail address, and a new password for who cannot sign in. */
import { OPERATOR_ACTOR } from '../audit/actor.ts';
import { DomainError } from '../errors.ts';
import type { Developer } from '../generated/prisma/client.ts';
import type { Tx } from '../platform/db/database.ts';
import type { Unit } from '../unit-of-work.ts';
import type { AccountParts } from './dependencies.ts';
import { randomBase62 } from './secrets.ts';

export const ROLES = ['admin', 'reviewer'] as const;
export type Role = (typeof ROLES)[number];

/** 24 characters of base 62 carry 142 bits: nobody guesses it, and it can be read out once. */
const TEMPORARY_PASSWORD_LENGTH = 24;

export interface OperatorActs {
  /** Gives or takes a role; answers the roles after. Throws NOT_FOUND, STATE_CONFLICT (already so, or no active admin would be left). */
  setRole(given: { email: string; role: Role; granted: boolean }): Promise<{ admin: boolean; reviewer: boolean }>;
  /**
   * Gives the account a random password, answers it once, and ends every session. API keys stay: they prove another thing.
   * Throws NOT_FOUND.
   */
  resetPassword(email: string): Promise<{ password: string; sessionsEnded: number }>;
}

type Parts = Pick<AccountParts, 'work' | 'clock' | 'random' | 'passwords' | 'sessions'>;

export function createOperatorActs({ work, clock, random, passwords, sessions }: Parts): OperatorActs {
  return {
    setRole: ({ email, role, granted }) =>
      work(async (unit) => {
        const { tx } = unit;
        const account = await accountOf(tx, email);
        if (account[role] === granted) {
          const message = `${account.email} is ${granted ? 'already' : 'no'} ${role}. Nothing was changed.`;
          throw new DomainError('STATE_CONFLICT', message, { currentState: account.status });
        }
        if (role === 'admin' && !granted) await requireAnotherAdmin(tx, account.id);
        const before = { reviewer: account.reviewer, admin: account.admin };
        const after = { ...before, [role]: granted };
        await tx.developer.update({ where: { id: account.id }, data: { ...after, updatedAt: clock.now() } });
        note(unit, account, 'admin.change_role', { before, after });
        return after;
      }),

    async resetPassword(email) {
      const password = randomBase62(random, TEMPORARY_PASSWORD_LENGTH);
      const passwordHash = await passwords.hash(password);
      const sessionsEnded = await work(async (unit) => {
        const account = await accountOf(unit.tx, email);
        await unit.tx.developer.update({ where: { id: account.id }, data: { passwordHash, updatedAt: clock.now() } });
        const ended = await sessions.revokeAll(unit.tx, account.id);
        await unit.tx.deviceLogin.deleteMany({ where: { developerId: account.id, state: 'CONFIRMED' } });
        note(unit, account, 'admin.reset_password', { sessionsEnded: ended });
        return ended;
      });
      return { password, sessionsEnded };
    },
  };
}

async function accountOf(tx: Tx, email: string): Promise<Developer> {
  const account = await tx.developer.findUnique({ where: { email: email.trim().toLowerCase() } });
  if (account !== null && account.status !== 'DELETED') return account;
  throw new DomainError('NOT_FOUND', `No account has the address ${email}. They sign up first.`);
}

async function requireAnotherAdmin(tx: Tx, developerId: string): Promise<void> {
  const others = await tx.developer.count({ where: { admin: true, status: 'ACTIVE', id: { not: developerId } } });
  if (others > 0) return;
  const message = 'This is the last active admin. Make somebody else admin first.';
  throw new DomainError('STATE_CONFLICT', message, { currentState: 'ACTIVE' });
}

function note(
  unit: Unit,
  account: Developer,
  action: 'admin.change_role' | 'admin.reset_password',
  details: Parameters<Unit['audit']>[0]['details'],
): void {
  unit.audit({
    ...OPERATOR_ACTOR,
    action,
    resourceType: 'developer',
    resourceId: account.id,
    ...(details === undefined ? {} : { details }),
  });
}
