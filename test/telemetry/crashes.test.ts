import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { APP, batch, crash, createStand, deviceId, type Stand, TODAY } from './stand.ts';

let stand: Stand;
beforeEach(async () => {
  stand = await createStand();
});
afterEach(() => stand.close());

async function groups() {
  await stand.telemetry.flush();
  return stand.telemetry.crashGroups(APP.id, { first: 10, after: null }).groups;
}

const other = crash({ message: 'another one', timestamp: '2026-01-15T11:30:00Z' });

describe('a crash report', () => {
  it('of the seed’s schema is taken, grouped with its like, and counted as a crash', async () => {
    expect((await stand.post('crash', crash())).status).toBe(202);
    const later = { timestamp: '2026-01-15T11:00:00Z', app_version: '1.0.1', device_id: deviceId(2) };
    await stand.post('crash', crash({ ...later, message: 'assets/scripts/app.lua:44: attempt to index a nil value' }));
    expect(await groups()).toMatchObject([
      {
        title: 'attempt to index a nil value in onClick (assets/scripts/app.lua)',
        crashType: 'lua_error',
        message: crash().message,
        firstSeenMs: Date.parse('2026-01-15T10:30:00Z'),
        lastSeenMs: Date.parse('2026-01-15T11:00:00Z'),
        count: 2,
        devices: 2,
        versions: [
          { name: '1.0.0', count: 1 },
          { name: '1.0.1', count: 1 },
        ],
      },
    ]);
    expect(await stand.telemetry.totals(APP.id, TODAY)).toMatchObject({
      crashes: 2,
      activeDevices: 2,
      crashFreeDevices: 0,
    });
  });

  it('counts once when it is sent twice, with an id of its own or without', async () => {
    for (const report of [crash(), crash(), crash({ report_id: '00000000-0000-4000-8000-000000000001' })])
      await stand.post('crash', report);
    await stand.post('crash', crash({ report_id: '00000000-0000-4000-8000-000000000001' }));
    expect((await groups()).map(({ count }) => count)).toEqual([2]);
  });

  it.each([
    ['an unknown type', { crash_type: 'cosmic_ray' }, 'crash_type'],
    ['a time too far back', { timestamp: '2025-10-01T00:00:00Z' }, 'timestamp'],
    ['a time ahead', { timestamp: '2026-01-15T12:06:00Z' }, 'timestamp'],
    ['a short device id', { device_id: 'hashed' }, 'device_id'],
    ['a long stack', { stack_trace: 'x'.repeat(32_769) }, 'stack_trace'],
    ['more in the context', { context: { user: 'alice' } }, 'context'],
  ])('with %s is refused', async (_name, change, path) => {
    expect(await stand.post('crash', crash(change))).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION', fields: [{ path }] },
    });
    expect(await groups()).toEqual([]);
  });
});

describe('crash groups', () => {
  it('come the last seen first, page by page', async () => {
    await stand.post('crash', crash());
    await stand.post('crash', other);
    await stand.telemetry.flush();
    const first = stand.telemetry.crashGroups(APP.id, { first: 1, after: null });
    expect([first.groups[0]?.message, first.hasNextPage]).toEqual(['another one', true]);
    const next = stand.telemetry.crashGroups(APP.id, { first: 1, after: first.groups[0]?.cursor ?? null });
    expect([next.groups[0]?.message, next.hasNextPage]).toEqual([crash().message, false]);
  });

  it('of one app are not those of another', async () => {
    await stand.post('crash', crash());
    await stand.telemetry.flush();
    expect(
      stand.telemetry.crashGroups('01890000-0000-7000-8000-000000000002', { first: 10, after: null }).groups,
    ).toEqual([]);
  });
});

describe('reports', () => {
  const start = (at: string) => [{ type: 'app_start', at }];

  it('show days and versions as they are, and merge days of one version with too few devices', async () => {
    for (let n = 1; n <= 8; n += 1) {
      const day = n <= 6 ? '2026-01-14' : '2026-01-15';
      await stand.post(
        'events',
        batch(n, {
          device_id: deviceId(n),
          app_version: n === 1 ? '2.0.0' : '1.0.0',
          events: start(`${day}T10:00:00Z`),
        }),
      );
    }
    await stand.telemetry.flush();
    const range = { from: '2026-01-01', to: '2026-01-15' };
    const points = async (...args: Parameters<typeof stand.telemetry.series>) =>
      (await stand.telemetry.series(...args)).map(({ date, version, devices, merged }) => [
        date,
        version,
        devices,
        merged,
      ]);
    expect(await points(APP.id, range, 'DAY')).toEqual([
      ['2026-01-14', null, 6, false],
      ['2026-01-15', null, 2, false],
    ]);
    expect(await points(APP.id, range, 'VERSION')).toEqual([
      [null, '2.0.0', 1, false],
      [null, '1.0.0', 7, false],
    ]);
    expect(await points(APP.id, range, 'DAY', { version: '1.0.0' })).toEqual([[null, '1.0.0', 7, true]]);
    expect(await stand.telemetry.versionHealth(APP.id, range)).toMatchObject([
      { version: '1.0.0', activeDevices: 7, crashes: 0, crashFreeDevices: 1 },
      { version: '2.0.0', activeDevices: 1 },
    ]);
  });

  it('count versions that were never published as other', async () => {
    const knowing = await createStand({
      apps: { resolvePackage: () => ({ id: APP.id, versions: new Set(['1.0.0']) }) },
    });
    await knowing.post('events', batch(1));
    await knowing.post('events', batch(2, { app_version: '6.6.6' }));
    await knowing.telemetry.flush();
    expect((await knowing.telemetry.series(APP.id, TODAY, 'VERSION')).map(({ version }) => version)).toEqual([
      '1.0.0',
      'other',
    ]);
    await knowing.close();
  });

  it.each([
    [{ from: '2026-01-15', to: '2026-01-14' }],
    [{ from: '2020-01-01', to: '2026-01-14' }],
    [{ from: 'yesterday', to: '2026-01-14' }],
  ])('refuse the range %o', async (range) => {
    await expect(stand.telemetry.totals(APP.id, range)).rejects.toThrow(
      expect.objectContaining({ code: 'VALIDATION' }),
    );
  });
});

describe('a device’s request', () => {
  const ask = (action: string, n = 1) =>
    stand.post('device-requests', { package_id: APP.packageId, device_id: deviceId(n), action });

  async function result(token: unknown) {
    for (;;) {
      const answer = await stand.post('device-requests/result', { token });
      if (answer.status !== 202) return answer;
    }
  }

  async function done(action: string, n = 1) {
    const { status, body } = await ask(action, n);
    expect(status).toBe(202);
    return result((body as { token: string }).token);
  }

  it('exports everything stored of it, and nothing of others', async () => {
    await stand.post(
      'events',
      batch(1, { events: [{ type: 'memory_usage', at: '2026-01-15T11:00:00Z', data: { mb: 45 } }] }),
    );
    await stand.post('crash', crash());
    await stand.post('events', batch(3, { device_id: deviceId(2) }));
    const { status, body } = await done('export');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      batches: [
        { app_version: '1.0.0', events: [{ type: 'memory_usage', at: '2026-01-15T11:00:00.000Z', data: { mb: 45 } }] },
        { events: [{ type: 'app_crash', crash: { message: crash().message, context: { memory_mb: 45 } } }] },
      ],
    });
    expect((await done('export', 3)).body).toEqual({ batches: [] });
  });

  it('erases its raw rows down to the bytes, and leaves the aggregates', async () => {
    await stand.post(
      'events',
      batch(1, {
        consent: true,
        events: [{ type: 'screen_view', at: '2026-01-15T11:00:00Z', data: { screen: 'secret-garden' } }],
      }),
    );
    await stand.post('events', batch(2, { device_id: deviceId(2) }));
    expect((await done('erase')).body).toEqual({ state: 'done', action: 'erase', events_removed: 1 });
    expect((await done('export')).body).toEqual({ batches: [] });
    expect((await done('export', 2)).body).toMatchObject({ batches: [{}] });
    for (const end of ['.db', '.db-wal']) {
      expect(readFileSync(join(stand.dir, 'telemetry', `2026-01${end}`)).includes('secret-garden')).toBe(false);
    }
    expect((await stand.telemetry.totals(APP.id, TODAY)).byType).toHaveLength(2);
  });

  it('does not make later rows fall out of the aggregates when it took the last ones', async () => {
    await stand.post('events', batch(1));
    await done('erase');
    await stand.restart();
    await stand.post('events', batch(2, { device_id: deviceId(2) }));
    await stand.restart();
    expect((await stand.telemetry.totals(APP.id, TODAY)).byType).toEqual([{ type: 'app_start', count: 2, devices: 2 }]);
  });

  it('is forgotten 24 hours after it was done, and unknown to other tokens', async () => {
    const { body } = await ask('export');
    const { token } = body as { token: string };
    expect((await result(token)).status).toBe(200);
    expect((await result('A'.repeat(43))).status).toBe(404);
    stand.clock.advance(24 * 3_600_000 + 1);
    expect((await result(token)).status).toBe(404);
  });

  it('that was stored but not done before a restart is done after it', async () => {
    const asleep = await createStand({ jobs: { enqueue: () => undefined } });
    const { body } = await asleep.post('device-requests', {
      package_id: APP.packageId,
      device_id: deviceId(1),
      action: 'export',
    });
    const { token } = body as { token: string };
    expect((await asleep.post('device-requests/result', { token })).body).toEqual({ state: 'running' });
    const enqueued: string[] = [];
    await asleep.telemetry.stop();
    const awake = await createStand({
      dir: join(asleep.dir, 'telemetry'),
      jobs: { enqueue: (_kind, key) => void enqueued.push(key) },
    });
    expect(enqueued).toHaveLength(1);
    await awake.telemetry.runDeviceRequest(enqueued[0] ?? '');
    expect((await awake.post('device-requests/result', { token })).status).toBe(200);
    await awake.close();
    await asleep.telemetry.start();
    await asleep.close();
  });

  it('comes at most four times an hour from one device', async () => {
    for (let n = 0; n < 4; n += 1) expect((await ask('export')).status).toBe(202);
    expect(await ask('export')).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
  });
});

describe('raw rows', () => {
  it('go by whole months after 90 days, and the aggregates stay', async () => {
    await stand.post('events', batch(1));
    stand.clock.set(new Date('2026-05-01T23:59:59Z'));
    await stand.restart();
    expect(readFileSync(join(stand.dir, 'telemetry', '2026-01.db')).length).toBeGreaterThan(0);
    stand.clock.set(new Date('2026-05-02T00:00:00Z'));
    await stand.restart();
    expect(() => readFileSync(join(stand.dir, 'telemetry', '2026-01.db'))).toThrow('ENOENT');
    await stand.restart();
    expect((await stand.telemetry.totals(APP.id, TODAY)).byType).toEqual([{ type: 'app_start', count: 1, devices: 1 }]);
  });
});
