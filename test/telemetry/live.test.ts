// Live counts: coalesced, bounded, ended with access. Times are real but short, and only bounded from below.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLive, type Live } from '../../server/telemetry/live.ts';
import { APP, batch, crash, createStand } from './stand.ts';

const INTERVAL_MS = 40;
const AT = new Date('2026-01-15T12:00:00Z');
let live: Live;
let allowed: boolean;
const mayRead = async () => allowed;
const deviceOf = (n: number) => Buffer.alloc(16, n);
const report = (version = '1.0.0', events = 100, device = 1) =>
  live.report('app', { version, events, crashes: 0, device: deviceOf(device) });

beforeEach(() => {
  live = createLive(() => AT, INTERVAL_MS);
  allowed = true;
});
afterEach(() => expect(live.followers()).toBe(0));

it('tells what came in since the last message, at most once an interval', async () => {
  const reader = live.follow('app', mayRead);
  const begin = performance.now();
  for (let i = 0; i < 50; i += 1) report(`1.0.${i % 2}`, 100, i % 10);
  live.report('app', { version: '1.0.0', events: 1, crashes: 1, device: deviceOf(2) });
  live.report('another', { version: '9.0.0', events: 7, crashes: 7, device: deviceOf(3) });
  expect(await reader.next()).toEqual({
    done: false,
    value: { at: AT, events: 5_001, crashes: 1, reports: 51, versions: ['1.0.0', '1.0.1'] },
  });
  const next = reader.next();
  report();
  expect((await next).value).toMatchObject({ events: 100, crashes: 0, reports: 1, versions: [] });
  expect(performance.now() - begin).toBeGreaterThan(INTERVAL_MS * 1.5);
  await reader.return?.();
});

it('keeps one set of counters for a reader who does not read, however much comes in', async () => {
  const reader = live.follow('app', mayRead);
  for (let i = 0; i < 20_000; i += 1) report(`1.0.${i % 4_000}`, 1, i % 7);
  const { value } = await reader.next();
  expect(value).toMatchObject({ events: 20_000, reports: 20_000 });
  expect(value.versions).toHaveLength(100);
  await reader.return?.();
});

it('ends when the reader may no longer read, with something to tell or without', async () => {
  for (const isBusy of [true, false]) {
    allowed = true;
    const reader = live.follow('app', mayRead);
    report();
    expect((await reader.next()).done).toBe(false);
    allowed = false;
    const next = reader.next();
    if (isBusy) report();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  }
});

it('ends at once when the reader stops while nothing comes in', async () => {
  const reader = live.follow('app', mayRead);
  const next = reader.next();
  await reader.return?.();
  expect(await next).toEqual({ done: true, value: undefined });
});

it('ends with the error when access cannot be asked', async () => {
  const reader = live.follow('app', () => Promise.reject(new Error('database gone')));
  report();
  await expect(reader.next()).rejects.toThrow('database gone');
  expect(await reader.next()).toEqual({ done: true, value: undefined });
});

it('counts what the endpoints have stored', async () => {
  const stand = await createStand();
  try {
    const reader = stand.telemetry.follow(APP.id, mayRead);
    await stand.post('events', batch(1, { events: [{ type: 'app_start', at: '2026-01-15T11:59:00Z' }, 5] }));
    await stand.post('crash', crash({ app_version: '1.1.0' }));
    expect((await reader.next()).value).toMatchObject({ events: 2, crashes: 1, reports: 2 });
    await reader.return?.();
  } finally {
    await stand.close();
  }
});

it.each([
  [{ '1.0.0': [1, 2, 3, 4, 5], '2.0.0': [6] }, ['other']],
  [{ '1.0.0': [1, 2, 3, 4, 5], '1.1.0': [1, 2, 3, 4, 5], '2.0.0': [6] }, ['1.1.0', 'other']],
  [{ '1.0.0': [1, 2, 3, 4, 5], '2.0.0': [6, 7, 8], '3.0.0': [9, 10] }, ['1.0.0', 'other']],
  [{ '1.0.0': [1, 2, 3, 4, 5], '2.0.0': [6, 7, 8], '3.0.0': [6, 7, 8] }, ['other']],
  [{ '1.0.0': [1, 2, 3, 4] }, []],
  [{ '1.0.0': [1, 1, 1, 1, 1, 1] }, []],
])('names no version by fewer than 5 devices in a message: %o', async (devices, named) => {
  const reader = live.follow('app', mayRead);
  for (const [version, ids] of Object.entries(devices)) for (const id of ids) report(version, 1, id);
  expect((await reader.next()).value.versions).toEqual(named);
  await reader.return?.();
});
