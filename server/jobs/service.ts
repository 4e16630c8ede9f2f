// Owns the worker: which due jobs it takes and when, and how it starts and stops. `queue.ts` alone writes rows, `runner.ts`
// runs each attempt.
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import { createQueue } from './queue.ts';
import { createRunner, type JobLog } from './runner.ts';
import { type ClaimedJob, JobFenced, type JobKind, type NewJob, WorkerStopped } from './types.ts';

export type { JobLog } from './runner.ts';
export type { NewJob } from './types.ts';

const DEFAULT_LEASE_MS = 30_000;
const DEFAULT_POLL_MS = 1_000;
const DEFAULT_MAX_RUN_MS = 10 * 60_000;
/** How long a stopping worker waits for handlers to notice. */
const DEFAULT_GRACE_MS = 5_000;

export type Jobs = {
  /** Writes the job in the transaction, unless one with its key exists. Services use the unit of work instead. */
  enqueue(tx: Tx, job: NewJob): Promise<{ id: string; created: boolean }>;
  /** Says who does the jobs of a kind; before `start`, once a kind. */
  register(kind: string, options: JobKind): void;
  /** Begins to take jobs. With `alone` (this process holds the data folder's lock) it takes over what a dead one left. */
  start(options?: { alone?: boolean }): Promise<void>;
  /** Takes no more jobs, aborts those that run, waits for them at most the grace time; then gives their leases back. */
  stop(options?: { releaseLeases?: boolean }): Promise<void>;
  /** Looks for due jobs now; call after a commit that enqueued. */
  wake(): void;
  /** Resolves when no registered job is due or running here; for tests and for an orderly end. */
  idle(): Promise<void>;
  /** Has a dead job tried again; false if there is no dead job of that id. Call `wake` after the commit. */
  retry(tx: Tx, id: string): Promise<boolean>;
  /** Forgets jobs done before `before` (their keys may then be used again); returns how many. */
  prune(tx: Tx, before: Date): Promise<number>;
};

type Options = {
  db: Database;
  clock: Clock;
  ids: Ids;
  log: JobLog;
  random?: () => number;
  leaseMs?: number;
  pollMs?: number;
  graceMs?: number;
};

type Running = { job: ClaimedJob; abort: AbortController; settled: Promise<void> };

/** Leases last 30 s and are renewed every 10; due jobs are looked for every second and at `wake`. */
export function createJobs(options: Options): Jobs {
  const { db, clock, ids, log, random = Math.random } = options;
  const leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS;
  const pollMs = options.pollMs ?? DEFAULT_POLL_MS;
  const graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
  const queue = createQueue({ db, clock, ids, random, leaseMs });
  const runner = createRunner({ db, queue, log, leaseMs });
  const kinds = new Map<string, Required<JobKind>>();
  const running = new Set<Running>();
  const idlers = new Set<() => void>();
  let workerId: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let lookAgain = false;

  function freeKinds(): string[] {
    return [...kinds].flatMap(([name, kind]) => {
      const busy = [...running].filter((one) => one.job.kind === name).length;
      return busy < kind.concurrency ? [name] : [];
    });
  }

  /** Takes jobs until none is due or no place is free. */
  async function look(): Promise<void> {
    for (;;) {
      lookAgain = false;
      const free = freeKinds();
      const job = workerId === null || free.length === 0 ? null : await queue.claim(free, workerId);
      if (job) begin(job);
      else if (!lookAgain) return;
    }
  }

  function begin(job: ClaimedJob): void {
    const kind = kinds.get(job.kind);
    if (!kind) throw new Error(`A job of the unregistered kind ${job.kind} was taken`);
    const abort = new AbortController();
    const one: Running = { job, abort, settled: Promise.resolve() };
    running.add(one);
    // Claimed while the worker was stopping: goes back with the others.
    if (workerId !== job.workerId) return;
    one.settled = runner.run(job, kind, abort).then((settled) => {
      if (settled) running.delete(one);
      wake();
    });
  }

  function wake(): void {
    lookAgain = true;
    if (workerId === null || looking) return;
    clearTimeout(timer);
    looking = lookAndRest();
  }

  async function lookAndRest(): Promise<void> {
    let failed = false;
    try {
      await look();
    } catch (error) {
      failed = true;
      log.error({ err: error }, 'Due jobs could not be read');
    }
    looking = undefined;
    if (workerId === null) return;
    if (lookAgain && !failed) return wake();
    timer = setTimeout(wake, pollMs);
    timer.unref();
    if (running.size === 0 && !failed) resolveIdlers();
  }

  function resolveIdlers(): void {
    for (const resolve of idlers) resolve();
    idlers.clear();
  }

  return {
    enqueue: queue.enqueue,
    retry: queue.retry,
    prune: queue.prune,
    wake,
    register(kind, { handler, concurrency = 1, maxRunMs = DEFAULT_MAX_RUN_MS }) {
      if (kinds.has(kind)) throw new Error(`Jobs of kind ${kind} have a handler already`);
      kinds.set(kind, { handler, concurrency, maxRunMs });
    },
    async start({ alone = false } = {}) {
      if (workerId !== null) throw new Error('The worker runs already');
      const id = `${process.pid}:${ids.next()}`;
      if (alone) {
        const count = await db.transaction((tx) => queue.releaseOthers(tx, id));
        if (count > 0) log.info({ count }, 'Jobs of a process that ended were taken over');
      }
      workerId = id;
      wake();
    },
    async stop({ releaseLeases = true } = {}) {
      if (workerId === null) return;
      workerId = null;
      clearTimeout(timer);
      await looking;
      for (const one of running) one.abort.abort(new WorkerStopped());
      const grace = new AbortController();
      const over = new Promise((resolve) => {
        const end = setTimeout(resolve, graceMs);
        grace.signal.addEventListener('abort', () => clearTimeout(end));
      });
      await Promise.race([Promise.all([...running].map((one) => one.settled)), over]);
      grace.abort();
      for (const one of releaseLeases ? running : []) {
        await queue.release(db.prisma, one.job).catch((error: unknown) => {
          if (!(error instanceof JobFenced)) throw error;
        });
      }
      running.clear();
      resolveIdlers();
    },
    idle() {
      return new Promise((resolve) => {
        idlers.add(resolve);
        wake();
      });
    },
  };
}
