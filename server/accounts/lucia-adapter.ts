/**
 * Owns how Lucia reads and writes sessions: ids are hashed before they touch the database, and times go between our clock
 * and the machine's, which Lucia reads by itself. It makes no cookies and no rules on who may have a session.
 */
import type { Adapter, DatabaseSession } from 'lucia';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/database.ts';
import { sha256Hex } from './secrets.ts';
import { isSessionKind, type SessionKind } from './session-kinds.ts';

const LUCIA_LOOKS_WITHIN_MS = 60_000;

/** What a session row has beside its id, owner and idle expiry. */
export interface SessionAttributes {
  readonly publicId: string;
  readonly kind: SessionKind;
  readonly label: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly absoluteExpiresAt: Date;
}

/** What a session tells of its owner. */
export interface OwnerAttributes {
  readonly email: string;
  readonly name: string;
  readonly reviewer: boolean;
  readonly admin: boolean;
}

interface SessionRow extends Omit<SessionAttributes, 'kind'> {
  readonly developerId: string;
  readonly expiresAt: Date;
  readonly kind: string;
}

/**
 * An adapter on a database or a transaction. Sessions of accounts that are not active do not exist. `getUserSessions`
 * can only return hashes as ids, so lists and revocation are in sessions.ts and go by public id.
 */
export function createLuciaAdapter({ db, clock }: { readonly db: Db; readonly clock: Clock }): Adapter {
  /**
   * Lucia compares with Date.now(): a time of our clock, as far from the machine's now as from ours. Whether it is over is
   * decided here, to the millisecond; Lucia looks a moment later, and must not think otherwise then.
   */
  function toMachine(expiry: Date): Date {
    const leftMs = expiry.getTime() - clock.ms();
    return new Date(leftMs <= 0 ? 0 : Date.now() + Math.max(leftMs, LUCIA_LOOKS_WITHIN_MS));
  }
  const toClock = (time: Date) => new Date(time.getTime() - Date.now() + clock.ms());

  function present(row: SessionRow, id: string): DatabaseSession {
    const { developerId, expiresAt, kind, ...attributes } = row;
    if (!isSessionKind(kind)) throw new Error(`A session has the unknown kind ${kind}`);
    return {
      id,
      userId: developerId,
      expiresAt: toMachine(earlier(expiresAt, row.absoluteExpiresAt)),
      attributes: { ...attributes, kind },
    };
  }

  return {
    async getSessionAndUser(sessionId) {
      const found = await db.session.findUnique({ where: { id: sha256Hex(sessionId) }, include: { developer: true } });
      if (found === null || found.developer.status !== 'ACTIVE') return [null, null];
      const { developer, id: _hash, ...row } = found;
      const { id, email, name, reviewer, admin } = developer;
      return [present(row, sessionId), { id, attributes: { email, name, reviewer, admin } }];
    },
    async getUserSessions(userId) {
      const rows = await db.session.findMany({ where: { developerId: userId } });
      return rows.map(({ id, ...row }) => present(row, id));
    },
    async setSession({ id, userId, expiresAt, attributes }) {
      const { absoluteExpiresAt, kind } = attributes;
      await db.session.create({
        data: {
          ...attributes,
          id: sha256Hex(id),
          developerId: userId,
          expiresAt: kind === 'CLI' ? absoluteExpiresAt : earlier(toClock(expiresAt), absoluteExpiresAt),
        },
      });
    },
    async updateSessionExpiration(sessionId, expiresAt) {
      const id = sha256Hex(sessionId);
      const row = await db.session.findUnique({ where: { id }, select: { expiresAt: true, absoluteExpiresAt: true } });
      if (row === null) return;
      const extended = earlier(toClock(expiresAt), row.absoluteExpiresAt);
      // In the last days before its absolute end Lucia extends a session with every request, which changes nothing.
      if (extended > row.expiresAt) await db.session.updateMany({ where: { id }, data: { expiresAt: extended } });
    },
    async deleteSession(sessionId) {
      await db.session.deleteMany({ where: { id: sha256Hex(sessionId) } });
    },
    async deleteUserSessions(userId) {
      await db.session.deleteMany({ where: { developerId: userId } });
    },
    async deleteExpiredSessions() {
      const now = clock.now();
      await db.session.deleteMany({
        where: { OR: [{ expiresAt: { lte: now } }, { absoluteExpiresAt: { lte: now } }] },
      });
    },
  };
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}
