/**
 * Owns rescans: today's checks run over published versions, and flags where they find what the version's own checks had not. It
 * changes no version's state; a flagged version gets a review, and a person decides.
 */
import { type AdminAct, requireAdminAct } from '../accounts/acting.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Rescan } from '../generated/prisma/client.ts';
import type { Unit } from '../unit-of-work.ts';
import { type RescanOptions, rescanJobKey } from './rescan-parts.ts';
import { createRescanRun } from './rescan-run.ts';

export type Rescans = ReturnType<typeof createRescans>;

/** What edges, the operator command and the `rescan` job call. */
export function createRescans(options: RescanOptions) {
  const { db, work, clock, ids, ruleset } = options;

  /** Only versions that are published when it begins: later ones were checked by today's rules. */
  function versionsAt(unit: Unit, startedAt: Date): Promise<number> {
    return unit.tx.appVersion.count({
      where: { state: 'PUBLISHED', bytesRemovedAt: null, publishedAt: { lte: startedAt } },
    });
  }

  return {
    /** Begins a rescan; a job does it. Throws FORBIDDEN, or STATE_CONFLICT while another one runs. */
    async start(act: AdminAct): Promise<Rescan> {
      const actor = requireAdminAct(act);
      return work(async (unit) => {
        const running = await unit.tx.rescan.findFirst({ where: { state: 'RUNNING' } });
        if (running !== null) {
          const message = `A rescan runs already: ${running.checked} of ${running.total} versions are checked. Wait for it, or cancel it.`;
          throw new DomainError('STATE_CONFLICT', message, { currentState: 'RUNNING' });
        }
        const startedAt = clock.now();
        const total = await versionsAt(unit, startedAt);
        const data = { id: ids.next(), state: 'RUNNING', ruleset, total, startedById: actor.actorId, startedAt };
        const rescan = await unit.tx.rescan.create({ data });
        unit.enqueue({ kind: 'rescan', key: rescanJobKey(rescan.id), payload: { rescanId: rescan.id } });
        unit.audit({
          ...actor,
          action: 'admin.rescan',
          resourceType: 'rescan',
          resourceId: rescan.id,
          details: { total, ruleset },
        });
        return rescan;
      });
    },

    /** Ends a running rescan after the version it is at; its flags stay. Throws FORBIDDEN, NOT_FOUND or STATE_CONFLICT. */
    async cancel(act: AdminAct, id: string): Promise<Rescan> {
      const actor = requireAdminAct(act);
      return work(async (unit) => {
        const rescan = await unit.tx.rescan.findUnique({ where: { id } });
        if (rescan === null) throw notFound('The rescan');
        if (rescan.state !== 'RUNNING')
          throw new DomainError('STATE_CONFLICT', 'The rescan has ended already.', { currentState: rescan.state });
        unit.audit({
          ...actor,
          action: 'admin.cancel_rescan',
          resourceType: 'rescan',
          resourceId: id,
          details: { checked: rescan.checked, total: rescan.total },
        });
        return unit.tx.rescan.update({ where: { id }, data: { state: 'CANCELLED', finishedAt: clock.now() } });
      });
    },

    /** The newest first, at most `limit`. */
    list: (limit: number): Promise<Rescan[]> =>
      db.prisma.rescan.findMany({ orderBy: [{ startedAt: 'desc' }, { id: 'desc' }], take: limit }),

    find: (id: string): Promise<Rescan | null> => db.prisma.rescan.findUnique({ where: { id } }),

    ...createRescanRun(options),
  };
}
