// What a device reports: queued on disk, sent once, never a person's acts without consent, never the secret.
import { createHmac } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDevice, type Device } from '../../device/device.ts';
import { readBatches } from './reporting.ts';
import { type StoreServer, startStore } from './store.ts';

const APP = 'com.example.notes';
const DAY_MS = 86_400_000;
/** As the server refuses. */
const REFUSAL = { status: 400, headers: { 'content-type': 'application/problem+json; charset=utf-8' } };
let store: StoreServer;
let root: string;
let now: number;

beforeEach(async () => {
  now = Date.parse('2026-03-01T12:00:00Z');
  store = await startStore(() => new Date(now));
  root = await mkdtemp(join(tmpdir(), 'mosis-report-'));
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

async function withApp(versionCode = 1): Promise<Device> {
  store.publish({ versionCode });
  // Without jitter the device adds nothing to what the server asks.
  const device = createDevice({ root, serverUrl: store.url, fetch, clock: () => new Date(now), random: () => 0 });
  await device.provisionFromNetwork();
  await device.install(APP);
  // What the installation reports is tested by itself, below.
  await device.reporter.flush();
  store.forgetPosts();
  return device;
}

const batches = () => readBatches(store.posts);

it('sends events as one batch with an id of this app alone', async () => {
  const { reporter } = await withApp();
  await reporter.track(APP, { type: 'app_start', consent: false });
  await reporter.track(APP, { type: 'frame_time', data: { avg_ms: 16 }, consent: false });
  expect(await reporter.flush()).toEqual({
    sent: 1,
    dropped: 0,
    waiting: 0,
    retryAfterMs: null,
    problem: null,
    knownIssues: [],
  });
  const [batch] = batches();
  expect(batch?.events.map(({ type }) => type)).toEqual(['app_start', 'frame_time']);
  const secret = Buffer.from((await readFile(join(root, 'state', 'secret'), 'utf8')).trim(), 'hex');
  expect(batch?.device_id).toBe(createHmac('sha256', secret).update(APP).digest('hex'));
  expect(await reporter.flush()).toMatchObject({ sent: 0 });
  expect(batches()).toHaveLength(1);
});

it('does not even write down what a person did without consent', async () => {
  const { reporter } = await withApp();
  expect(await reporter.track(APP, { type: 'screen_view', data: { screen: 'secret-screen' }, consent: false })).toBe(
    false,
  );
  expect(await readdir(join(root, 'state', 'telemetry'))).toEqual([]);
  expect(await reporter.track(APP, { type: 'screen_view', data: { screen: 'main' }, consent: true })).toBe(true);
  await reporter.flush();
  expect(batches().map(({ consent }) => consent)).toEqual([true]);
});

it('repeats a batch whose answer was lost with the same id', async () => {
  const { reporter } = await withApp();
  await reporter.track(APP, { type: 'app_start', consent: false });
  store.telemetryAnswers.push({ status: 503, headers: { 'retry-after': '30' } });
  expect(await reporter.flush()).toMatchObject({ sent: 0, waiting: 1, retryAfterMs: 30_000 });
  now += 30_000;
  expect(await reporter.flush()).toMatchObject({ sent: 1, waiting: 0 });
  const [first, second] = batches();
  expect(second?.batch_id).toBe(first?.batch_id);
});

it('reports an event under the version in which it happened', async () => {
  const device = await withApp(1);
  await device.reporter.track(APP, { type: 'app_stop', consent: false });
  store.publish({ versionCode: 2 });
  await device.update(APP);
  await device.reporter.track(APP, { type: 'app_start', consent: false });
  await device.reporter.flush();
  const told = batches().flatMap(({ events, version_code, app_version }) =>
    events.map(({ type }) => [type, version_code, app_version]),
  );
  expect(told).toEqual([
    ['app_update', 2, '1.0.2'],
    ['app_stop', 1, '1.0.1'],
    ['app_start', 2, '1.0.2'],
  ]);
});

it('splits at 500 events', async () => {
  const { reporter } = await withApp();
  for (let i = 0; i < 501; i += 1) await reporter.track(APP, { type: 'app_start', consent: false });
  await reporter.flush();
  expect(batches().map(({ events }) => events.length)).toEqual([500, 1]);
});

it('drops and counts what was first sent over seven days ago', async () => {
  const { reporter } = await withApp();
  await reporter.track(APP, { type: 'app_start', consent: false });
  store.telemetryAnswers.push({ status: 500 });
  await reporter.flush();
  now += 7 * DAY_MS + 1;
  expect(await reporter.flush()).toMatchObject({ sent: 0, dropped: 1, waiting: 0 });
  expect(batches()).toHaveLength(1);
});

it('drops what the server will never take, and keeps what it may take later', async () => {
  const { reporter } = await withApp();
  await reporter.track(APP, { type: 'app_start', consent: false });
  store.telemetryAnswers.push(REFUSAL);
  expect(await reporter.flush()).toMatchObject({ dropped: 1, waiting: 0 });
  await reporter.track(APP, { type: 'app_start', consent: false });
  store.telemetryAnswers.push({ status: 429, headers: { 'retry-after': '5' } });
  expect(await reporter.flush()).toMatchObject({ dropped: 0, waiting: 1, retryAfterMs: 5_000 });
});

it('tells with the next batch how many events it dropped since the last one and why, once', async () => {
  const { reporter } = await withApp();
  const start = () => reporter.track(APP, { type: 'app_start', consent: false });
  await start();
  await start();
  store.telemetryAnswers.push(REFUSAL);
  expect(await reporter.flush()).toMatchObject({ dropped: 2 });
  await start();
  store.telemetryAnswers.push({ status: 500 });
  await reporter.flush();
  // The batch that was to tell of the two is itself too old now: it hands its counts on.
  now += 7 * DAY_MS + 1;
  expect(await reporter.flush()).toMatchObject({ dropped: 1 });
  store.forgetPosts();
  await start();
  await reporter.flush();
  await start();
  await reporter.flush();
  expect(batches().map(({ dropped }) => dropped)).toEqual([{ refused: 2, too_old: 1 }, undefined]);
});

it('counts a dropped report once when it is killed between counting and removing it', async () => {
  const { reporter } = await withApp();
  const folder = join(root, 'state', 'telemetry');
  await reporter.track(APP, { type: 'app_start', consent: false });
  store.telemetryAnswers.push({ status: 500 });
  await reporter.flush();
  const [report = ''] = await readdir(folder);
  await writeFile(join(folder, `${APP}.dropped.json`), JSON.stringify({ counts: { queue_full: 1 }, last: report }));
  store.forgetPosts();
  expect(await reporter.flush()).toMatchObject({ sent: 0, waiting: 0 });
  await reporter.track(APP, { type: 'app_stop', consent: false });
  await reporter.flush();
  expect(batches().map(({ dropped, events }) => [dropped, events.length])).toEqual([[{ queue_full: 1 }, 1]]);
});

it('keeps everything while there is no network', async () => {
  const { reporter } = await withApp();
  await reporter.track(APP, { type: 'app_start', consent: false });
  await store.close();
  expect(await reporter.flush()).toMatchObject({ sent: 0, waiting: 1 });
});

it('sends a crash in the schema of crash reports, without consent', async () => {
  const { reporter } = await withApp();
  const context = { screen: 'main.rml', memory_mb: 45, uptime_seconds: 120 };
  await reporter.crash(APP, {
    crash_type: 'lua_error',
    message: 'attempt to index nil value',
    stack_trace: 'main.lua:1',
    context,
  });
  await reporter.flush();
  expect(store.posts.at(-1)).toEqual({
    path: '/v1/telemetry/crash',
    body: {
      report_id: expect.any(String),
      app_id: APP,
      app_version: '1.0.1',
      version_code: 1,
      mosis_version: '1.0.0',
      device_id: expect.stringMatching(/^[0-9a-f]{64}$/),
      timestamp: '2026-03-01T12:00:00.000Z',
      sent_at: '2026-03-01T12:00:00.000Z',
      crash_type: 'lua_error',
      message: 'attempt to index nil value',
      stack_trace: 'main.lua:1',
      context,
    },
  });
});

it('reports nothing for an app that is not installed', async () => {
  const { reporter } = await withApp();
  await expect(reporter.track('com.example.other', { type: 'app_start', consent: true })).rejects.toMatchObject({
    code: 'NOT_INSTALLED',
  });
});

it('reports an installation, an update and a removal by itself, once each', async () => {
  store.publish({ versionCode: 1 });
  const device = createDevice({ root, serverUrl: store.url, fetch, clock: () => new Date(now) });
  await device.provisionFromNetwork();
  await device.install(APP);
  await device.install(APP);
  store.publish({ versionCode: 2 });
  await device.update(APP);
  await device.uninstall(APP, { keepData: false });
  await device.reporter.flush();
  const told = batches().flatMap(({ events, version_code }) => events.map(({ type }) => ({ type, version_code })));
  expect(told).toEqual([
    { type: 'app_install', version_code: 1 },
    { type: 'app_update', version_code: 2 },
    { type: 'app_uninstall', version_code: 2 },
  ]);
});

it('tells of an installation once, although it was killed before it had noted that', async () => {
  const device = await withApp();
  await rm(join(root, 'state', 'told.json'));
  await device.recover();
  await device.reporter.flush();
  const [again] = batches();
  expect(again?.events.map(({ type }) => type)).toEqual(['app_install']);
  store.forgetPosts();
  await rm(join(root, 'state', 'told.json'));
  await device.recover();
  await device.recover();
  await device.reporter.flush();
  // The server counts a batch with the same id once.
  expect(batches().map(({ batch_id }) => batch_id)).toEqual([again?.batch_id]);
});
