// Owns the audit log: the only writer of `audit_logs`, which only grows (but for blanking addresses when they are old).

import type { Clock } from '../platform/clock.ts';
import type { Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { JsonObject } from '../platform/json.ts';
import type { AuditAction, AuditVia } from './actions.ts';

/** One act of a person, a key or the system. */
export type AuditEntry = {
  /** Null for the system and for people who are not signed in. */
  actorId: string | null;
  via: AuditVia;
  action: AuditAction;
  resourceType: string;
  resourceId?: string | null;
  /** What changed; never a secret. */
  details?: JsonObject;
  ip?: string | null;
  userAgent?: string | null;
};

export type Audit = {
  /** Writes the entry in the transaction of the act that it tells of. */
  record(tx: Tx, entry: AuditEntry): Promise<void>;
  /** Blanks address and user agent of entries older than `before`; returns how many. */
  blankAddresses(tx: Tx, before: Date): Promise<number>;
};

/** A user agent is the client's text: what is kept of it is bounded. */
const MAX_USER_AGENT_CHARS = 400;

export function createAudit({ clock, ids }: { clock: Clock; ids: Ids }): Audit {
  return {
    async record(tx, entry) {
      await tx.auditLog.create({
        data: {
          id: ids.next(),
          actorId: entry.actorId,
          via: entry.via,
          action: entry.action,
          resourceType: entry.resourceType,
          resourceId: entry.resourceId ?? null,
          details: entry.details ?? {},
          ip: entry.ip ?? null,
          userAgent: entry.userAgent?.slice(0, MAX_USER_AGENT_CHARS) ?? null,
          at: clock.now(),
        },
      });
    },
    async blankAddresses(tx, before) {
      const result = await tx.auditLog.updateMany({
        where: { at: { lt: before }, OR: [{ ip: { not: null } }, { userAgent: { not: null } }] },
        data: { ip: null, userAgent: null },
      });
      return result.count;
    },
  };
}
