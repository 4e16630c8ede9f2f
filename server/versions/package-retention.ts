/**
 * Owns the removal of package bytes that nobody needs by the policy: marked in the row first, with its audit row, and removed from
 * the disk after the commit. What a killed process leaves there the housekeeping removes. A dry run only counts.
 */
import { z } from 'zod';
import { OPERATOR_ACTOR, SYSTEM_ACTOR } from '../audit/actor.ts';
import type { JobContext, JobHandler } from '../jobs/types.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import {
  cutoff,
  type Expired,
  expiredVersions,
  type IsListed,
  RETENTION_APP,
  RETENTION_REASONS,
  type RetentionApp,
} from './package-retention-rules.ts';
import { type PackageRetention, readPackageRetention } from './package-retention-settings.ts';
import type { StoredPackages } from './stored-packages.ts';

export const RETENTION_JOB = 'package-retention';
/** Versions named in the report of a run. */
const MAX_NAMED = 50;
/** Apps after which the progress is written. */
const APPS_A_STEP = 50;

const Payload = z.object({ dryRun: z.boolean().default(false) });

const Group = z.object({ versions: z.int(), bytes: z.number() });
/** What a run did or, dry, would do; the job's progress, and when it has ended its report. */
export const retentionReportSchema = z.object({
  dryRun: z.boolean(),
  /** Apps looked at, of those that may have something. */
  checked: z.int(),
  total: z.int(),
  groups: z.record(z.enum(RETENTION_REASONS), Group),
  named: z.array(
    z.object({ packageId: z.string(), versionCode: z.int(), reason: z.enum(RETENTION_REASONS), bytes: z.number() }),
  ),
});
export type RetentionReport = z.output<typeof retentionReportSchema>;

interface PackageRetentionOptions {
  readonly db: Database;
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly packages: Pick<StoredPackages, 'removeBytes'>;
  readonly isListed: IsListed;
  readonly storeChanged: () => void;
}

export type RetentionRuns = ReturnType<typeof createPackageRetention>;

export function createPackageRetention(options: PackageRetentionOptions) {
  const { db, work, clock, ids, log, packages, isListed, storeChanged } = options;

  /** Apps with versions that are old enough by the policy, by id; the rules look at each. */
  async function candidates(policy: PackageRetention): Promise<string[]> {
    const now = clock.now();
    const [superseded, never, rejected] = [policy.supersededDays, policy.neverPublishedDays, policy.rejectedDays].map(
      (days) => cutoff(days, now),
    );
    const stored = { claimedCode: { not: null }, bytesRemovedAt: null };
    const of = (where: object) => db.prisma.appVersion.groupBy({ by: ['appId'], where: { ...stored, ...where } });
    const found = await Promise.all([
      rejected == null ? [] : of({ state: 'REJECTED', updatedAt: { lte: rejected } }),
      never == null
        ? []
        : of({ state: { in: ['APPROVED', 'WITHDRAWN'] }, publishedAt: null, updatedAt: { lte: never } }),
      superseded == null
        ? []
        : db.prisma.appVersion.groupBy({
            by: ['appId'],
            where: { ...stored, state: { in: ['PUBLISHED', 'UNPUBLISHED'] }, publishedAt: { lte: superseded } },
            // One of them stands for the other.
            having: { id: { _count: { gt: 1 } } },
          }),
    ]);
    return [...new Set(found.flat().map(({ appId }) => appId))].sort();
  }

  async function expiredOf(tx: Tx | Database['prisma'], appId: string, policy: PackageRetention) {
    const app = await tx.app.findUnique({ where: { id: appId }, select: RETENTION_APP });
    return app === null ? null : { app, expired: expiredVersions(app, policy, { now: clock.now(), isListed }) };
  }

  /** Marks what may go of one app, as it is now, and removes it once that is committed. */
  async function remove(appId: string, policy: PackageRetention, context: JobContext) {
    const found = await work(async (unit) => {
      await context.fence(unit.tx);
      const inTurn = await expiredOf(unit.tx, appId, policy);
      if (inTurn !== null) await mark(unit, inTurn.app, inTurn.expired);
      return inTurn;
    });
    if (found === null) return null;
    for (const { version } of found.expired) {
      await packages.removeBytes({ ...version, app: found.app }).catch((error: unknown) => {
        log.error({ err: error, versionId: version.id }, 'the bytes of a version are removed at the next housekeeping');
      });
    }
    return found;
  }

  async function mark(unit: Unit, app: RetentionApp, expired: readonly Expired[]): Promise<void> {
    if (expired.length === 0) return;
    await unit.tx.appVersion.updateMany({
      where: { id: { in: expired.map(({ version }) => version.id) }, bytesRemovedAt: null },
      data: { bytesRemovedAt: clock.now() },
    });
    for (const { version, reason } of expired) {
      unit.audit({
        ...SYSTEM_ACTOR,
        action: 'version.remove_bytes',
        resourceType: 'version',
        resourceId: version.id,
        details: { packageId: app.packageId, versionCode: version.versionCode, reason, bytes: version.packageSize },
      });
    }
    unit.afterCommit(storeChanged);
  }

  const handleJob: JobHandler = async (job, context) => {
    const { dryRun } = Payload.parse(job.payload);
    const policy = await readPackageRetention(db.prisma);
    const appIds = await candidates(policy);
    const report = emptyReport(dryRun, appIds.length);
    for (const appId of appIds) {
      context.signal.throwIfAborted();
      const found = await (dryRun ? expiredOf(db.prisma, appId, policy) : remove(appId, policy, context));
      if (found !== null) add(report, found.app, found.expired);
      report.checked += 1;
      if (report.checked % APPS_A_STEP === 0) await context.progress(report);
    }
    await context.progress(report);
    const removed = RETENTION_REASONS.reduce((sum, reason) => sum + report.groups[reason].versions, 0);
    if (!dryRun && removed > 0)
      log.info({ removed, groups: report.groups }, 'package bytes were removed by the policy');
  };

  return {
    handleJob,

    /** Has the operator's run done by a job; answers the job's key. A dry run removes nothing. */
    async start(dryRun: boolean): Promise<string> {
      const key = `${RETENTION_JOB}:${ids.next()}`;
      await work(async (unit) => {
        unit.enqueue({ kind: RETENTION_JOB, key, payload: { dryRun } });
        if (!dryRun)
          unit.audit({
            ...OPERATOR_ACTOR,
            action: 'admin.remove_packages',
            resourceType: 'installation',
            details: { ...(await readPackageRetention(unit.tx)) },
          });
      });
      return key;
    },

    /** How far a run is; null for a key that is none. */
    async find(key: string) {
      const job = await db.prisma.job.findUnique({ where: { key } });
      if (job === null || job.kind !== RETENTION_JOB) return null;
      const report = retentionReportSchema.safeParse(job.progress);
      return { state: job.state, lastError: job.lastError, report: report.success ? report.data : null };
    },

    policy: () => readPackageRetention(db.prisma),
  };
}

function emptyReport(dryRun: boolean, total: number): RetentionReport {
  const none = () => ({ versions: 0, bytes: 0 });
  return {
    dryRun,
    checked: 0,
    total,
    groups: { SUPERSEDED: none(), NEVER_PUBLISHED: none(), REJECTED: none() },
    named: [],
  };
}

function add(report: RetentionReport, { packageId }: RetentionApp, expired: readonly Expired[]): void {
  for (const { version, reason } of expired) {
    const { versionCode, packageSize: bytes } = version;
    report.groups[reason].versions += 1;
    report.groups[reason].bytes += bytes;
    if (report.named.length < MAX_NAMED) report.named.push({ packageId, versionCode, reason, bytes });
  }
}
