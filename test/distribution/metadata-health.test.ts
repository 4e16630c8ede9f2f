/** What operators are warned of before devices notice. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { healthOf } from '../../server/distribution/metadata/health.ts';
import { openTrust, type Trust } from '../../server/distribution/metadata/trust.ts';
import { createTestClock } from '../support/clock.ts';
import { makeFolder } from '../support/database.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let folder: string;
let trust: Trust;

beforeAll(async () => {
  folder = await makeFolder();
  const clock = createTestClock();
  trust = await openTrust({ rootsDir: join(folder, 'roots'), keysDir: join(folder, 'keys'), clock });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The warnings with so long to the root's end, and to the timestamp's. */
function warned(rootLeftMs: number, timestampLeftMs: number | null, development = false) {
  const clock = createTestClock(new Date(trust.root.expires.getTime() - rootLeftMs));
  const timestampExpires = timestampLeftMs === null ? null : new Date(clock.ms() + timestampLeftMs);
  const root = { ...trust.root, development };
  return healthOf({ trust: { ...trust, root }, timestampExpires, clock }).warnings;
}
const codes = (...given: Parameters<typeof warned>) => warned(...given).map(({ code }) => code);

it.each([
  [61 * DAY, []],
  [60 * DAY + 1, []],
  [60 * DAY, ['ROOT_ENDS_SOON']],
  [1, ['ROOT_ENDS_SOON']],
  [0, ['ROOT_ENDED']],
  [-DAY, ['ROOT_ENDED']],
])('a root with %i ms to its end is warned of as %j', (leftMs, expected) => {
  expect(codes(leftMs, DAY)).toEqual(expected);
  expect(codes(leftMs, DAY, true)).toEqual(['ROOT_DEVELOPMENT', ...expected]);
});

it.each([
  [24 * HOUR, []],
  // Due at 18 hours, and 12 is a quarter of a day late.
  [12 * HOUR, []],
  [12 * HOUR - 1, ['TIMESTAMP_STALE']],
  [0, ['TIMESTAMP_STALE']],
  [-HOUR, ['TIMESTAMP_STALE']],
  [null, []],
])('a timestamp with %j ms to its end is warned of as %j', (leftMs, expected) => {
  expect(codes(61 * DAY, leftMs)).toEqual(expected);
});

it('a warning says what to do, and by when', () => {
  const day = trust.root.expires.toISOString().slice(0, 10);
  const [soon] = warned(60 * DAY, DAY);
  expect(soon?.message).toContain(day);
  expect(soon?.message).toContain('mosis-admin root renew');
  expect(warned(0, DAY)[0]?.message).toContain('mosis-admin root renew');
  expect(warned(61 * DAY, HOUR)[0]?.message).toContain('log');
});
