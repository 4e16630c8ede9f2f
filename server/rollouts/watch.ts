/**
 * Owns what the guard may know and do of rollouts: which are worth watching, what it found, and one pause. It never does more than
 * pause, for what it judges by can be forged, and a person's word after its pause is final.
 */
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { JsonObject } from '../platform/json.ts';
import { type GuardJson, judged, readGuard } from './guard-json.ts';
import {
  moveRollout,
  noteRollout,
  type RolloutWithVersion,
  type RolloutWork,
  tellRollout,
  WITH_VERSION,
} from './records.ts';
import { parseTrack, type Track } from './states.ts';

/** How long after its start a rollout is watched. */
export const WATCHED_MS = 14 * 86_400_000;
/** Rollouts watched at once. */
const MAX_WATCHED = 5_000;
/** Of one app: whoever starts and restarts many must not push those of others out. */
const MAX_WATCHED_OF_APP = 4;
/** Rollouts that these are chosen among, the latest first. */
const MAX_CANDIDATES = 50_000;

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

/** A rollout that could be watched. */
interface Candidate {
  readonly id: string;
  readonly appId: string;
}

/**
 * Which of the rollouts, the latest first, are watched: the latest of each app before the second of any, at most four of an app
 * and 5,000 in all.
 */
export function chosenToWatch(
  latestFirst: readonly Candidate[],
  { most = MAX_WATCHED, ofApp = MAX_WATCHED_OF_APP } = {},
): string[] {
  const taken = new Map<string, number>();
  const turns: string[][] = Array.from({ length: ofApp }, () => []);
  for (const { id, appId } of latestFirst) {
    const turn = taken.get(appId) ?? 0;
    turns[turn]?.push(id);
    taken.set(appId, turn + 1);
  }
  return turns.flat().slice(0, most);
}

/** Variables that one statement may have are bounded. */
const PAGE = 500;

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
     * ACTIVE and COMPLETE rollouts of published versions that started at most 14 days ago and have a previous version on their track,
     * as `chosenToWatch` chooses them.
     */
    async watched(): Promise<WatchedRollout[]> {
      const candidates = await db.prisma.rollout.findMany({
        where: {
          state: { in: ['ACTIVE', 'COMPLETE'] },
          startedAt: { gte: new Date(clock.ms() - WATCHED_MS) },
          version: { state: 'PUBLISHED' },
          app: { status: 'PUBLISHED' },
        },
        select: { id: true, appId: true },
        orderBy: [{ startedAt: 'desc' }, { id: 'desc' }],
        take: MAX_CANDIDATES,
      });
      const ids = chosenToWatch(candidates);
      const rollouts: RolloutWithVersion[] = [];
      for (let at = 0; at < ids.length; at += PAGE) {
        const page = { id: { in: ids.slice(at, at + PAGE) } };
        rollouts.push(...(await db.prisma.rollout.findMany({ where: page, include: WITH_VERSION })));
      }
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
