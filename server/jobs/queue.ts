// Owns the rows of the job queue: every read and write of `jobs`, each fenced by (id, attempt, worker). It runs nothing.

import type { Job, Prisma } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { JsonValue } from '../platform/json.ts';
import { backoffMs } from './backoff.ts';
import { type ClaimedJob, JobFenced, type NewJob } from './types.ts';

const DEFAULT_MAX_ATTEMPTS = 5;
/** A job whose process ended this often while it ran is to blame itself; below, whoever ended the process is. */
const MAX_LOST_ATTEMPTS = 20;
const MAX_ERROR_CHARS = 4_000;
const MAX_KEY_CHARS = 300;

type Options = { db: Database; clock: Clock; ids: Ids; random: () => number; leaseMs: number };

export type Queue = ReturnType<typeof createQueue>;

export function createQueue({ db, clock, ids, random, leaseMs }: Options) {
  const later = (ms: number) => new Date(clock.ms() + ms);
  const mine = (job: ClaimedJob): Prisma.JobWhereInput => ({
    id: job.id,
    attempt: job.attempt,
    workerId: job.workerId,
    state: 'RUNNING',
  });

  async function update(tx: Tx, job: ClaimedJob, data: Prisma.JobUpdateManyMutationInput): Promise<void> {
    const { count } = await tx.job.updateMany({ where: mine(job), data });
    if (count === 0) throw new JobFenced(job);
  }

  /** What a worker of these kinds could take now: due, or with a lease that lapsed. */
  function takeable(kinds: readonly string[]): Prisma.JobWhereInput {
    const now = clock.now();
    return {
      kind: { in: [...kinds] },
      OR: [
        { state: 'READY', runAt: { lte: now } },
        { state: 'RUNNING', leaseUntil: { lte: now } },
      ],
    };
  }

  /**
   * Puts back a job that nobody works on any more; the lost attempt does not count, or three restarts in a row would leave
   * a version unchecked for ever. Buries it when it has been lost too often.
   */
  async function giveBack(tx: Tx, row: Job, error: string): Promise<void> {
    const dead = row.attempt >= MAX_LOST_ATTEMPTS;
    await tx.job.updateMany({
      where: { id: row.id, attempt: row.attempt, state: 'RUNNING' },
      data: dead
        ? { state: 'DEAD', lastError: error, leaseUntil: null, workerId: null, finishedAt: clock.now() }
        : {
            state: 'READY',
            lastError: error,
            leaseUntil: null,
            workerId: null,
            runAt: clock.now(),
            maxAttempts: row.maxAttempts + 1,
          },
    });
  }

  return {
    async enqueue(tx: Tx, job: NewJob): Promise<{ id: string; created: boolean }> {
      if (job.key.length === 0 || job.key.length > MAX_KEY_CHARS) {
        throw new RangeError(`A job's key has 1 to ${MAX_KEY_CHARS} characters`);
      }
      const id = ids.next();
      const row = await tx.job.upsert({
        where: { key: job.key },
        create: {
          id,
          kind: job.kind,
          key: job.key,
          // A JSON column takes no bare null; `{}` means nothing just as well.
          payload: job.payload ?? {},
          runAt: job.runAt ?? clock.now(),
          maxAttempts: job.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
          createdAt: clock.now(),
        },
        update: {},
        select: { id: true },
      });
      return { id: row.id, created: row.id === id };
    },

    /** Takes one due job of each kind's free places, or null when there is none. */
    async claim(kinds: readonly string[], workerId: string): Promise<ClaimedJob | null> {
      const order: Prisma.JobOrderByWithRelationInput[] = [{ runAt: 'asc' }, { id: 'asc' }];
      // Looked for outside first: an idle worker never takes the write lock.
      const seen = await db.prisma.job.findFirst({ where: takeable(kinds), orderBy: order, select: { id: true } });
      if (!seen) return null;
      return db.transaction(async (tx) => {
        for (;;) {
          const row = await tx.job.findFirst({ where: takeable(kinds), orderBy: order });
          if (!row) return null;
          if (row.state === 'RUNNING') {
            await giveBack(tx, row, 'The worker ended, or stopped answering, before the job did');
            continue;
          }
          const attempt = row.attempt + 1;
          const { count } = await tx.job.updateMany({
            where: { id: row.id, attempt: row.attempt, state: 'READY' },
            data: { state: 'RUNNING', attempt, workerId, leaseUntil: later(leaseMs) },
          });
          if (count === 0) return null;
          const { id, kind, key, payload, maxAttempts } = row;
          return { id, kind, key, payload, attempt, maxAttempts, workerId };
        }
      });
    },

    extend: (tx: Tx, job: ClaimedJob) => update(tx, job, { leaseUntil: later(leaseMs) }),

    progress: (tx: Tx, job: ClaimedJob, value: JsonValue) => update(tx, job, { progress: value ?? {} }),

    complete: (tx: Tx, job: ClaimedJob) =>
      update(tx, job, { state: 'DONE', leaseUntil: null, lastError: null, finishedAt: clock.now() }),

    /** Whether this very attempt has ended the job already (in its handler's own transaction). */
    async isDone(tx: Tx, job: ClaimedJob): Promise<boolean> {
      return (await tx.job.count({ where: { id: job.id, attempt: job.attempt, state: 'DONE' } })) > 0;
    },

    /** Notes a failed attempt: tried again later, or dead when that was the last try. Returns the new state. */
    async fail(tx: Tx, job: ClaimedJob, error: string, hopeless: boolean): Promise<'READY' | 'DEAD'> {
      const lastError = error.slice(0, MAX_ERROR_CHARS);
      const base = { lastError, leaseUntil: null, workerId: null };
      if (hopeless || job.attempt >= job.maxAttempts) {
        await update(tx, job, { ...base, state: 'DEAD', finishedAt: clock.now() });
        return 'DEAD';
      }
      await update(tx, job, { ...base, state: 'READY', runAt: later(backoffMs(job.attempt, random())) });
      return 'READY';
    },

    /** Gives a job back without counting the attempt against it: attempt numbers only ever grow. */
    release: (tx: Tx, job: ClaimedJob) =>
      update(tx, job, {
        state: 'READY',
        leaseUntil: null,
        workerId: null,
        runAt: clock.now(),
        maxAttempts: job.maxAttempts + 1,
      }),

    /** Takes back every job that another worker holds; only for a process that knows itself alone. */
    async releaseOthers(tx: Tx, workerId: string): Promise<number> {
      const rows = await tx.job.findMany({ where: { state: 'RUNNING', NOT: { workerId } } });
      for (const row of rows) await giveBack(tx, row, 'The process ended while the job ran');
      return rows.length;
    },

    /** Has a dead job tried again, with as many tries as it has had; false if it is not dead. */
    async retry(tx: Tx, id: string): Promise<boolean> {
      const row = await tx.job.findUnique({ where: { id } });
      if (row?.state !== 'DEAD') return false;
      const { count } = await tx.job.updateMany({
        where: { id, state: 'DEAD' },
        data: {
          state: 'READY',
          runAt: clock.now(),
          finishedAt: null,
          maxAttempts: row.attempt + DEFAULT_MAX_ATTEMPTS,
        },
      });
      return count > 0;
    },

    /** Forgets jobs that were done before `before`, and with them their keys; returns how many. */
    async prune(tx: Tx, before: Date): Promise<number> {
      const { count } = await tx.job.deleteMany({ where: { state: 'DONE', finishedAt: { lt: before } } });
      return count;
    },
  };
}
