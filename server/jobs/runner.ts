// Owns one attempt at a job, from the call of its handler to the written outcome; it takes no jobs from the queue.
import type { Database } from '../platform/db/database.ts';
import type { Queue } from './queue.ts';
import { type ClaimedJob, type JobContext, JobFenced, JobHopeless, type JobKind, WorkerStopped } from './types.ts';

/** The part of a logger that the worker uses. */
export type JobLog = Record<'info' | 'warn' | 'error', (details: object, message: string) => void>;

export type Runner = {
  /**
   * Runs one attempt and writes its outcome. Resolves to false only if the worker stopped first: the lease is still
   * held, and the caller gives it back. Never rejects.
   */
  run(job: ClaimedJob, kind: Required<JobKind>, abort: AbortController): Promise<boolean>;
};

type Options = { db: Database; queue: Queue; log: JobLog; leaseMs: number };

export function createRunner({ db, queue, log, leaseMs }: Options): Runner {
  function contextOf(job: ClaimedJob, signal: AbortSignal): JobContext {
    return {
      attempt: job.attempt,
      signal,
      heartbeat: () => queue.extend(db.prisma, job),
      progress: (value) => queue.progress(db.prisma, job, value),
      fence: (tx) => queue.extend(tx, job),
      complete: (tx) => queue.complete(tx, job),
    };
  }

  function renewLease(job: ClaimedJob, abort: AbortController): void {
    queue.extend(db.prisma, job).catch((error: unknown) => {
      if (error instanceof JobFenced) abort.abort(error);
      else log.warn({ err: error, jobId: job.id }, 'A job lease could not be renewed');
    });
  }

  /** Calls the handler; the lease is renewed only until the signal aborts. */
  async function callHandler(job: ClaimedJob, kind: Required<JobKind>, abort: AbortController): Promise<void> {
    const heart = setInterval(() => renewLease(job, abort), leaseMs / 3);
    const limit = setTimeout(() => abort.abort(new Error(`It ran longer than ${kind.maxRunMs} ms`)), kind.maxRunMs);
    const cut = Promise.withResolvers<never>();
    abort.signal.addEventListener('abort', () => {
      clearInterval(heart);
      clearTimeout(limit);
      // A stopping worker lets handlers end by themselves; else nothing waits for one that does not heed the signal.
      if (!(abort.signal.reason instanceof WorkerStopped)) cut.reject(abort.signal.reason);
    });
    try {
      await Promise.race([kind.handler(job, contextOf(job, abort.signal)), cut.promise]);
    } finally {
      clearInterval(heart);
      clearTimeout(limit);
    }
  }

  async function settleFailure(job: ClaimedJob, error: unknown, about: object): Promise<void> {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    try {
      const state = await db.transaction((tx) => queue.fail(tx, job, text, error instanceof JobHopeless));
      if (state === 'DEAD') log.error({ ...about, err: error }, 'A job is dead');
      else log.warn({ ...about, err: error }, 'A job failed and will be tried again');
    } catch (failure) {
      if (failure instanceof JobFenced) return;
      // The lease lapses and the job is taken again: nothing is lost.
      log.error({ ...about, err: failure }, 'The outcome of a job could not be written');
    }
  }

  return {
    async run(job, kind, abort) {
      const about = { jobId: job.id, kind: job.kind, attempt: job.attempt };
      try {
        await callHandler(job, kind, abort);
        await db.transaction(async (tx) => {
          if (!(await queue.isDone(tx, job))) await queue.complete(tx, job);
        });
      } catch (error) {
        if (error instanceof JobFenced) log.warn(about, 'A job was taken over by another worker');
        else if (abort.signal.reason instanceof WorkerStopped) return false;
        else await settleFailure(job, error, about);
      }
      return true;
    },
  };
}
