// The guard as a whole: real telemetry over HTTP, the job, and what becomes of the rollout at every public edge.
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mailsIn } from '../notifications/mail-files.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import type { Person, VersionHandle } from '../support/seed.ts';
import { createStand, type ShownRollout, type Stand } from './stand.ts';

const HOUR = 3_600_000;
let clock: TestClock;
let stand: Stand;
let grace: Person;
beforeAll(async () => {
  clock = createTestClock(new Date());
  stand = await createStand({ clock, env: { TRUSTED_PROXIES: '127.0.0.1,::1' } });
  grace = await stand.seed.admin();
});
afterAll(() => stand.close());

/** A device as its developer's server sees it: an id, and an address in a network of its own. */
interface Device {
  readonly id: string;
  readonly address: string;
}
let made = 0;
function devicesOf(count: number): Device[] {
  return Array.from({ length: count }, () => {
    made += 1;
    const id = createHash('sha256').update(`device ${made}`).digest('hex');
    return { id, address: `10.${made >> 8}.${made & 255}.7` };
  });
}

async function send(path: string, device: Device, body: Record<string, unknown>): Promise<void> {
  const response = await fetch(`${stand.app.url}/v1/telemetry/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': device.address },
    body: JSON.stringify({ mosis_version: '1.0.0', device_id: device.id, ...body }),
  });
  expect([response.status, await response.text()]).toMatchObject([202, expect.anything()]);
}
async function starts(on: Stand, version: string, devices: readonly Device[]): Promise<void> {
  const now = clock.now().toISOString();
  for (const device of devices)
    await send('events', device, {
      batch_id: randomUUID(),
      app_id: on.notes.packageId,
      app_version: version,
      consent: false,
      sent_at: now,
      events: [{ type: 'app_start', at: now }],
    });
}
async function crashes(on: Stand, version: string, devices: readonly Device[]): Promise<void> {
  for (const device of devices)
    await send('crash', device, {
      report_id: randomUUID(),
      app_id: on.notes.packageId,
      app_version: version,
      timestamp: clock.now().toISOString(),
      crash_type: 'lua_error',
      message: 'attempt to index a nil value',
      stack_trace: "main.lua:3: in function 'draw'",
    });
}

/** Until the next tick no job runs: the schedule follows the clock, and must not look at what is half sent. */
async function quiet(): Promise<void> {
  await stand.app.services.jobs.stop();
}

/** One tick of the schedule. */
async function tick(): Promise<void> {
  const { services } = stand.app;
  await services.jobs.start({ alone: true });
  await services.work(async (unit) => unit.enqueue({ kind: 'guard-rollouts', key: randomUUID(), payload: {} }));
  await services.jobs.idle();
  expect(stand.app.rows(`SELECT last_error FROM jobs WHERE kind = 'guard-rollouts' AND state <> 'DONE'`)).toEqual([]);
}

type Guarded = ShownRollout & { readonly guard: Record<string, unknown> | null };
async function shown(on: Stand, version: VersionHandle): Promise<Guarded> {
  const { version: found } = await on.ada.query<{ version: { rollouts: Guarded[] } }>(
    `query($id: ID!) { version(id: $id) { rollouts { id state percent pausedBy reason guard { at verdict devices
      crashFreePercent previousVersion previousDevices previousCrashFreePercent worseByAtLeast } } } }`,
    { id: version.id },
  );
  const [rollout] = found.rollouts;
  if (rollout === undefined) throw new Error('no rollout');
  return rollout;
}

/** An app with 1.0.0 for all, 120 devices of which 2 crash, and 1.1.0 for half of them, an hour later. */
async function released(): Promise<{ on: Stand; devices: Device[]; second: VersionHandle }> {
  const on = await stand.another();
  await on.published({}, { version: '1.0.0' });
  const devices = devicesOf(120);
  await starts(on, '1.0.0', devices);
  await crashes(on, '1.0.0', devices.slice(0, 2));
  clock.advance(HOUR);
  const second = await on.published({ percent: 50 }, { version: '1.1.0' });
  clock.advance(HOUR + 1_000);
  await quiet();
  return { on, devices, second };
}

describe('a version that crashes', () => {
  it('is paused once enough devices show it; its developer is told why, resumes it in one step, and that is final', async () => {
    const { on, devices, second } = await released();
    const { app, ada } = stand;

    await starts(on, '1.1.0', devices.slice(0, 49));
    await crashes(on, '1.1.0', devices.slice(0, 49));
    await tick();
    expect(await shown(on, second)).toMatchObject({
      state: 'ACTIVE',
      pausedBy: null,
      guard: { verdict: 'TOO_FEW_DEVICES', devices: 49, crashFreePercent: 0, worseByAtLeast: null },
    });
    expect(await on.offers(1)).toEqual(['2 update']);

    await quiet();
    await starts(on, '1.1.0', devices.slice(49, 80));
    await tick();
    const paused = await shown(on, second);
    expect(paused).toMatchObject({
      state: 'PAUSED',
      percent: 50,
      pausedBy: 'GUARD',
      guard: {
        at: clock.now().toISOString(),
        verdict: 'WORSE',
        devices: 80,
        crashFreePercent: 38.75,
        previousVersion: '1.0.0',
        previousDevices: 120,
        previousCrashFreePercent: 98.33,
      },
    });
    expect(paused.guard?.worseByAtLeast).toBeGreaterThan(30);
    expect(paused.reason).toContain('38.75 % of 80 devices looked at with 1.1.0 (2) had no crash');
    expect(paused.reason).toContain('98.33 % of 120 with 1.0.0 (1)');
    expect((await on.target(2))?.rollouts.stable).toMatchObject({ basis_points: 5_000, state: 'paused' });
    expect([await on.offers(1), await on.download()]).toEqual([[], 1]);

    const { events } = await app.services.events.read({ filter: { appId: on.notes.key }, limit: 1_000 });
    expect(events.at(-1)).toMatchObject({
      type: 'ROLLOUT_CHANGED',
      actorId: null,
      versionId: second.key,
      payload: {
        change: 'PAUSED',
        by: 'GUARD',
        percent: 50,
        reason: paused.reason,
        evidence: {
          versionCode: 2,
          devices: 80,
          crashedDevices: 49,
          previousVersionCode: 1,
          comparedWith: 'BEFORE',
          previousDevices: 120,
          previousCrashedDevices: 2,
          confidence: 0.99,
          marginPoints: 1,
          sampledDevices: 120,
          everyDevice: true,
        },
      },
    });
    const [audit] = app.rows<{ via: string; details: string }>(
      `SELECT via, details FROM audit_logs WHERE action = 'version.change_rollout' AND resource_id = ? ORDER BY id DESC`,
      second.key,
    );
    expect(audit).toMatchObject({ via: 'SYSTEM', details: expect.stringContaining('"by":"GUARD"') });
    await app.services.notifications.reader.catchUp();
    await app.services.jobs.idle();
    const mail = (await mailsIn(app.dataDir)).find(
      ({ to, subject }) => to.includes(`<${ada.email}>`) && subject.includes('paused'),
    );
    expect(mail?.text.replaceAll(/\s+/g, ' ')).toContain('38.75 % of 80 devices looked at');

    await quiet();
    await tick();
    expect((await on.changes()).filter((change) => change.includes('PAUSED'))).toHaveLength(1);

    expect(await on.act('resumeRollout', paused)).not.toHaveProperty('code');
    clock.advance(600_000);
    await quiet();
    await crashes(on, '1.1.0', devices.slice(60, 80));
    await tick();
    expect(await shown(on, second)).toMatchObject({
      state: 'ACTIVE',
      pausedBy: null,
      guard: { verdict: 'WORSE', devices: 80, crashFreePercent: 13.75 },
    });
    expect((await on.target(2))?.rollouts.stable).toMatchObject({ basis_points: 5_000, state: 'active' });
    expect(await on.offers(1)).toEqual(['2 update']);
    expect(await on.act('pauseRollout', paused, { reason: 'They were right' })).not.toHaveProperty('code');
  });

  it('stays where its crashes come from devices that nobody saw before', async () => {
    const { on, devices, second } = await released();
    await starts(on, '1.1.0', devices.slice(0, 80));
    await crashes(on, '1.1.0', [...devices.slice(0, 2), ...devicesOf(150)]);
    await tick();
    expect(await shown(on, second)).toMatchObject({
      state: 'ACTIVE',
      guard: { verdict: 'NO_WORSE', devices: 80, crashFreePercent: 97.5 },
    });
  });

  it('stays where the one before crashes as much in the same time', async () => {
    const { on, devices, second } = await released();
    await starts(on, '1.1.0', devices.slice(0, 60));
    await crashes(on, '1.1.0', devices.slice(0, 30));
    await starts(on, '1.0.0', devices.slice(60));
    await crashes(on, '1.0.0', devices.slice(60, 95));
    await tick();
    expect(await shown(on, second)).toMatchObject({
      state: 'ACTIVE',
      guard: { verdict: 'NO_WORSE', previousDevices: 60, previousCrashFreePercent: 41.67 },
    });
  });

  it('is paused at 100 % too, and older devices get the one before again', async () => {
    const { on, devices, second } = await released();
    await on.act('raiseRollout', await shown(on, second), { percent: 100 });
    expect(await on.download()).toBe(2);
    await starts(on, '1.1.0', devices);
    await crashes(on, '1.1.0', devices.slice(0, 60));
    await tick();
    expect(await shown(on, second)).toMatchObject({ state: 'PAUSED', percent: 100, pausedBy: 'GUARD' });
    expect(await on.download()).toBe(1);
    await on.act('resumeRollout', await shown(on, second));
    expect(await shown(on, second)).toMatchObject({ state: 'COMPLETE', percent: 100, pausedBy: null });
  });
});

describe('the rules', () => {
  const POLICY = `{ rolloutGuardPolicy { enabled minDevices marginPoints confidence watchDays maxDevicesPerNetwork
    distrustedNetworks revision } }`;
  const change = (input: Record<string, unknown>, as: Pick<Person, 'act'> = grace) =>
    as.act<{ policy: Record<string, unknown> }>('updateRolloutGuardPolicy', input, 'policy { enabled minDevices }');

  it('are read and changed by admins alone, within bounds, and kept with their history', async () => {
    expect(await grace.query(POLICY)).toEqual({
      rolloutGuardPolicy: {
        enabled: true,
        minDevices: 50,
        marginPoints: 1,
        confidence: 0.99,
        watchDays: 14,
        maxDevicesPerNetwork: 5,
        distrustedNetworks: 3,
        revision: 'default',
      },
    });
    for (const person of [stand.ada, stand.rita]) {
      expect((await person.send(POLICY)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
      expect(await change({ enabled: false }, person)).toMatchObject({ code: 'FORBIDDEN' });
    }
    for (const wrong of [
      { minDevices: 19 },
      { minDevices: 100_001 },
      { marginPoints: -0.1 },
      { marginPoints: 51 },
      { confidence: 0.5 },
      { confidence: 1 },
      { watchDays: 0 },
      { watchDays: 15 },
      { maxDevicesPerNetwork: 0 },
      { distrustedNetworks: -1 },
    ])
      expect([wrong, await change(wrong)]).toMatchObject([wrong, { code: 'VALIDATION' }]);
    expect(await change({ minDevices: 60, revision: 'default' })).toMatchObject({
      policy: { enabled: true, minDevices: 60 },
    });
    expect(await change({ minDevices: 70, revision: 'default' })).toMatchObject({ code: 'CONFLICT' });
    expect(await change({ minDevices: 50 })).toMatchObject({ policy: { minDevices: 50 } });
    expect(await grace.query('{ settingChanges { nodes { key summary { path before after } } } }')).toMatchObject({
      settingChanges: {
        nodes: [
          { key: 'rollout-guard', summary: [{ path: 'minDevices', before: '60', after: '50' }] },
          { key: 'rollout-guard', summary: [{ path: 'minDevices', before: '50', after: '60' }] },
        ],
      },
    });
  });

  it('are those of the next look: nothing is judged while it is off, and fewer devices can be enough', async () => {
    const { on, devices, second } = await released();
    await starts(on, '1.1.0', devices.slice(0, 40));
    await crashes(on, '1.1.0', devices.slice(0, 40));
    await change({ enabled: false, minDevices: 40 });
    await tick();
    expect(await shown(on, second)).toMatchObject({ state: 'ACTIVE' });
    await quiet();
    await change({ enabled: true });
    await tick();
    expect(await shown(on, second)).toMatchObject({ state: 'PAUSED', pausedBy: 'GUARD' });
    await change({ minDevices: 50 });
  });

  it('end the watch after their days', async () => {
    const { on, devices, second } = await released();
    await change({ watchDays: 1 });
    clock.advance(25 * HOUR);
    await starts(on, '1.1.0', devices);
    await crashes(on, '1.1.0', devices);
    await tick();
    expect(await shown(on, second)).toMatchObject({ state: 'ACTIVE' });
    await quiet();
    await change({ watchDays: 14 });
    await tick();
    expect(await shown(on, second)).toMatchObject({ state: 'PAUSED' });
  });
});

it('the watch is on a schedule, one job for each tick', () => {
  const jobs = stand.app.rows<{ key: string }>(`SELECT key FROM jobs WHERE key LIKE 'cron:guard-rollouts:%'`);
  expect(jobs.length).toBeGreaterThan(0);
  for (const { key } of jobs) expect(key).toMatch(/T\d\d:\d0:00\.000Z$/);
});
