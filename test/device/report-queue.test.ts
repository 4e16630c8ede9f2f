// What waits at a device is bounded, counted exactly where it is dropped, and sent no sooner than it may be.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Network } from '../../device/http.ts';
import { createReporter, type Reporter } from '../../device/report.ts';
import { createStorage, type Storage } from '../../device/storage.ts';
import { installRecord, readBatches } from './reporting.ts';
import { type StoreServer, startStore } from './store.ts';

const APP = 'com.example.notes';
const OTHER = 'com.example.other';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
let store: StoreServer;
let root: string;
let folder: string;
let storage: Storage;
let now: number;
let jitter: number;

beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store.close());
beforeEach(async () => {
  now = Date.parse('2026-03-01T12:00:00Z');
  jitter = 0;
  store.forgetPosts();
  store.telemetryAnswers.splice(0);
  root = await mkdtemp(join(tmpdir(), 'mosis-queue-'));
  storage = createStorage(root);
  folder = storage.folders.telemetry;
  await storage.prepare();
  for (const packageId of [APP, OTHER]) await storage.writeInstalled(packageId, installRecord(packageId));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const network = (more: Partial<Network> = {}): Network => ({
  serverUrl: store.url,
  fetch,
  clock: () => new Date(now),
  sleep: async () => undefined,
  random: () => jitter,
  ...more,
});
const reporter = (more: Partial<Network> = {}): Reporter =>
  createReporter({ storage, network: network(more), mosisVersion: '1.0.0' });
const offline = () => reporter({ fetch: () => Promise.reject(new TypeError('no network')) });
const start = (to: Reporter, packageId = APP) => to.track(packageId, { type: 'app_start', consent: false });
const batches = () => readBatches(store.posts);
const files = async () => (await readdir(folder)).filter((name) => name !== 'backoff.json').sort();
const reports = async () => (await files()).filter((name) => name.endsWith('.report.json'));

async function bytesKept(): Promise<number> {
  let bytes = 0;
  for (const name of await files()) bytes += (await stat(join(folder, name))).size;
  return bytes;
}

describe('a queue without a network', () => {
  it('keeps 200 reports and counts the oldest as dropped', async () => {
    const lost = offline();
    for (let n = 0; n < 203; n += 1) {
      await start(lost);
      if (n % 2 === 0) await lost.flush();
      else await lost.crash(APP, { crash_type: 'lua_error', message: `${n}`, stack_trace: '' });
    }
    await lost.flush();
    expect(await reports()).toHaveLength(200);
    now += DAY_MS;
    await reporter().flush();
    await start(reporter());
    await reporter().flush();
    const told = batches().reduce((sum, { dropped }) => sum + (dropped?.queue_full ?? 0), 0);
    const crashes = store.posts.filter(({ path }) => path === '/v1/telemetry/crash').length;
    const events = batches().reduce((sum, batch) => sum + batch.events.length, 0);
    expect(told).toBeGreaterThan(0);
    expect(events + crashes + told).toBe(203 + 101 + 1);
  });

  it('stays within its bytes, the open log too, although nobody ever flushes', async () => {
    const lost = offline();
    const data = { message: 'x'.repeat(15_000), count: 1 };
    for (let n = 0; n < 400; n += 1) await lost.track(APP, { type: 'lua_errors', data, consent: false });
    expect(await bytesKept()).toBeLessThan(4 * 1024 * 1024 + 300 * 1024);
    await reporter().flush();
    await start(reporter());
    await reporter().flush();
    const sent = batches().reduce((sum, { events }) => sum + events.length, 0);
    const told = batches().reduce((sum, { dropped }) => sum + (dropped?.queue_full ?? 0), 0);
    expect(told).toBeGreaterThan(0);
    expect(sent + told).toBe(401);
  });

  it('drops a report that was never sent before one whose answer was lost', async () => {
    await start(reporter());
    store.telemetryAnswers.push({ status: 503 });
    await reporter().flush();
    const [tried] = await reports();
    for (let n = 0; n < 201; n += 1)
      await offline().crash(APP, { crash_type: 'lua_error', message: `${n}`, stack_trace: '' });
    expect(await reports()).toContain(tried);
    expect(await reports()).toHaveLength(200);
  });

  it('makes no batch that the server would find too large', async () => {
    const data = { message: 'x'.repeat(15_000), count: 1 };
    for (let n = 0; n < 40; n += 1) await reporter().track(APP, { type: 'lua_errors', data, consent: false });
    await reporter().flush();
    expect(batches().reduce((sum, { events }) => sum + events.length, 0)).toBe(40);
    for (const { body } of store.posts) expect(JSON.stringify(body).length).toBeLessThan(256 * 1024);
  });

  it('does not take an event over 16 KiB, and counts it as refused', async () => {
    const data = { message: 'x'.repeat(17_000), count: 1 };
    expect(await reporter().track(APP, { type: 'lua_errors', data, consent: false })).toBe(false);
    await start(reporter());
    await reporter().flush();
    expect(batches().map(({ dropped, events }) => [dropped, events.length])).toEqual([[{ refused: 1 }, 1]]);
  });
});

describe('after a failure', () => {
  it('waits longer each time, up to an hour, and remembers it over a restart', async () => {
    jitter = 0.999_999;
    await start(reporter());
    const waits: number[] = [];
    for (let n = 0; n < 10; n += 1) {
      const { retryAfterMs } = await offline().flush();
      waits.push(Math.round((retryAfterMs ?? 0) / 1_000));
      expect(await reporter().flush()).toMatchObject({ sent: 0, waiting: 1, retryAfterMs });
      now += retryAfterMs ?? 0;
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
    expect(store.posts).toEqual([]);
    expect(await reporter().flush()).toMatchObject({ sent: 1, retryAfterMs: null });
    await start(reporter());
    expect((await offline().flush()).retryAfterMs).toBe(29_999);
  });

  it('waits anything from nothing to the whole of it: devices that failed together do not come back together', async () => {
    await start(reporter());
    expect((await offline().flush()).retryAfterMs).toBe(0);
    jitter = 0.5;
    expect((await offline().flush()).retryAfterMs).toBe(30_000);
  });

  it('never comes back before the server said, also for a person who asks', async () => {
    jitter = 0.5;
    await start(reporter());
    store.telemetryAnswers.push({ status: 429, headers: { 'retry-after': '90' } });
    expect((await reporter().flush()).retryAfterMs).toBe(90_000 + 15_000);
    now += 89_000;
    expect(await reporter().flush({ urgent: true })).toMatchObject({ sent: 0, retryAfterMs: 1_000 });
    now += 1_000;
    expect(await reporter().flush()).toMatchObject({ sent: 0, retryAfterMs: 15_000 });
    expect(await reporter().flush({ urgent: true })).toMatchObject({ sent: 1 });
    expect(store.posts).toHaveLength(2);
  });

  it('reads a date in Retry-After by the clock of the server that wrote it', async () => {
    now = Date.parse('2026-03-01T23:30:00Z');
    await start(reporter());
    const headers = { date: 'Sun, 01 Mar 2026 12:00:00 GMT', 'retry-after': 'Sun, 01 Mar 2026 12:02:00 GMT' };
    store.telemetryAnswers.push({ status: 503, headers });
    expect((await reporter().flush()).retryAfterMs).toBe(120_000);
  });

  it('is not silenced by a server that asks for years, nor by a clock that is set back', async () => {
    await start(reporter());
    store.telemetryAnswers.push({ status: 503, headers: { 'retry-after': '999999999' } });
    expect((await reporter().flush()).retryAfterMs).toBe(DAY_MS);
    now -= 400 * DAY_MS;
    expect((await reporter().flush()).retryAfterMs).toBe(DAY_MS);
    now += DAY_MS;
    // What was first sent 399 days ahead of the clock may be of any age.
    expect(await reporter().flush()).toMatchObject({ dropped: 1, waiting: 0 });
  });

  it('sends the other reports where the server fails at one', async () => {
    await start(reporter(), APP);
    await start(reporter(), OTHER);
    store.telemetryAnswers.push({ status: 500 });
    expect(await reporter().flush()).toMatchObject({ sent: 1, waiting: 1, problem: 'The server answered 500.' });
  });

  it('takes no sign-in page of a network for an answer of the server', async () => {
    await start(reporter());
    for (const status of [200, 302, 403, 511]) {
      store.telemetryAnswers.push({
        status,
        headers: { 'content-type': 'text/html', location: 'http://login.example' },
      });
      expect(await reporter().flush()).toMatchObject({ sent: 0, dropped: 0, waiting: 1 });
      now += HOUR_MS;
    }
    expect(await reporter().flush()).toMatchObject({ sent: 1 });
  });

  it('repeats a batch whose answer broke off', async () => {
    await start(reporter());
    const broken = { ...network(), fetch: brokenOnce() };
    expect(await reporter(broken).flush()).toMatchObject({ sent: 0, waiting: 1 });
    expect(await reporter().flush()).toMatchObject({ sent: 1, waiting: 0 });
    const [first, second] = batches();
    expect(second?.batch_id).toBe(first?.batch_id);
  });
});

/** A fetch whose answer's body breaks off. */
function brokenOnce(): typeof fetch {
  return async (input, init) => {
    const answer = await fetch(input, init);
    await answer.body?.cancel();
    const body = new ReadableStream({ pull: (controller) => controller.error(new TypeError('terminated')) });
    const broken = new Response(body, { status: answer.status, headers: answer.headers });
    return Object.defineProperty(broken, 'url', { value: answer.url });
  };
}

describe('a damaged file', () => {
  it('that is a report is counted by its name and set aside', async () => {
    for (let n = 0; n < 3; n += 1) await start(reporter());
    await offline().flush();
    const [name = ''] = await reports();
    await writeFile(join(folder, name), '{"path":"/v1/tele');
    expect(await reporter().flush()).toMatchObject({ sent: 0, dropped: 3, waiting: 0 });
    expect(await readdir(join(folder, 'damaged'))).toEqual([name]);
    await start(reporter());
    await reporter().flush();
    expect(batches().map(({ dropped }) => dropped)).toEqual([{ damaged: 3 }]);
  });

  it('that is a log loses only its damaged lines', async () => {
    await start(reporter());
    const log = join(folder, `${APP}.open.jsonl`);
    await writeFile(log, `${await readFile(log, 'utf8')}\0\0\0\n{"type":"app_st`);
    // What a power cut left of a line must not swallow the next one.
    await start(reporter());
    await reporter().flush();
    expect(batches().map(({ dropped, events }) => [dropped, events.length])).toEqual([[{ damaged: 2 }, 2]]);
  });

  it('that is nothing but damaged is told of with the next batch', async () => {
    await writeFile(join(folder, `${APP}.open.jsonl`), '\0\0\0\0');
    await reporter().flush();
    expect(batches()).toEqual([]);
    await start(reporter());
    await reporter().flush();
    expect(batches().map(({ dropped }) => dropped)).toEqual([{ damaged: 1 }]);
  });

  it('that is the account or the wait hinders nothing', async () => {
    await writeFile(join(folder, `${APP}.dropped.json`), '{');
    await writeFile(join(folder, 'backoff.json'), '{');
    await start(reporter());
    expect(await reporter().flush()).toMatchObject({ sent: 1 });
    expect(batches().map(({ dropped }) => dropped)).toEqual([{ damaged: 1 }]);
    expect(await files()).toEqual([]);
  });

  it('is kept for a look only a few times', async () => {
    for (let n = 0; n < 8; n += 1) {
      await offline().crash(APP, { crash_type: 'lua_error', message: `${n}`, stack_trace: '' });
      for (const name of await reports()) await writeFile(join(folder, name), '');
      await reporter().flush();
    }
    expect(await readdir(join(folder, 'damaged'))).toHaveLength(5);
  });
});

it('hands on what the developer knows of a failed update', async () => {
  const data = { to_code: 2, reason: 'PACKAGE_REFUSED' };
  await reporter().track(APP, { type: 'app_update_failed', data, consent: false });
  const issue = { version_code: 2, reason: null, note: 'Fixed in 3.' };
  const answering: typeof fetch = async () =>
    Response.json({ accepted: 1, rejected: [], known_issues: [issue] }, { status: 202 });
  expect((await reporter({ fetch: answering }).flush()).knownIssues).toEqual([
    { packageId: APP, versionCode: 2, reason: null, note: 'Fixed in 3.' },
  ]);
});

it('cuts a crash to what the server takes instead of losing it', async () => {
  await reporter().crash(APP, { crash_type: 'lua_error', message: 'm'.repeat(9_000), stack_trace: 's'.repeat(90_000) });
  await reporter().flush();
  expect(store.posts[0]?.body).toMatchObject({ message: 'm'.repeat(4_096), stack_trace: 's'.repeat(32_768) });
});

it('stamps each try with the clock of that moment, so that the server can correct the times', async () => {
  now -= 11 * HOUR_MS;
  await start(reporter());
  await offline().flush();
  now += 11 * HOUR_MS;
  await reporter().flush({ urgent: true });
  expect(batches()[0]?.sent_at).toBe('2026-03-01T12:00:00.000Z');
  expect(batches()[0]?.events[0]?.at).toBe('2026-03-01T01:00:00.000Z');
});

it('loses nothing and sends nothing twice when several reporters work at once', async () => {
  const many = Array.from({ length: 5 }, () => reporter());
  await Promise.all(many.flatMap((each) => [start(each), each.flush(), start(each), each.flush(), start(each)]));
  await reporter().flush();
  expect(batches().reduce((sum, { events }) => sum + events.length, 0)).toBe(15);
  expect(new Set(batches().map(({ batch_id }) => batch_id)).size).toBe(batches().length);
  expect(await files()).toEqual([]);
});
