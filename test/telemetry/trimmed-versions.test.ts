// Names of versions go with the last aggregate that speaks of them, and no count ever lands under another name.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openAggregateReader } from '../../server/telemetry/aggregate-reader.ts';
import { type AggregatesWriter, openAggregates } from '../../server/telemetry/aggregates.ts';
import { DAY_MS, TELEMETRY_LIMITS } from '../../server/telemetry/limits.ts';

const device = new Uint8Array(16).fill(7);
const OLD = 1;
const CUT = 50;
const YOUNG = 100;
let dir: string;
let path: string;
let writer: AggregatesWriter;
let last = 0;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mosis-trimmed-'));
  path = join(dir, 'aggregates.db');
  writer = openAggregates(path);
});
afterEach(() => {
  writer.close();
  rmSync(dir, { recursive: true, force: true });
});

const count = (version: string, day: number, app = 'a') =>
  writer.addEvents({ app, version, day, type: 1, count: 1, device });
function flush(): void {
  last += 1;
  writer.reached('2026-01', { event: last, batch: last });
  writer.flush();
}
function crashed(version: string, day: number): void {
  const sample = {
    fingerprint: 'f'.repeat(32),
    title: 't',
    crashType: 'lua_error' as const,
    message: 'm',
    stackTrace: 's',
  };
  const atMs = day * DAY_MS + 1;
  writer.addCrash({ app: 'a', version, device, atMs, receivedAtMs: atMs, context: null, ...sample });
}
function versions(app = 'a'): string[] {
  const db = new Sqlite(path, { readonly: true });
  const rows = db
    .prepare<[string], { name: string }>(
      'SELECT v.name FROM versions v JOIN apps a ON a.id = v.app WHERE a.app = ? ORDER BY v.name',
    )
    .all(app);
  db.close();
  return rows.map(({ name }) => name);
}
function read<T>(work: (reader: ReturnType<typeof openAggregateReader>) => T): T {
  const reader = openAggregateReader(path);
  try {
    return work(reader);
  } finally {
    reader.close();
  }
}
function trimAll(day = CUT): void {
  for (let after: number | null = 0; after !== null; ) after = writer.trim(day, after).next;
}

it('removes the versions that no aggregate is left of, and those alone', () => {
  for (const version of ['1.0.0', '1.1.0', '1.2.0', '1.3.0']) count(version, OLD);
  count('1.0.0', YOUNG, 'b');
  count('1.1.0', YOUNG);
  crashed('1.2.0', YOUNG);
  crashed('1.4.0', OLD);
  writer.addLosses({ app: 'a', version: '1.3.0', day: YOUNG, losses: { queue_full: 1 } });
  writer.addLosses({ app: 'a', version: '1.5.0', day: OLD, losses: { queue_full: 1 } });
  flush();
  trimAll();
  // 1.4.0 stands in a crash group that was seen since.
  expect(versions()).toEqual(['1.1.0', '1.2.0', '1.3.0', '1.4.0']);
  expect(versions('b')).toEqual(['1.0.0']);
  trimAll(YOUNG + 2);
  expect([versions(), versions('b')]).toEqual([[], []]);
});

it('counts what waits in memory under the name it came with, though its key was removed meanwhile', () => {
  count('1.0.0', OLD);
  count('2.0.0', OLD);
  flush();
  count('2.0.0', YOUNG);
  trimAll();
  expect(versions()).toEqual([]);
  // Takes the number that 1.0.0 or 2.0.0 had.
  count('3.0.0', YOUNG);
  flush();
  const rows = read((reader) => reader.daily('a', OLD, YOUNG));
  expect(rows.map(({ version, day, count: n }) => [version, day, n])).toEqual([
    ['2.0.0', YOUNG, 1],
    ['3.0.0', YOUNG, 1],
  ]);
});

it('makes room under the number of versions an app may name', () => {
  for (let n = 0; n < TELEMETRY_LIMITS.maxVersionsPerApp; n += 1) count(`0.0.${n}`, OLD);
  flush();
  count('1.0.0', OLD);
  flush();
  expect(versions()).not.toContain('1.0.0');
  count('1.0.0', YOUNG);
  trimAll();
  flush();
  expect(versions()).toEqual(['1.0.0']);
});

it('keeps the version of a row that a later piece removes', () => {
  // More than a piece of one version, and one row of another at the end.
  for (let day = 0; day < 1_000; day += 1) count('1.0.0', day);
  count('1.1.0', 999);
  flush();
  const { next } = writer.trim(1_000, 0);
  expect(next).toBe(0);
  expect(versions()).toEqual(['1.1.0']);
  trimAll(1_000);
  expect(versions()).toEqual([]);
});
