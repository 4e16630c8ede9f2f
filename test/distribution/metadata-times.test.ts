/** How long what is served holds, when it is signed anew and under which number, by a clock that the test moves. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { copyMigratedDatabase, makeFolder } from '../support/database.ts';
import { type BareRepository, openRepository, serveFolder } from './root-world.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = new Date('2026-06-01T12:00:00Z');
const SECONDS = START.getTime() / 1_000;

let folder: string;
let dataDir: string;
let clock: TestClock;
let repository: BareRepository;
let served: Awaited<ReturnType<typeof serveFolder>>;

interface Signed {
  readonly version: number;
  readonly expires: string;
  readonly meta: Readonly<Record<string, { readonly version: number }>>;
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  folder = await makeFolder();
  dataDir = join(folder, 'data');
  await mkdir(join(dataDir, 'roots'), { recursive: true });
  await copyMigratedDatabase(join(dataDir, 'core.db'));
  clock = createTestClock(START);
  served = await serveFolder(dataDir);
  await begin();
});
afterEach(async () => {
  vi.useRealTimers();
  await served.close();
  await repository.close();
  await rm(folder, { recursive: true, force: true });
});

async function begin(): Promise<void> {
  repository = await openRepository(dataDir, { clock });
  await repository.service.start();
}

async function restarted(): Promise<void> {
  await repository.close();
  await begin();
}

async function signed(name: string): Promise<Signed> {
  const answer = await fetch(`${served.url}/v1/metadata/${name}`);
  return ((await answer.json()) as { signed: Signed }).signed;
}

/** What a client is served now, by role; `bin` is the first. */
async function inForce() {
  const timestamp = await signed('timestamp.json');
  const number = (meta: Signed['meta'], name: string) => meta[`${name}.json`]?.version ?? 0;
  const snapshot = await signed(`${number(timestamp.meta, 'snapshot')}.snapshot.json`);
  const targets = await signed(`${number(snapshot.meta, 'targets')}.targets.json`);
  const bin = await signed(`${number(snapshot.meta, 'bin-0')}.bin-0.json`);
  return { timestamp, snapshot, targets, bin };
}

const after = (ms: number) => new Date(START.getTime() + ms).toISOString().replace('.000Z', 'Z');

/** What the running server does of itself every quarter of an hour, by this clock. */
async function looked(): Promise<void> {
  const look = vi.spyOn(clock, 'now');
  vi.advanceTimersByTime(15 * 60_000);
  await vi.waitFor(() => expect(look).toHaveBeenCalled(), { timeout: 5_000 });
  look.mockRestore();
  await repository.service.settled();
}

it.each([
  ['timestamp', 24 * HOUR],
  ['snapshot', 7 * DAY],
  ['targets', 90 * DAY],
  ['bin', 90 * DAY],
] as const)('the %s holds for %i ms from its signing, and its number is the time', async (role, holdsMs) => {
  const { version, expires } = (await inForce())[role];
  expect(expires).toBe(after(holdsMs));
  expect(version).toBe(SECONDS);
});

it('a root holds for a year, and a development root is signed anew at a start in its last 60 days', async () => {
  const root = JSON.parse(await readFile(join(dataDir, 'roots', '1.root.json'), 'utf8')) as { signed: Signed };
  expect(root.signed).toMatchObject({ version: 1, expires: after(365 * DAY) });
  clock.set(new Date(START.getTime() + 305 * DAY - 1));
  await restarted();
  expect((await fetch(`${served.url}/v1/metadata/2.root.json`)).status).toBe(404);
  clock.set(new Date(START.getTime() + 305 * DAY));
  await restarted();
  expect(await signed('2.root.json')).toMatchObject({ version: 2, expires: after(670 * DAY) });
});

it.each([
  [6 * HOUR - 1, []],
  [6 * HOUR, ['timestamp']],
  [5 * DAY - 1, ['timestamp']],
  [5 * DAY, ['timestamp', 'snapshot']],
  [60 * DAY - 1, ['timestamp', 'snapshot']],
  [60 * DAY, ['timestamp', 'snapshot', 'targets', 'bin']],
])('after %i ms a running server has signed anew: %j', async (passedMs, expected) => {
  const before = await inForce();
  clock.advance(passedMs);
  await looked();
  const now = await inForce();
  const renewed = (['timestamp', 'snapshot', 'targets', 'bin'] as const).filter(
    (role) => now[role].version !== before[role].version,
  );
  expect(renewed).toEqual(expected);
  for (const role of renewed) expect(now[role].version).toBe(Math.floor(clock.ms() / 1_000));
});

describe('a start', () => {
  it('signs the timestamp anew, however young it is, and nothing else', async () => {
    const before = await inForce();
    for (const hours of [3, 6, 9]) {
      clock.advance(3 * HOUR);
      await restarted();
      const { timestamp, ...rest } = await inForce();
      expect(timestamp.expires).toBe(after((hours + 24) * HOUR));
      expect(timestamp.version).toBe(SECONDS + hours * 3_600);
      expect({ ...rest, timestamp: before.timestamp }).toEqual(before);
    }
  });

  it('of the same second, or by a clock that went back, takes the next number', async () => {
    await restarted();
    expect((await inForce()).timestamp.version).toBe(SECONDS + 1);
    clock.set(new Date(START.getTime() - HOUR));
    await restarted();
    expect((await inForce()).timestamp.version).toBe(SECONDS + 2);
  });
});
