// Owns the one way to change state: the change, its audit rows, jobs and events commit in one transaction or not at all.
import type { Audit, AuditEntry } from './audit/service.ts';
import { DomainError } from './errors.ts';
import type { Appended, Events } from './events/service.ts';
import type { NewEvent } from './events/types.ts';
import type { Jobs, NewJob } from './jobs/service.ts';
import type { Database, Tx } from './platform/db/database.ts';
import { isOutOfTime } from './platform/db/errors.ts';

/** One change in the making. */
export type Unit = {
  /** The open transaction; await nothing but this inside (no file, no network, no hash). */
  readonly tx: Tx;
  /** Adds an event; written last, in the order of the calls. */
  emit(event: NewEvent): void;
  /** Adds an audit row. */
  audit(entry: AuditEntry): void;
  /** Adds a job; a job with the same key that exists already, in whatever state, stays as it is. */
  enqueue(job: NewJob): void;
  /** Runs after the commit, in order; what it throws is logged, for the change can no longer fail. */
  afterCommit(fn: () => void | Promise<void>): void;
};

/**
 * Runs `fn` in one transaction and resolves to what it returned, once committed and announced. What `fn` throws rolls
 * everything back and is passed on; one that waits or runs too long throws OVERLOADED. Do not nest: pass the unit on instead.
 */
export type Work = <T>(fn: (unit: Unit) => Promise<T>) => Promise<T>;

type Options = {
  db: Database;
  events: Events;
  jobs: Jobs;
  audit: Audit;
  log: { error(details: object, message: string): void };
};

export function createUnitOfWork({ db, events, jobs, audit, log }: Options): Work {
  return async (fn) => {
    const afterCommit: (() => void | Promise<void>)[] = [];
    const transaction = db.transaction(async (tx) => {
      const newEvents: NewEvent[] = [];
      const entries: AuditEntry[] = [];
      const newJobs: NewJob[] = [];
      const unit: Unit = {
        tx,
        emit: (event) => void newEvents.push(event),
        audit: (entry) => void entries.push(entry),
        enqueue: (job) => void newJobs.push(job),
        afterCommit: (run) => void afterCommit.push(run),
      };
      const result = await fn(unit);
      for (const entry of entries) await audit.record(tx, entry);
      for (const job of newJobs) await jobs.enqueue(tx, job);
      // Last: nothing but event rows may stand between taking the cursor and the commit.
      const appended: Appended | null = newEvents.length > 0 ? await events.append(tx, newEvents) : null;
      return { result, appended, enqueued: newJobs.length > 0 };
    });
    const { result, appended, enqueued } = await transaction.catch((error: unknown) => {
      if (!isOutOfTime(error)) throw error;
      log.error({ err: error }, 'A transaction ran out of time');
      throw new DomainError('OVERLOADED', 'The database has too much to do. Nothing was changed; try again.', {
        retryAfterSeconds: 5,
      });
    });
    if (appended) events.announce(appended);
    if (enqueued) jobs.wake();
    for (const run of afterCommit) {
      try {
        await run();
      } catch (error) {
        log.error({ err: error }, 'An act after a commit failed');
      }
    }
    return result;
  };
}
