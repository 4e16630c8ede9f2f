import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backoffMs } from '../../server/jobs/backoff.ts';
import { createJobs, type Jobs, type NewJob } from '../../server/jobs/service.ts';
import { type ClaimedJob, type JobContext, JobFenced, JobHopeless } from '../../server/jobs/types.ts';
import { createIds } from '../../server/platform/ids.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const quiet = { info: () => {}, warn: () => {}, error: () => {} };

let test: TestDatabase;
let clock: TestClock;
let workers: Jobs[];

beforeEach(async () => {
  test = await createTestDatabase();
  clock = createTestClock();
  workers = [];
});

afterEach(async () => {
  for (const worker of workers) await worker.stop();
  await test.dispose();
});

describe('job queue', () => {
  it('does a job once and marks it done', async () => {
    const payloads: unknown[] = [];
    const jobs = await startWorker(async (job) => void payloads.push(job.payload));
    await enqueue(jobs, { payload: { n: 1 } });
    await jobs.idle();
    expect(payloads).toEqual([{ n: 1 }]);
    expect(await row()).toMatchObject({ state: 'DONE', attempt: 1, finishedAt: clock.now() });
  });

  it('takes a second job with the same key for the first, also when that is done', async () => {
    let runs = 0;
    const jobs = await startWorker(async () => {
      runs += 1;
    });
    const first = await enqueue(jobs);
    const second = await enqueue(jobs);
    await jobs.idle();
    const third = await enqueue(jobs);
    await jobs.idle();
    expect([first.created, second.created, third.created]).toEqual([true, false, false]);
    expect(third.id).toBe(first.id);
    expect(runs).toBe(1);
  });

  it('has no job when the transaction that enqueued it rolls back', async () => {
    const jobs = makeWorker(async () => {});
    const failing = test.db.transaction(async (tx) => {
      await jobs.enqueue(tx, { kind: 'work', key: 'k', payload: {} });
      throw new Error('roll back');
    });
    await expect(failing).rejects.toThrow('roll back');
    expect(await test.db.prisma.job.count()).toBe(0);
  });

  it('does not run a job before its time', async () => {
    let runs = 0;
    const jobs = await startWorker(async () => {
      runs += 1;
    });
    await enqueue(jobs, { runAt: new Date(clock.ms() + 60_000) });
    await jobs.idle();
    expect(runs).toBe(0);
    clock.advance(60_000);
    await jobs.idle();
    expect(runs).toBe(1);
  });

  it('tries a failed job again after its backoff, with the error kept', async () => {
    let runs = 0;
    const jobs = await startWorker(async () => {
      runs += 1;
      if (runs === 1) throw new Error('not yet');
    });
    await enqueue(jobs);
    await jobs.idle();
    expect(await row()).toMatchObject({ state: 'READY', attempt: 1, lastError: expect.stringContaining('not yet') });
    expect((await row()).runAt.getTime()).toBe(clock.ms() + backoffMs(1, 0.5));
    clock.advance(backoffMs(1, 0.5));
    await jobs.idle();
    expect(await row()).toMatchObject({ state: 'DONE', attempt: 2, lastError: null });
  });

  it('buries a job after its last try, with the last error', async () => {
    const jobs = await startWorker(async (job) => {
      throw new Error(`no ${job.attempt}`);
    });
    await enqueue(jobs, { maxAttempts: 2 });
    await jobs.idle();
    clock.advance(60_000);
    await jobs.idle();
    expect(await row()).toMatchObject({ state: 'DEAD', attempt: 2, lastError: expect.stringContaining('no 2') });
  });

  it('buries a hopeless job at once, and tries it again when asked to', async () => {
    let hopeless = true;
    const jobs = await startWorker(async () => {
      if (hopeless) throw new JobHopeless('the version is gone');
    });
    const { id } = await enqueue(jobs);
    await jobs.idle();
    expect(await row()).toMatchObject({ state: 'DEAD', attempt: 1 });
    hopeless = false;
    expect(await test.db.transaction((tx) => jobs.retry(tx, id))).toBe(true);
    await jobs.idle();
    expect((await row()).state).toBe('DONE');
    expect(await test.db.transaction((tx) => jobs.retry(tx, id))).toBe(false);
  });

  it('takes over a job whose worker went silent, and refuses the late result', async () => {
    const held = Promise.withResolvers<{ job: ClaimedJob; context: JobContext }>();
    const forever = Promise.withResolvers<void>();
    const silent = await startWorker(async (job, context) => {
      held.resolve({ job, context });
      await forever.promise;
    });
    await enqueue(silent);
    const { job, context } = await held.promise;
    const attempts: number[] = [];
    const other = await startWorker(async (taken) => void attempts.push(taken.attempt));
    await other.idle();
    expect(attempts).toEqual([]);

    clock.advance(30_001);
    await other.idle();
    expect(attempts).toEqual([2]);
    const late = test.db.transaction(async (tx) => {
      await context.fence(tx);
      await tx.setting.create({ data: { key: 'late', value: 1, updatedAt: clock.now() } });
    });
    await expect(late).rejects.toThrow(JobFenced);
    await expect(context.heartbeat()).rejects.toThrow(JobFenced);
    await expect(test.db.transaction((tx) => context.complete(tx))).rejects.toThrow(JobFenced);
    forever.resolve();
    await silent.idle();
    expect(await row()).toMatchObject({ id: job.id, state: 'DONE', attempt: 2 });
    expect(await test.db.prisma.setting.count()).toBe(0);
  });

  it('takes over at once what a killed process left, when it knows itself alone', async () => {
    const jobs = makeWorker(async () => {});
    await enqueue(jobs);
    const leaseUntil = new Date(clock.ms() + 30_000);
    await test.db.prisma.job.updateMany({ data: { state: 'RUNNING', attempt: 1, workerId: 'dead:1', leaseUntil } });
    await jobs.start({ alone: true });
    await jobs.idle();
    expect(await row()).toMatchObject({ state: 'DONE', attempt: 2 });
  });

  it('does not count an attempt whose process was killed', async () => {
    const jobs = makeWorker(async () => {});
    await enqueue(jobs, { maxAttempts: 3 });
    const leaseUntil = new Date(clock.ms() + 30_000);
    await test.db.prisma.job.updateMany({ data: { state: 'RUNNING', attempt: 3, workerId: 'dead:1', leaseUntil } });
    await jobs.start({ alone: true });
    await jobs.idle();
    expect(await row()).toMatchObject({ state: 'DONE', attempt: 4 });
  });

  it('buries a job that killed the process at each of twenty tries', async () => {
    const jobs = makeWorker(async () => {});
    await enqueue(jobs, { maxAttempts: 3 });
    const leaseUntil = new Date(clock.ms() + 30_000);
    await test.db.prisma.job.updateMany({ data: { state: 'RUNNING', attempt: 20, workerId: 'dead:1', leaseUntil } });
    await jobs.start({ alone: true });
    await jobs.idle();
    expect(await row()).toMatchObject({ state: 'DEAD', attempt: 20 });
  });

  it('commits the result and the end of the job together', async () => {
    const jobs = await startWorker(async (_job, context) => {
      await test.db.transaction(async (tx) => {
        await tx.setting.create({ data: { key: 'result', value: context.attempt, updatedAt: clock.now() } });
        await context.complete(tx);
        if (context.attempt === 1) throw new Error('the commit failed');
      });
    });
    await enqueue(jobs);
    await jobs.idle();
    expect(await test.db.prisma.setting.count()).toBe(0);
    clock.advance(60_000);
    await jobs.idle();
    expect((await test.db.prisma.setting.findMany()).map((one) => one.value)).toEqual([2]);
    expect((await row()).state).toBe('DONE');
  });

  it('gives a job back when the worker stops, without counting the attempt', async () => {
    const began = Promise.withResolvers<void>();
    const jobs = await startWorker(async (_job, { signal }) => {
      began.resolve();
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    await enqueue(jobs, { maxAttempts: 1 });
    await began.promise;
    await jobs.stop();
    expect(await row()).toMatchObject({ state: 'READY', attempt: 1, maxAttempts: 2, workerId: null });
  });

  it('fails an attempt that runs over its time, whether the handler notices or not', async () => {
    const jobs = makeWorker(() => new Promise(() => {}), { maxRunMs: 20 });
    await jobs.start();
    await enqueue(jobs);
    await jobs.idle();
    expect(await row()).toMatchObject({ state: 'READY', lastError: expect.stringContaining('longer than 20 ms') });
  });

  it('runs at most the allowed number of one kind at once', async () => {
    let now = 0;
    let most = 0;
    const work = async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now -= 1;
    };
    const jobs = makeWorker(work, { concurrency: 3 });
    await jobs.start();
    for (let n = 0; n < 10; n += 1) await enqueue(jobs, { key: `k${n}` });
    await jobs.idle();
    expect(most).toBe(3);
    expect(await test.db.prisma.job.count({ where: { state: 'DONE' } })).toBe(10);
  });

  it('does every one of 100 jobs once though three workers look for them', async () => {
    const done: string[] = [];
    const work = async (job: ClaimedJob) => void done.push(job.key);
    const all = [makeWorker(work, { concurrency: 4 }), makeWorker(work), makeWorker(work)];
    for (let n = 0; n < 100; n += 1) await enqueue(all[0] ?? makeWorker(work), { key: `k${n}` });
    await Promise.all(all.map((worker) => worker.start()));
    await Promise.all(all.map((worker) => worker.idle()));
    expect(new Set(done).size).toBe(100);
    expect(done).toHaveLength(100);
  });

  it('stores progress', async () => {
    const jobs = await startWorker((_job, context) => context.progress({ step: 3 }));
    await enqueue(jobs);
    await jobs.idle();
    expect((await row()).progress).toEqual({ step: 3 });
  });
});

describe('backoff', () => {
  it('doubles from two seconds, half of it random, to a quarter of an hour', () => {
    expect([1, 2, 3].map((attempt) => backoffMs(attempt, 0))).toEqual([1_000, 2_000, 4_000]);
    expect(backoffMs(1, 1)).toBe(2_000);
    expect(backoffMs(60, 1)).toBe(900_000);
  });
});

type Work = (job: ClaimedJob, context: JobContext) => Promise<void>;

function makeWorker(handler: Work, limits: { concurrency?: number; maxRunMs?: number } = {}): Jobs {
  const jobs = createJobs({
    db: test.db,
    clock,
    ids: createIds(clock),
    log: quiet,
    random: () => 0.5,
    pollMs: 600_000,
    graceMs: 50,
  });
  jobs.register('work', { handler, ...limits });
  workers.push(jobs);
  return jobs;
}

async function startWorker(handler: Work): Promise<Jobs> {
  const jobs = makeWorker(handler);
  await jobs.start();
  return jobs;
}

async function enqueue(jobs: Jobs, job: Partial<NewJob> = {}) {
  const result = await test.db.transaction((tx) => jobs.enqueue(tx, { kind: 'work', key: 'k', payload: {}, ...job }));
  jobs.wake();
  return result;
}

function row() {
  return test.db.prisma.job.findFirstOrThrow();
}
