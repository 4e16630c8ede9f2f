import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCron } from '../../server/jobs/cron.ts';
import { createJobs } from '../../server/jobs/service.ts';
import { createIds } from '../../server/platform/ids.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const quiet = { info: () => {}, warn: () => {}, error: () => {} };
const HOURLY = { name: 'hourly', pattern: '0 * * * *', kind: 'sweep' };

let test: TestDatabase;
let clock: TestClock;

beforeEach(async () => {
  test = await createTestDatabase();
  clock = createTestClock(new Date('2026-01-05T12:30:00.000Z'));
});

afterEach(() => test.dispose());

describe('cron', () => {
  it('enqueues one tick once though several processes run the schedule', async () => {
    const nodes = [makeCron(), makeCron(), makeCron()];
    for (const node of nodes) node.add(HOURLY);
    await Promise.all(nodes.map((node) => node.start()));
    await Promise.all(nodes.map((node) => node.stop()));
    expect(await keys()).toEqual(['cron:hourly:2026-01-05T12:00:00.000Z']);
  });

  it('catches up with only the newest tick that was missed', async () => {
    const before = makeCron();
    before.add(HOURLY);
    await before.start();
    await before.stop();
    clock.advance(5 * 3_600_000);
    const after = makeCron();
    after.add(HOURLY);
    await after.start();
    await after.stop();
    expect(await keys()).toEqual(['cron:hourly:2026-01-05T12:00:00.000Z', 'cron:hourly:2026-01-05T17:00:00.000Z']);
  });

  it('enqueues a tick when its time comes, and tells the job when that was', async () => {
    clock.set(new Date('2026-01-05T12:59:59.990Z'));
    const cron = makeCron();
    cron.add({ ...HOURLY, payload: { days: 30 } });
    await cron.start();
    clock.advance(10);
    await expect.poll(keys).toContain('cron:hourly:2026-01-05T13:00:00.000Z');
    await cron.stop();
    const job = await test.db.prisma.job.findFirstOrThrow({ orderBy: { key: 'desc' } });
    expect(job).toMatchObject({ kind: 'sweep', payload: { days: 30, tick: '2026-01-05T13:00:00.000Z' } });
  });

  it('refuses a pattern that is none, and a second schedule of one name', () => {
    const cron = makeCron();
    expect(() => cron.add({ ...HOURLY, pattern: 'every hour' })).toThrow();
    cron.add(HOURLY);
    expect(() => cron.add(HOURLY)).toThrow('already');
  });
});

function makeCron() {
  const jobs = createJobs({ db: test.db, clock, ids: createIds(clock), log: quiet });
  return createCron({ jobs, db: test.db, clock, log: quiet });
}

async function keys(): Promise<string[]> {
  const rows = await test.db.prisma.job.findMany({ orderBy: { key: 'asc' } });
  return rows.map((row) => row.key);
}
