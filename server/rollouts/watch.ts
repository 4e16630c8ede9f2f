/**
 * Owns what the guard may know and do of rollouts: which are worth watching, what it found, and one pause. It never does more than
 * pause, for what it judges by can be forged, and a person's word after its pause is final.
 */
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { JsonObject } from '../platform/json.ts';
import { type GuardJson, judged, readGuard } from './guard-json.ts';
import { moveRollout, noteRollout, type RolloutWork, tellRollout, WITH_VERSION } from './records.ts';
import { parseTrack, type Track } from './states.ts';

/** How long after its start a rollout is watched. */
export const WATCHED_MS = 14 * 86_400_000;
/** Rollouts watched at once. */
const MAX_WATCHED = 1_000;

/** A rollout that is compared with what devices of its track ran before. */
export interface WatchedRollout {
  readonly rolloutId: string;
  readonly appId: string;
  readonly packageId: string;
  readonly track: Track;
  readonly version: { readonly code: number; readonly name: string };
  readonly startedAt: Date;
  readonly previous: { readonly code: number; readonly name: string };
  /** False once a person resumed what the guard had paused: it may look, and no longer pause. */
  readonly mayPause: boolean;
}

interface WatchOptions extends RolloutWork {
  readonly db: Pick<Database, 'prisma'>;
  readonly clock: Clock;
}

export function createWatch({ db, work, clock, refreshApp, storeChanged }: WatchOptions) {
  /** The newest lower code that every device of the track was offered; a device on beta takes stable versions too. */
  function previousOf(appId: string, track: Track, versionCode: number) {
    return db.prisma.rollout.findFirst({
      where: {
        appId,
        track: { in: track === 'BETA' ? ['STABLE', 'BETA'] : ['STABLE'] },
        state: 'COMPLETE',
        version: { versionCode: { lt: versionCode } },
      },
      orderBy: { version: { versionCode: 'desc' } },
      select: { version: { select: { versionCode: true, versionName: true } } },
    });
  }

  return {
    /**
     * ACTIVE and COMPLETE rollouts of published versions that started at most 14 days ago and have a previous version on their track, the
     * latest first, at most 1,000.
     */
    async watched(): Promise<WatchedRollout[]> {
      const rollouts = await db.prisma.rollout.findMany({
        where: {
          state: { in: ['ACTIVE', 'COMPLETE'] },
          startedAt: { gte: new Date(clock.ms() - WATCHED_MS) },
          version: { state: 'PUBLISHED' },
          app: { status: 'PUBLISHED' },
        },
        include: WITH_VERSION,
        orderBy: [{ startedAt: 'desc' }, { id: 'desc' }],
        take: MAX_WATCHED,
      });
      const found: WatchedRollout[] = [];
      for (const { id, appId, app, version, startedAt, guard, ...rollout } of rollouts) {
        const track = parseTrack(rollout.track);
        const previous = await previousOf(appId, track, version.versionCode);
        if (previous === null) continue;
        found.push({
          rolloutId: id,
          appId,
          packageId: app.packageId,
          track,
          version: { code: version.versionCode, name: version.versionName },
          startedAt,
          previous: { code: previous.version.versionCode, name: previous.version.versionName },
          mayPause: readGuard(guard).overruledAt === null,
        });
      }
      return found;
    },

    /** Keeps what the guard found last. It is no change of the rollout: nobody is told, and no act of a person fails for it. */
    async recordGuard(rolloutId: string, judgement: GuardJson): Promise<void> {
      await work(async ({ tx }) => {
        const rollout = await tx.rollout.findUnique({ where: { id: rolloutId }, select: { guard: true } });
        if (rollout === null) return;
        await tx.rollout.update({ where: { id: rolloutId }, data: { guard: judged(rollout.guard, judgement) } });
      });
    },

    /**
     * Pauses a rollout for its developer, who is told why and resumes it in one step. Answers false, and does nothing, where it is not
     * ACTIVE or COMPLETE any more, or a person resumed it after a pause of the guard.
     */
    async pauseByGuard(
      rolloutId: string,
      { reason, evidence }: { readonly reason: string; readonly evidence: JsonObject },
    ): Promise<boolean> {
      const paused = await work(async (unit) => {
        const rollout = await unit.tx.rollout.findUnique({ where: { id: rolloutId }, include: WITH_VERSION });
        if (rollout === null || !(rollout.state === 'ACTIVE' || rollout.state === 'COMPLETE')) return false;
        if (readGuard(rollout.guard).overruledAt !== null) return false;
        await moveRollout(unit.tx, clock, rollout, 'pause', { pausedBy: 'GUARD', reason });
        const told = {
          change: 'PAUSED',
          basisPoints: rollout.basisPoints,
          by: { kind: 'GUARD' },
          reason,
          more: { evidence },
        } as const;
        tellRollout(unit, rollout, told);
        noteRollout(unit, rollout, told);
        await refreshApp(unit.tx, rollout.appId);
        return true;
      });
      if (paused) storeChanged();
      return paused;
    },
  };
}
