/**
 * Owns the checks of a submitted version: the job that runs them, their rows, their findings and their events. What follows
 * from the result is for reviews/service (`conclude`); the version's state is versions/service's.
 */

import { RULE_SET_VERSION } from '../../format/checks/registry.ts';
import type { Finding } from '../../format/findings.ts';
import type { ClaimedJob, JobContext } from '../jobs/types.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { JsonObject } from '../platform/json.ts';
import type { Log } from '../platform/log.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import { CHECK_CATALOGUE } from './catalogue.ts';
import { type CheckWorker, InspectionBroken } from './check-worker.ts';
import { parseCheckJob } from './job-payload.ts';
import type { WorkAnswer } from './messages.ts';

/** At most so many FINDING events a check; the rest are rows only (docs/ARCHITECTURE.md, Version states). */
const MAX_FINDING_EVENTS = 200;

export const CHECK_STATES = ['RUNNING', 'PASSED', 'WARNED', 'FAILED', 'CRASHED'] as const;
export type CheckState = (typeof CHECK_STATES)[number];

/** What all checks of a round came to. */
export interface CheckSummary {
  readonly errors: number;
  readonly warnings: number;
  readonly crashed: boolean;
}

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
}

/** Makes the handler of `check-version` jobs. */
export function createValidation({ db, work, clock, ids, log, worker, versions }: ValidationOptions) {
  return {
    /** Runs what is left of the checks of a round. A repeat skips finished checks; a late result is fenced off. */
    async handleJob(job: ClaimedJob, context: JobContext): Promise<void> {
      const { versionId, round } = parseCheckJob(job.payload);
      const version = await versions.find(db.prisma, versionId);
      if (version === null || version.state !== 'SUBMITTED' || version.round !== round) return;
      const path = await versions.packageFile(version);
      const finished = await db.prisma.checkRun.findMany({
        where: { versionId, round, state: { not: 'RUNNING' } },
        select: { check: true },
      });
      // Written one after the other, in the order in which the worker tells; the first failure stops the rest.
      let writing: Promise<void> = Promise.resolve();
      let running: string | null = null;
      const onProgress = (progress: Extract<WorkAnswer, { type: 'start' | 'end' }>) => {
        running = progress.type === 'start' ? progress.check : null;
        writing = writing.then(() => record(version, progress, context));
        writing.catch(() => undefined);
      };
      const skip = finished.map((run) => run.check);
      try {
        await worker.inspect({ task: 'checks', path, skip, onProgress, signal: context.signal });
      } catch (error) {
        if (!(error instanceof InspectionBroken) || context.attempt < job.maxAttempts) throw error;
        log.error({ err: error, versionId, check: running }, 'the checks of a version broke; a person must look');
        const check = running ?? 'archive';
        onProgress({ id: 0, type: 'end', check, findings: [], durationMs: 0, crash: error.message });
      }
      await writing;
      await work(async (unit) => {
        await context.fence(unit.tx);
        const current = await versions.find(unit.tx, versionId);
        if (current !== null && current.state === 'SUBMITTED' && current.round === round) {
          await versions.conclude(unit, current, await summarise(unit.tx, versionId, round));
        }
        await context.complete(unit.tx);
      });
    },
  };

  async function record(
    version: SubmittedVersion,
    progress: Extract<WorkAnswer, { type: 'start' | 'end' }>,
    context: JobContext,
  ): Promise<void> {
    await work(async (unit) => {
      await context.fence(unit.tx);
      if (progress.type === 'start') await recordStart(unit, version, progress.check);
      else await recordEnd(unit, version, progress);
    });
  }

  async function recordStart(unit: Unit, version: SubmittedVersion, check: string): Promise<void> {
    const where = { versionId_round_check: { versionId: version.id, round: version.round, check } };
    if ((await unit.tx.checkRun.findUnique({ where })) !== null) return;
    await unit.tx.checkRun.create({
      data: {
        id: ids.next(),
        versionId: version.id,
        round: version.round,
        check,
        state: 'RUNNING',
        ruleset: String(RULE_SET_VERSION),
        startedAt: clock.now(),
      },
    });
    unit.emit({ type: 'CHECK_STARTED', appId: version.appId, versionId: version.id, payload: { check } });
  }

  async function recordEnd(
    unit: Unit,
    version: SubmittedVersion,
    end: Extract<WorkAnswer, { type: 'end' }>,
  ): Promise<void> {
    const findings = end.crash === null ? end.findings : [crashFinding(end.check)];
    const counts = countBySeverity(findings);
    const state = stateOf(counts, end.crash !== null);
    const where = { versionId_round_check: { versionId: version.id, round: version.round, check: end.check } };
    const facts = { state, ...counts, ruleset: String(RULE_SET_VERSION), finishedAt: clock.now() };
    const run = await unit.tx.checkRun.upsert({
      where,
      update: facts,
      create: {
        id: ids.next(),
        versionId: version.id,
        round: version.round,
        check: end.check,
        startedAt: clock.now(),
        ...facts,
      },
    });
    const before = await unit.tx.versionFinding.count({ where: { versionId: version.id } });
    const rows = findings.map((found, index) => ({
      id: ids.next(),
      versionId: version.id,
      checkRunId: run.id,
      position: before + index,
      code: found.code,
      severity: found.severity.toUpperCase(),
      message: found.message,
      help: found.help,
      file: found.file ?? null,
      line: found.line ?? null,
      column: found.column ?? null,
    }));
    if (rows.length > 0) await unit.tx.versionFinding.createMany({ data: rows });
    for (const row of rows.slice(0, MAX_FINDING_EVENTS)) {
      const { id, code, severity, message, help, file, line, column } = row;
      const payload: JsonObject = {
        check: end.check,
        findingId: id,
        code,
        severity,
        message,
        help,
        file,
        line,
        column,
      };
      unit.emit({ type: 'FINDING', appId: version.appId, versionId: version.id, payload });
    }
    unit.emit({
      type: 'CHECK_FINISHED',
      appId: version.appId,
      versionId: version.id,
      payload: { check: end.check, state, durationMs: Math.round(end.durationMs * 10) / 10, ...counts },
    });
  }

  async function summarise(tx: Tx, versionId: string, round: number): Promise<CheckSummary> {
    const runs = await tx.checkRun.findMany({ where: { versionId, round } });
    return {
      errors: runs.reduce((sum, run) => sum + run.errors, 0),
      warnings: runs.reduce((sum, run) => sum + run.warnings, 0),
      crashed: runs.some((run) => run.state === 'CRASHED' || run.state === 'RUNNING'),
    };
  }
}

function countBySeverity(findings: readonly Finding[]): { errors: number; warnings: number; notices: number } {
  const count = (severity: Finding['severity']) => findings.filter((found) => found.severity === severity).length;
  return { errors: count('error'), warnings: count('warning'), notices: count('notice') };
}

function stateOf(counts: { errors: number; warnings: number }, crashed: boolean): CheckState {
  if (crashed) return 'CRASHED';
  if (counts.errors > 0) return 'FAILED';
  return counts.warnings > 0 ? 'WARNED' : 'PASSED';
}

function crashFinding(check: string): Finding {
  const { code, severity, fix } = CHECK_CATALOGUE.CHECK_CRASHED;
  return {
    code,
    severity,
    message: `The check ${check} did not finish. A person will look at this version.`,
    help: fix,
  };
}
