/**
 * Owns the reopening of resolved crash groups that came back: a job looks each minute, and tells the app's members by an
 * event. Reading a group never does.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { SYSTEM_ACTOR } from '../audit/actor.ts';
import type { CrashGroupMark } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { Work } from '../unit-of-work.ts';
import type { Telemetry } from './service.ts';

/** The kind of the job that looks for them. */
export const REGRESSIONS_JOB = 'reopen-crash-groups';
/** Marks looked at in one turn of the event loop: two look-ups by key each. */
const PAGE = 200;

/** The published version that a crash came back in. */
interface Published {
  readonly id: string;
  readonly versionCode: number;
  readonly versionName: string;
}
/** A resolved group that was reported since, and the names of the versions that it was reported of. */
interface SeenAgain {
  readonly mark: CrashGroupMark;
  readonly names: ReadonlySet<string>;
}

export type CrashRegressions = ReturnType<typeof createCrashRegressions>;

/** `telemetry` has to be running while `reopen` is. */
export function createCrashRegressions(deps: {
  readonly db: Pick<Database, 'prisma'>;
  readonly work: Work;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, 'crashGroup' | 'crashVersions'>;
}) {
  const { db, work, clock, telemetry } = deps;

  return { reopen };

  /**
   * Reopens every resolved group that came in again under a published version with the code of the fix or a higher one;
   * answers how many. Ends early once `signal` is aborted: the next run goes on.
   */
  async function reopen(signal?: AbortSignal): Promise<number> {
    let reopened = 0;
    let after: CrashGroupMark | null = null;
    do {
      const page: CrashGroupMark[] = await resolvedAfter(after);
      const again = page.flatMap(seenAgain);
      const versions = await publishedOf([...new Set(again.map(({ mark }) => mark.appId))]);
      for (const { mark, names } of again) {
        const version = regressionOf(mark, names, versions);
        if (version !== null && (await regress(mark, version))) reopened += 1;
      }
      after = page.length < PAGE ? null : (page.at(-1) ?? null);
      await turn();
    } while (after !== null && signal?.aborted !== true);
    return reopened;
  }

  function resolvedAfter(after: CrashGroupMark | null): Promise<CrashGroupMark[]> {
    return db.prisma.crashGroupMark.findMany({
      where: {
        state: 'RESOLVED',
        ...(after === null
          ? {}
          : {
              OR: [{ appId: { gt: after.appId } }, { appId: after.appId, fingerprint: { gt: after.fingerprint } }],
            }),
      },
      orderBy: [{ appId: 'asc' }, { fingerprint: 'asc' }],
      take: PAGE,
    });
  }

  function seenAgain(mark: CrashGroupMark): SeenAgain[] {
    const since = telemetry
      .crashVersions(mark.appId, mark.fingerprint)
      .filter(({ lastReceivedMs }) => lastReceivedMs > mark.updatedAt.getTime());
    return since.length === 0 ? [] : [{ mark, names: new Set(since.map(({ name }) => name)) }];
  }

  /** By app and name. A name is not unique: the highest code counts. What a device says of its code could be made up. */
  async function publishedOf(appIds: readonly string[]): Promise<ReadonlyMap<string, Published>> {
    if (appIds.length === 0) return new Map();
    const rows = await db.prisma.appVersion.findMany({
      where: { appId: { in: [...appIds] }, publishedAt: { not: null } },
      select: { id: true, appId: true, versionName: true, versionCode: true },
      orderBy: { versionCode: 'asc' },
    });
    return new Map(rows.map((row) => [`${row.appId} ${row.versionName}`, row]));
  }

  /** Once, however many look at the same time: only who still finds the mark as it was changes it. */
  async function regress({ appId, fingerprint, updatedAt }: CrashGroupMark, version: Published): Promise<boolean> {
    const now = clock.now();
    const title = telemetry.crashGroup(appId, fingerprint)?.title ?? '';
    return work(async (unit) => {
      const { count } = await unit.tx.crashGroupMark.updateMany({
        where: { appId, fingerprint, state: 'RESOLVED', updatedAt },
        data: { state: 'REGRESSED', regressedAt: now, regressedInCode: version.versionCode, updatedAt: now },
      });
      if (count === 0) return false;
      unit.audit({
        ...SYSTEM_ACTOR,
        action: 'crash_group.regress',
        resourceType: 'crash_group',
        resourceId: `${appId}:${fingerprint}`,
        details: { inVersionCode: version.versionCode },
      });
      unit.emit({
        type: 'CRASH_REGRESSED',
        appId,
        versionId: version.id,
        payload: { fingerprint, title, versionCode: version.versionCode, version: version.versionName },
      });
      return true;
    });
  }
}

/** The published version with the lowest code in which a resolved crash came back, or null. */
function regressionOf(
  { appId, resolvedInCode }: CrashGroupMark,
  names: ReadonlySet<string>,
  versions: ReadonlyMap<string, Published>,
): Published | null {
  if (resolvedInCode === null) return null;
  const since = [...names]
    .map((name) => versions.get(`${appId} ${name}`))
    .filter((version) => version !== undefined)
    .filter(({ versionCode }) => versionCode >= resolvedInCode)
    .sort((a, b) => a.versionCode - b.versionCode);
  return since[0] ?? null;
}
