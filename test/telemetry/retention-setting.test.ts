/** How long telemetry is kept, as admins set it, through a whole server whose clock is ours. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createTestClock } from '../support/clock.ts';
import { type AppHandle, createSeed, type Developer, type Seed } from '../support/seed.ts';

const DAY_MS = 86_400_000;
const clock = createTestClock(new Date('2026-01-15T12:00:00.000Z'));
let app: TestApp;
let seed: Seed;
let ada: Developer;
let notes: AppHandle;
beforeAll(async () => {
  app = await startApp({ clock });
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  notes = await ada.app('com.example.notes');
  await (await notes.upload({ version_code: 1, version: '1.0.0' })).published(await seed.reviewer());
}, 120_000);
afterAll(() => app.close());

async function send(path: 'events' | 'crash', id: number, body: Record<string, unknown>): Promise<void> {
  const response = await fetch(`${app.url}/v1/telemetry/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      [path === 'crash' ? 'report_id' : 'batch_id']: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
      app_id: 'com.example.notes',
      app_version: '1.0.0',
      mosis_version: '1.0.0',
      device_id: 'd'.repeat(64),
      ...body,
    }),
  });
  expect(response.status).toBe(202);
}
const start = (id: number) => {
  const at = clock.now().toISOString();
  return send('events', id, {
    consent: false,
    sent_at: at,
    dropped: { queue_full: 2 },
    events: [{ type: 'app_start', at, data: { launch_ms: 400 } }],
  });
};
const hasMonth = (month: string) => existsSync(join(app.dataDir, 'telemetry', `${month}.db`));
function counted(): Record<string, number> {
  const db = new Sqlite(join(app.dataDir, 'telemetry', 'aggregates.db'), { readonly: true });
  const tables = ['daily', 'digests', 'losses', 'crash_groups', 'crash_group_versions'];
  const counts = tables.map((table) => {
    const row = db.prepare<[], { n: number }>(`SELECT count(*) AS n FROM ${table}`).get();
    return [table, row?.n ?? 0] as const;
  });
  db.close();
  return Object.fromEntries(counts);
}
const audited = (action: string) =>
  app.rows<{ id: string; details: string }>(
    'SELECT resource_id AS id, details FROM audit_logs WHERE action = ? ORDER BY id',
    action,
  );

it('is for admins alone, has bounds, and refuses what was changed since', async () => {
  const grace = await seed.admin();
  const query = '{ telemetryRetentionPolicy { rawDays aggregateDays revision } }';
  expect((await grace.send(query)).data).toEqual({
    telemetryRetentionPolicy: { rawDays: 90, aggregateDays: null, revision: 'default' },
  });
  expect((await ada.send(query)).text).toContain('FORBIDDEN');
  expect(await ada.act('updateTelemetryRetention', { rawDays: 120 })).toMatchObject({ code: 'FORBIDDEN' });
  for (const wrong of [{ rawDays: 89 }, { rawDays: 366 }, { aggregateDays: 399 }, { aggregateDays: 3_651 }])
    expect(await grace.act('updateTelemetryRetention', wrong)).toMatchObject({ code: 'VALIDATION' });
  await grace.done('updateTelemetryRetention', { rawDays: 150, aggregateDays: 400 });
  expect(await grace.act('updateTelemetryRetention', { rawDays: 100, revision: 'default' })).toMatchObject({
    code: 'CONFLICT',
  });
  expect((await grace.send(query)).data).toMatchObject({
    telemetryRetentionPolicy: { rawDays: 150, aggregateDays: 400 },
  });
  expect(app.rows('SELECT id FROM setting_changes WHERE key = ?', 'telemetry-retention')).toHaveLength(1);
});

it('keeps raw rows as long as it says, then drops their month with an audit row, and aggregates stay', async () => {
  const { telemetry } = app.services;
  await start(1);
  await send('crash', 2, {
    timestamp: clock.now().toISOString(),
    crash_type: 'lua_error',
    message: 'old',
    stack_trace: 'stack traceback:\n\tassets/a.lua:1: in main chunk',
  });
  await telemetry.flush();
  clock.advance(110 * DAY_MS);
  await telemetry.maintain();
  expect(hasMonth('2026-01')).toBe(true);
  clock.advance(60 * DAY_MS);
  await telemetry.maintain();
  await telemetry.disposed();
  expect(hasMonth('2026-01')).toBe(false);
  expect(audited('telemetry.drop_month').map(({ id }) => id)).toEqual(['2026-01']);
  expect(counted()).toEqual({ daily: 2, digests: 1, losses: 1, crash_groups: 1, crash_group_versions: 1 });
});

it('removes aggregates past their days with an audit row, and none that are younger', async () => {
  const { telemetry } = app.services;
  clock.advance(200 * DAY_MS);
  await start(3);
  await telemetry.flush();
  await telemetry.maintain();
  expect(counted()).toMatchObject({ daily: 3, digests: 2, losses: 2, crash_groups: 1 });
  clock.advance(31 * DAY_MS);
  await telemetry.maintain();
  await telemetry.maintain();
  expect(counted()).toEqual({ daily: 1, digests: 1, losses: 1, crash_groups: 0, crash_group_versions: 0 });
  expect(audited('telemetry.drop_aggregates').map(({ id, details }) => [id, JSON.parse(details)])).toEqual([
    ['2026-01-16', { rows: 4, crashGroups: 1 }],
  ]);
});
