/** Owns what admins do to accounts: roles, suspending, reinstating, listing. */
import { actorOf } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Tx } from '../platform/db/database.ts';
import { requireAdmin } from './access.ts';
import type { AccountParts } from './dependencies.ts';
import { parseInput, reinstateAccountInput, setRolesInput, suspendAccountInput } from './inputs.ts';
import type { Origin, Viewer } from './viewer.ts';

/** Which account was changed. */
export interface ChangedAccount {
  readonly developerId: string;
}

export interface Administration {
  /** Sets both roles. Throws FORBIDDEN, NOT_FOUND, STATE_CONFLICT (no active admin would be left). */
  setRoles(viewer: Viewer, input: unknown, origin: Origin): Promise<ChangedAccount>;
  /**
   * Ends every session; keys stop at once and work again when the account is reinstated. Throws FORBIDDEN, NOT_FOUND,
   * STATE_CONFLICT (not active, the admin's own account, or the last active admin).
   */
  suspendAccount(viewer: Viewer, input: unknown, origin: Origin): Promise<ChangedAccount>;
  /** Lets a suspended account in again. Throws FORBIDDEN, NOT_FOUND, STATE_CONFLICT. */
  reinstateAccount(viewer: Viewer, input: unknown, origin: Origin): Promise<ChangedAccount>;
}

/** Makes the admins' part of the account service. */
export function createAdministration({
  work,
  clock,
  sessions,
}: Pick<AccountParts, 'work' | 'clock' | 'sessions'>): Administration {
  return {
    async setRoles(viewer, input, origin) {
      requireAdmin(viewer);
      const { developerId, reviewer, admin } = parseInput(setRolesInput, input);
      await work(async ({ tx, audit }) => {
        await lockAdmins(tx);
        const before = await accountOf(tx, developerId);
        if (before.admin && !admin) await requireAnotherAdmin(tx, developerId);
        await tx.developer.update({ where: { id: developerId }, data: { reviewer, admin, updatedAt: clock.now() } });
        audit({
          ...actorOf(viewer, origin),
          action: 'admin.change_role',
          resourceType: 'developer',
          resourceId: developerId,
          details: { before: { reviewer: before.reviewer, admin: before.admin }, after: { reviewer, admin } },
        });
      });
      return { developerId };
    },

    async suspendAccount(viewer, input, origin) {
      const admin = requireAdmin(viewer);
      const { developerId, reason } = parseInput(suspendAccountInput, input);
      await work(async ({ tx, audit }) => {
        await lockAdmins(tx);
        const before = await accountOf(tx, developerId);
        if (before.status !== 'ACTIVE') throw wrongState('The account is suspended already.', before.status);
        if (developerId === admin.developerId) throw wrongState('You cannot suspend your own account.', before.status);
        if (before.admin) await requireAnotherAdmin(tx, developerId);
        await tx.developer.update({
          where: { id: developerId },
          data: { status: 'SUSPENDED', statusReason: reason, updatedAt: clock.now() },
        });
        await sessions.revokeAll(tx, developerId);
        await tx.deviceLogin.deleteMany({ where: { developerId, state: 'CONFIRMED' } });
        audit({
          ...actorOf(viewer, origin),
          action: 'admin.suspend_account',
          resourceType: 'developer',
          resourceId: developerId,
          details: { reason },
        });
      });
      return { developerId };
    },

    async reinstateAccount(viewer, input, origin) {
      requireAdmin(viewer);
      const { developerId, reason } = parseInput(reinstateAccountInput, input);
      await work(async ({ tx, audit }) => {
        const before = await accountOf(tx, developerId);
        if (before.status !== 'SUSPENDED') throw wrongState('The account is not suspended.', before.status);
        await tx.developer.update({
          where: { id: developerId },
          data: { status: 'ACTIVE', statusReason: null, updatedAt: clock.now() },
        });
        audit({
          ...actorOf(viewer, origin),
          action: 'admin.reinstate_account',
          resourceType: 'developer',
          resourceId: developerId,
          details: { reason },
        });
      });
      return { developerId };
    },
  };
}

/** Takes the row locks of all admins, so that on every database two admins cannot remove each other at the same moment. */
async function lockAdmins(tx: Tx): Promise<void> {
  await tx.developer.updateMany({ where: { admin: true }, data: { admin: true } });
}

async function accountOf(tx: Tx, developerId: string) {
  const account = await tx.developer.findUnique({ where: { id: developerId } });
  if (account === null || account.status === 'DELETED') throw notFound('The account');
  return account;
}

async function requireAnotherAdmin(tx: Tx, developerId: string): Promise<void> {
  const others = await tx.developer.count({ where: { admin: true, status: 'ACTIVE', id: { not: developerId } } });
  if (others === 0) throw wrongState('This is the last active admin. Make somebody else admin first.', 'ACTIVE');
}

function wrongState(message: string, currentState: string): DomainError {
  return new DomainError('STATE_CONFLICT', message, { currentState });
}
