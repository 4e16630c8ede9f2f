/**
 * Owns the job of a rescan: one version after the other by id, each with its flag, its review and the place to go on from in one
 * transaction, so that a killed process repeats at most the reading of one package. It yields to the checks of submissions.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Finding } from '../../format/findings.ts';
import type { Rescan } from '../generated/prisma/client.ts';
import type { ClaimedJob, JobContext } from '../jobs/types.ts';
import type { Tx } from '../platform/db/database.ts';
import type { Unit } from '../unit-of-work.ts';
import { runContextChecks } from './context-checks.ts';
import { isLastFailure } from './last-attempt.ts';
import type { CheckProgress } from './messages.ts';
import { type KnownFinding, newFindings } from './rescan-findings.ts';
import { parseRescanJob, type RescannedVersion, type RescanOptions } from './rescan-parts.ts';
import { storedFinding } from './stored-finding.ts';

/** Findings kept of one flag; the counts tell of all. */
const MAX_KEPT_FINDINGS = 200;
const DEFAULT_YIELD_MS = 250;
/** A store that is always busy still gets its rescan: after this it goes on for one version. */
const MAX_YIELD_MS = 30_000;
/** What submissions wait for. */
const URGENT_KINDS = ['check-version', 'gate-upload'];

const WITH_APP = { app: { select: { packageId: true } } } as const;
const knownSchema = z.array(
  z.object({
    code: z.string(),
    severity: z.string(),
    file: z.string().nullish(),
    line: z.number().nullish(),
    column: z.number().nullish(),
    message: z.string(),
  }),
);

/** What today's checks say of one version. */
interface Verdict {
  readonly findings: readonly Finding[];
  readonly crashed: boolean;
}

export function createRescanRun(options: RescanOptions) {
  const { db, work, clock, ids, log, worker, contextChecks, packageFile, openReview } = options;
  const { yieldMs = DEFAULT_YIELD_MS } = options;

  function nextVersion({ afterId, startedAt }: Rescan): Promise<RescannedVersion | null> {
    return db.prisma.appVersion.findFirst({
      where: {
        state: 'PUBLISHED',
        bytesRemovedAt: null,
        publishedAt: { lte: startedAt },
        ...(afterId === null ? {} : { id: { gt: afterId } }),
      },
      orderBy: { id: 'asc' },
      include: WITH_APP,
    });
  }

  /** Submissions first: returns once none waits or runs, or after a while in which there always was one. */
  async function yieldToSubmissions(signal: AbortSignal): Promise<void> {
    for (let waitedMs = 0; waitedMs < MAX_YIELD_MS; waitedMs += yieldMs) {
      const urgent = await db.prisma.job.count({
        where: {
          kind: { in: URGENT_KINDS },
          OR: [{ state: 'RUNNING' }, { state: 'READY', runAt: { lte: clock.now() } }],
        },
      });
      if (urgent === 0) return;
      await delay(yieldMs, undefined, { signal });
    }
  }

  /** What cannot be read or checked counts as crashed, and the rescan goes on. Throws only what the signal aborted with. */
  async function judge(version: RescannedVersion, signal: AbortSignal): Promise<Verdict> {
    const ends: Extract<CheckProgress, { type: 'end' }>[] = [];
    const onProgress = (progress: CheckProgress) => {
      if (progress.type === 'end') ends.push(progress);
    };
    try {
      await worker.inspect({ task: 'checks', path: await packageFile(version), onProgress, signal });
      await runContextChecks({ checks: contextChecks, version, db: db.prisma, skip: [], signal, onProgress });
    } catch (error) {
      signal.throwIfAborted();
      log.error({ err: error, versionId: version.id }, 'a rescan could not check a version');
      return { findings: ends.flatMap(({ findings }) => findings), crashed: true };
    }
    return { findings: ends.flatMap(({ findings }) => findings), crashed: ends.some(({ crash }) => crash !== null) };
  }

  /** Writes what was found and where to go on; false where the rescan was ended meanwhile. */
  async function record(rescanId: string, version: RescannedVersion, verdict: Verdict, context: JobContext) {
    return work(async (unit) => {
      await context.fence(unit.tx);
      const rescan = await unit.tx.rescan.findUniqueOrThrow({ where: { id: rescanId } });
      if (rescan.state !== 'RUNNING') return null;
      const fresh = newFindings(verdict.findings, await knownFindings(unit.tx, version.id));
      const flagged = fresh.length > 0 && (await flag(unit, rescanId, version.id, fresh));
      return unit.tx.rescan.update({
        where: { id: rescanId },
        data: {
          afterId: version.id,
          checked: { increment: 1 },
          flagged: { increment: flagged ? 1 : 0 },
          crashed: { increment: verdict.crashed ? 1 : 0 },
        },
      });
    });
  }

  /** False where the version is not published any more: nothing is left to look at. */
  async function flag(unit: Unit, rescanId: string, versionId: string, fresh: readonly Finding[]): Promise<boolean> {
    const version = await unit.tx.appVersion.findUnique({ where: { id: versionId }, include: WITH_APP });
    if (version?.state !== 'PUBLISHED') return false;
    const errors = fresh.filter(({ severity }) => severity === 'error').length;
    await unit.tx.rescanFlag.create({
      data: {
        id: ids.next(),
        rescanId,
        versionId,
        errors,
        warnings: fresh.length - errors,
        findings: fresh.slice(0, MAX_KEPT_FINDINGS).map(storedFinding),
        createdAt: clock.now(),
      },
    });
    await openReview(unit, version);
    return true;
  }

  /** Ends the rescan with the job, in one transaction. */
  async function finish(rescanId: string, context: JobContext): Promise<void> {
    await work(async (unit) => {
      await context.fence(unit.tx);
      await unit.tx.rescan.updateMany({
        where: { id: rescanId, state: 'RUNNING' },
        data: { state: 'DONE', finishedAt: clock.now() },
      });
      await context.complete(unit.tx);
    });
  }

  async function run(begun: Rescan, context: JobContext): Promise<void> {
    let rescan: Rescan | null = begun;
    while (rescan !== null) {
      context.signal.throwIfAborted();
      await context.progress({ checked: rescan.checked, total: rescan.total, flagged: rescan.flagged });
      const version = await nextVersion(rescan);
      if (version === null) return finish(rescan.id, context);
      await yieldToSubmissions(context.signal);
      rescan = await record(rescan.id, version, await judge(version, context.signal), context);
    }
  }

  return {
    /** Goes on where the rescan stands, to its end or until somebody ends it. */
    async handleJob(job: ClaimedJob, context: JobContext): Promise<void> {
      const id = parseRescanJob(job.payload);
      // An admin has a job tried again that had failed for good: the rescan goes on as well.
      await db.prisma.rescan.updateMany({
        where: { id, state: 'FAILED' },
        data: { state: 'RUNNING', finishedAt: null },
      });
      const rescan = await db.prisma.rescan.findUnique({ where: { id } });
      if (rescan?.state !== 'RUNNING') return;
      try {
        await run(rescan, context);
      } catch (error) {
        if (isLastFailure(error, job, context)) await fail(id);
        throw error;
      }
    },

    /** Ends rescans whose job died without a word, so that another can begin. */
    async failAbandoned(): Promise<void> {
      const dead = await db.prisma.job.findMany({
        where: { kind: 'rescan', state: 'DEAD' },
        select: { payload: true },
      });
      for (const { payload } of dead) await fail(parseRescanJob(payload));
    },
  };

  async function fail(id: string): Promise<void> {
    await db.prisma.rescan.updateMany({
      where: { id, state: 'RUNNING' },
      data: { state: 'FAILED', finishedAt: clock.now() },
    });
  }
}

/** What the version's own checks had, and what a person has accepted since: flags from before its last decided rescan review. */
async function knownFindings(tx: Tx, versionId: string): Promise<KnownFinding[]> {
  const [own, decided] = await Promise.all([
    tx.versionFinding.findMany({
      where: { versionId },
      select: { code: true, severity: true, file: true, line: true },
    }),
    tx.review.findFirst({
      where: { versionId, kind: 'RESCAN', state: 'DECIDED', decision: 'APPROVED' },
      orderBy: { decidedAt: 'desc' },
      select: { decidedAt: true },
    }),
  ]);
  if (decided?.decidedAt == null) return own;
  const flags = await tx.rescanFlag.findMany({ where: { versionId, createdAt: { lte: decided.decidedAt } } });
  // Each rescan before the decision has flagged the same once more.
  const accepted = new Map(
    flags.flatMap(({ findings }) => knownSchema.parse(findings)).map((f) => [JSON.stringify(f), f]),
  );
  const plain = [...accepted.values()].map(({ code, severity, file = null, line = null }) => ({
    code,
    severity,
    file,
    line,
  }));
  return [...own, ...plain];
}
