/**
 * Owns the job that checks a submitted version, from the first check to the conclusion, also where the checks break. What
 * follows from the result is for reviews (`conclude`); the version's state is versions/service's.
 */
import type { ClaimedJob, JobContext } from '../jobs/types.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import { type CheckSummary, createCheckRecords } from './check-records.ts';
import type { CheckWorker } from './check-worker.ts';
import { type ContextCheck, runContextChecks } from './context-checks.ts';
import { parseCheckJob } from './job-payload.ts';
import { isLastFailure } from './last-attempt.ts';
import type { CheckProgress } from './messages.ts';
import { createProgressWriter } from './progress-writer.ts';

/** The parts of versions and reviews that the checks need. */
export interface CheckedVersions {
  /** The version as it is, with its app; null when it is gone. */
  find(tx: Tx | Database['prisma'], versionId: string): Promise<SubmittedVersion | null>;
  /** Puts the bytes at their final place and says where they are. */
  packageFile(version: SubmittedVersion): Promise<string>;
  /** Decides what follows, in the transaction that ends the job. */
  conclude(unit: Unit, version: SubmittedVersion, summary: CheckSummary): Promise<void>;
}

export interface SubmittedVersion {
  readonly id: string;
  readonly appId: string;
  readonly versionCode: number;
  readonly packageSha256: string;
  readonly state: string;
  readonly round: number;
  readonly app: { readonly packageId: string };
}

interface ValidationOptions {
  readonly db: Database;
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly worker: CheckWorker;
  readonly versions: CheckedVersions;
  /** Run after the worker's, in this order; recorded like the others. */
  readonly contextChecks: readonly ContextCheck[];
}

/** Makes what the `check-version` and `housekeeping` jobs call. */
export function createValidation({ db, work, clock, ids, log, worker, versions, contextChecks }: ValidationOptions) {
  const records = createCheckRecords({ clock, ids, contextChecks: contextChecks.map((check) => check.name) });

  /** The version, if it still waits for the checks of this round. */
  async function waiting(tx: Tx | Database['prisma'], versionId: string, round: number) {
    const version = await versions.find(tx, versionId);
    return version?.state === 'SUBMITTED' && version.round === round ? version : null;
  }

  /** Writes starts and ends, each end with its findings and events, if this attempt still holds the job. */
  function writeProgress(version: SubmittedVersion, context: JobContext, batch: readonly CheckProgress[]) {
    return work(async (unit) => {
      await context.fence(unit.tx);
      for (const progress of batch) {
        if (progress.type === 'start') await records.start(unit, version, progress.check);
        else await records.end(unit, version, { ...progress, crashed: progress.crash !== null });
      }
    });
  }

  /** Runs the checks that have not ended, and writes each start and end as it happens. */
  async function runChecks(version: SubmittedVersion, context: JobContext): Promise<void> {
    const path = await versions.packageFile(version);
    const skip = await records.finished(db.prisma, version);
    // The first failure to write stops the rest.
    const broken = new AbortController();
    const signal = AbortSignal.any([context.signal, broken.signal]);
    const writer = createProgressWriter(
      (batch) => writeProgress(version, context, batch),
      (error) => broken.abort(error),
    );
    const onProgress = (progress: CheckProgress) => {
      writer.push(progress);
      if (progress.type === 'start' || progress.crash === null) return;
      const { check, crash } = progress;
      log.error({ versionId: version.id, check, crash }, 'a check did not finish; a person must look');
    };
    try {
      await worker.inspect({ task: 'checks', path, skip, onProgress, signal });
      await runContextChecks({ checks: contextChecks, version, db: db.prisma, skip, onProgress, signal });
    } finally {
      await writer.settled();
    }
  }

  /** Concludes the round with what was found so far; what was cut off is crashed, and a person looks. */
  async function concludeBroken(unit: Unit, versionId: string, round: number): Promise<void> {
    const version = await waiting(unit.tx, versionId, round);
    if (version === null) return;
    await records.crash(unit, version);
    await versions.conclude(unit, version, { ...(await records.summarise(unit.tx, version)), crashed: true });
  }

  return {
    /**
     * Runs what is left of the checks of a round. A repeat skips finished checks; a late result is fenced off; whatever
     * fails on the last attempt ends in a person's review, never in approval and never in a version that waits for ever.
     */
    async handleJob(job: ClaimedJob, context: JobContext): Promise<void> {
      const { versionId, round } = parseCheckJob(job.payload);
      const version = await waiting(db.prisma, versionId, round);
      if (version === null) return;
      try {
        await runChecks(version, context);
        await work(async (unit) => {
          await context.fence(unit.tx);
          const current = await waiting(unit.tx, versionId, round);
          if (current !== null) await versions.conclude(unit, current, await records.summarise(unit.tx, current));
          await context.complete(unit.tx);
        });
      } catch (error) {
        if (!isLastFailure(error, job, context)) throw error;
        log.error({ err: error, versionId }, 'the checks of a version broke; a person must look');
        await work(async (unit) => {
          await context.fence(unit.tx);
          await concludeBroken(unit, versionId, round);
          await context.complete(unit.tx);
        });
      }
    },

    /** Concludes versions whose job died without a word: lost with its process too often, or out of time. */
    async concludeAbandoned(): Promise<void> {
      const dead = await db.prisma.job.findMany({ where: { kind: 'check-version', state: 'DEAD' } });
      for (const { id, payload } of dead) {
        const { versionId, round } = parseCheckJob(payload);
        if ((await waiting(db.prisma, versionId, round)) === null) continue;
        log.error({ jobId: id, versionId }, 'the checks of a version were given up; a person must look');
        await work(async (unit) => {
          // An operator may have had it tried again just now.
          if ((await unit.tx.job.count({ where: { id, state: 'DEAD' } })) === 1)
            await concludeBroken(unit, versionId, round);
        });
      }
    },
  };
}
