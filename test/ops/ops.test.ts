/** What an operator asks the server, and what it forgets in time. */

import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { createSeed } from '../support/seed.ts';

const DAY_MS = 86_400_000;
let app: TestApp;
let clock: TestClock;
beforeAll(async () => {
  clock = createTestClock();
  app = await startApp({ clock });
});
afterAll(() => app.close());

describe('the operator', () => {
  it('hears that the process answers and that it takes work', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const response = await fetch(`${app.url}${path}`);
      expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
    }
  });

  it('reads figures on the machine itself; whoever comes through a proxy finds nothing', async () => {
    const figures = await fetch(`${app.url}/metrics`);
    expect(figures.status).toBe(200);
    expect(await figures.text()).toMatch(/^process_resident_memory_bytes \d+$/m);
    for (const header of ['x-forwarded-for', 'forwarded'])
      expect((await fetch(`${app.url}/metrics`, { headers: { [header]: '203.0.113.9' } })).status).toBe(404);
  });
});

describe('in time', () => {
  it('addresses in the audit log are blanked after 180 days, and the acts stay', async () => {
    const seed = createSeed(app);
    await seed.developer('Ada');
    const addresses = () =>
      app.rows<{ action: string; ip: string | null }>(
        "SELECT action, ip FROM audit_logs WHERE action = 'account.register'",
      );
    expect(addresses()).toEqual([{ action: 'account.register', ip: expect.stringMatching(/127\.0\.0\.1|::1/) }]);
    await housekeep(179);
    expect(addresses()[0]?.ip).not.toBeNull();
    await housekeep(2);
    expect(addresses()).toEqual([{ action: 'account.register', ip: null }]);
  });

  it('jobs that are done are forgotten, and dead ones stay', async () => {
    const writer = new Sqlite(join(app.dataDir, 'core.db'));
    writer
      .prepare(
        `INSERT INTO jobs (id, kind, key, payload, state, run_at, created_at, finished_at)
         VALUES ('dead', 'none', 'none:dead', '{}', 'DEAD', @at, @at, @at), ('done', 'none', 'none:done', '{}', 'DONE', @at, @at, @at)`,
      )
      .run({ at: clock.now().toISOString() });
    writer.close();
    await housekeep(4);
    expect(app.rows("SELECT id FROM jobs WHERE kind = 'none'")).toEqual([{ id: 'dead' }]);
  });
});

/** Lets days pass and runs the hourly job. */
async function housekeep(days: number): Promise<void> {
  clock.advance(days * DAY_MS);
  await app.services.work(async (unit) =>
    unit.enqueue({ kind: 'housekeeping', key: `test:${clock.ms()}`, payload: {} }),
  );
  await app.services.jobs.idle();
  expect(app.rows('SELECT state FROM jobs WHERE key = ?', `test:${clock.ms()}`)).toEqual([{ state: 'DONE' }]);
}
