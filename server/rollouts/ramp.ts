/** Owns carrying out the steps of scheduled ramps. A step that a rollout cannot take now (paused, suspended) waits where it is. */
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import { changeOf } from './changes.ts';
import { moveRollout, noteRollout, type RolloutWork, supersedeLower, tellRollout, WITH_VERSION } from './records.ts';
import { dueStep, readSteps, stepsAbove, writeSteps } from './schedule.ts';

const PAGE = 200;

interface RampOptions extends RolloutWork {
  readonly db: Pick<Database, 'prisma'>;
  readonly clock: Clock;
}

export function createRamp({ db, work, clock, refreshApp, storeChanged }: RampOptions) {
  const RUNNING = {
    state: 'ACTIVE',
    version: { state: 'PUBLISHED' },
    app: { status: { not: 'SUSPENDED' } },
  } as const;

  /** Whether it raised the rollout; read again in the transaction, so that of two runs one raises. */
  async function step(rolloutId: string): Promise<boolean> {
    return work(async (unit) => {
      const rollout = await unit.tx.rollout.findFirst({ where: { id: rolloutId, ...RUNNING }, include: WITH_VERSION });
      if (rollout === null) return false;
      const due = dueStep(readSteps(rollout.schedule), clock.ms());
      if (due === null) return false;
      const { basisPoints } = due.step;
      const rest = stepsAbove(due.rest, basisPoints);
      const state = await moveRollout(unit.tx, clock, rollout, 'raise', { basisPoints, schedule: writeSteps(rest) });
      const told = {
        change: changeOf('raise', state === 'COMPLETE'),
        basisPoints,
        by: { kind: 'SCHEDULE' },
        more: due.lateMs > 0 && rest.length > 0 ? { stepsMovedByMs: due.lateMs } : {},
      } as const;
      tellRollout(unit, rollout, told);
      noteRollout(unit, rollout, told);
      if (state === 'COMPLETE')
        await supersedeLower(unit, clock, { ...rollout, versionCode: rollout.version.versionCode }, told.by);
      await refreshApp(unit.tx, rollout.appId);
      return true;
    });
  }

  return {
    /**
     * Carries out the steps that are due: one of a rollout at most in each run. One that comes late, because nothing ran or the version
     * was suspended, moves those after it by as much, so that no share is jumped. Answers how many rollouts were raised.
     */
    async carryOutSteps(signal?: AbortSignal): Promise<number> {
      let raised = 0;
      let after = '';
      for (;;) {
        const page = await db.prisma.rollout.findMany({
          where: { id: { gt: after }, ...RUNNING },
          select: { id: true, schedule: true },
          orderBy: { id: 'asc' },
          take: PAGE,
        });
        for (const { id, schedule } of page) {
          signal?.throwIfAborted();
          if (dueStep(readSteps(schedule), clock.ms()) !== null && (await step(id))) raised += 1;
        }
        after = page.at(-1)?.id ?? '';
        if (page.length < PAGE) break;
      }
      if (raised > 0) storeChanged();
      return raised;
    },
  };
}
