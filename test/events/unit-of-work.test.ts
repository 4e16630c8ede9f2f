import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAudit } from '../../server/audit/service.ts';
import { createEvents } from '../../server/events/service.ts';
import { createJobs, type Jobs } from '../../server/jobs/service.ts';
import { createIds } from '../../server/platform/ids.ts';
import { createInProcessPubSub } from '../../server/platform/pubsub/in-process.ts';
import { createUnitOfWork, type Unit, type Work } from '../../server/unit-of-work.ts';
import { createTestClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const clock = createTestClock();

let test: TestDatabase;
let jobs: Jobs;
let work: Work;
let announced: string[];
let ran: string[];
let logged: string[];

beforeEach(async () => {
  test = await createTestDatabase();
  const ids = createIds(clock);
  const log = { info: () => {}, warn: () => {}, error: (_: object, message: string) => void logged.push(message) };
  const pubsub = createInProcessPubSub(() => {});
  [announced, ran, logged] = [[], [], []];
  pubsub.subscribe('events', (text) => announced.push(text));
  const events = createEvents({ db: test.db, clock, pubsub });
  jobs = createJobs({ db: test.db, clock, ids, log });
  jobs.register('work', { handler: async (job) => void ran.push(job.key) });
  await jobs.start();
  work = createUnitOfWork({ db: test.db, events, jobs, audit: createAudit({ clock, ids }), log });
});

afterEach(async () => {
  await jobs.stop();
  await test.dispose();
});

describe('unit of work', () => {
  it('commits the change with its event, audit row and job, then tells of them', async () => {
    const after: string[] = [];
    const result = await work(async (unit) => {
      await change(unit);
      unit.afterCommit(() => void after.push(`announced ${announced.length}`));
      return 'result';
    });
    await jobs.idle();
    expect(result).toBe('result');
    expect(await counts()).toEqual({ settings: 1, events: 1, audit: 1, jobs: 1 });
    expect(await test.db.prisma.auditLog.findFirst()).toMatchObject({
      action: 'app.create',
      ip: '::1',
      at: clock.now(),
    });
    expect(after).toEqual(['announced 1']);
    expect(ran).toEqual(['k']);
  });

  it('says that it is too much, and leaves nothing, when it takes too long', async () => {
    const short = await createTestDatabase({ maxTransactionMs: 50 });
    try {
      const log = { info: () => {}, warn: () => {}, error: (_: object, message: string) => void logged.push(message) };
      const ids = createIds(clock);
      const events = createEvents({ db: short.db, clock, pubsub: createInProcessPubSub(() => {}) });
      const audit = createAudit({ clock, ids });
      const slowly = createUnitOfWork({ db: short.db, events, jobs, audit, log });
      const slow = slowly(async ({ tx }) => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        await tx.setting.count();
      });
      await expect(slow).rejects.toMatchObject({ code: 'OVERLOADED', details: { retryAfterSeconds: 5 } });
      expect(logged).toEqual(['A transaction ran out of time']);
    } finally {
      await short.dispose();
    }
  });

  it('leaves nothing and tells nobody when it fails', async () => {
    const after: string[] = [];
    const failing = work(async (unit) => {
      await change(unit);
      unit.afterCommit(() => void after.push('ran'));
      throw new Error('refused');
    });
    await expect(failing).rejects.toThrow('refused');
    await jobs.idle();
    expect(await counts()).toEqual({ settings: 0, events: 0, audit: 0, jobs: 0 });
    expect([announced, after, ran]).toEqual([[], [], []]);
  });

  it('stands although an act after its commit fails, and does the next one', async () => {
    const after: string[] = [];
    const result = await work(async (unit) => {
      unit.afterCommit(() => Promise.reject(new Error('mail is down')));
      unit.afterCommit(() => void after.push('second'));
      return 1;
    });
    expect(result).toBe(1);
    expect(after).toEqual(['second']);
    expect(logged).toEqual(['An act after a commit failed']);
  });

  it('refuses to be nested', async () => {
    await expect(work(() => work(async () => 1))).rejects.toThrow('inside another');
  });
});

async function change(unit: Unit): Promise<void> {
  unit.emit({ type: 'PUBLISHED', appId: 'a' });
  unit.audit({ actorId: 'd', via: 'SESSION', action: 'app.create', resourceType: 'app', resourceId: 'a', ip: '::1' });
  unit.enqueue({ kind: 'work', key: 'k', payload: {} });
  await unit.tx.setting.create({ data: { key: 'a', value: 1, updatedAt: clock.now() } });
}

async function counts() {
  const { setting, event, auditLog, job } = test.db.prisma;
  const [settings, events, audit, jobCount] = await Promise.all([
    setting.count(),
    event.count(),
    auditLog.count(),
    job.count(),
  ]);
  return { settings, events, audit, jobs: jobCount };
}
