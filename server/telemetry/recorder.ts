/**
 * Owns the order of things between raw rows and aggregates: rows commit first, aggregates follow with their watermark, and
 * whatever a kill or a failed flush lost is replayed from there. Runs in the writer's thread; all of it is synchronous.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openAggregates } from './aggregates.ts';
import { PACKED_NUMBERS } from './bodies.ts';
import { keyOfEventType } from './events-schema.ts';
import { DAY_MS, TELEMETRY_LIMITS } from './limits.ts';
import type { BatchRow } from './rows.ts';
import { createStore, type Month, monthAfter, monthOf, type Stored } from './store.ts';
import { failuresOf } from './update-failures.ts';

const REPLAY_ROWS = 20_000;
const UPDATE_FAILED = keyOfEventType('app_update_failed');

/** The stored first answer of a batch, or why it could not be stored. */
export type Outcome = { readonly answer: string } | { readonly failure: string };

export type Recorder = ReturnType<typeof createRecorder>;

/**
 * Opens the files in `dir` and brings the aggregates up to the raw rows. `warn` hears of a failed flush, which costs
 * nothing but a replay.
 */
export function createRecorder(dir: string, warn: (message: string) => void) {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const aggregates = openAggregates(join(dir, 'aggregates.db'));
  const store = createStore(dir, aggregates.watermark);
  /** After a failed flush: what is in the raw rows but not in memory has to be read again. */
  let stale = true;
  forgetDroppedMonths();
  replay();

  return {
    record,
    flush,
    exportDevice,
    /** Removes a device's raw rows. They are counted first: erasure does not change aggregates. */
    erase(app: string, devices: readonly Uint8Array[]): number {
      flushOrThrow();
      return store.erase(app, devices);
    },
    dropMonths,
    trimAggregates: aggregates.trim,
    close(): void {
      flush();
      store.close();
      aggregates.close();
    },
  };

  /** Stores batches; when this returns, every one with an answer is on the disk. Never throws for what a batch holds. */
  function record(rows: readonly BatchRow[]): Outcome[] {
    const outcomes = new Map<BatchRow, Outcome>();
    for (const [month, group] of Map.groupBy(rows, (row) => monthOf(row.receivedAtMs))) {
      for (const [row, outcome] of recordGroup(month, group)) outcomes.set(row, outcome);
    }
    if (aggregates.pending() > TELEMETRY_LIMITS.maxPendingAggregates) flush();
    return rows.map((row) => outcomes.get(row) ?? { failure: 'not recorded' });
  }

  function recordGroup(month: Month, rows: readonly BatchRow[]): (readonly [BatchRow, Outcome])[] {
    let stored: Stored[];
    try {
      stored = store.commit(month, rows);
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      if (rows.length <= 1) return rows.map((row) => [row, { failure }] as const);
      // One batch that cannot be stored must not take its neighbours with it.
      return rows.flatMap((row) => recordGroup(month, [row]));
    }
    const outcomes = rows.map((row, index) => [row, settle(row, stored[index])] as const);
    if (!stale) aggregates.reached(month, store.last(month));
    return outcomes;
  }

  function settle(row: BatchRow, stored: Stored | undefined): Outcome {
    if (stored === undefined) return { failure: 'not recorded' };
    if (stored.kind === 'repeat') return { answer: stored.answer };
    if (!stale) count(row, stored.version);
    return { answer: row.answer };
  }

  function count(row: BatchRow, version: string): void {
    const [device] = row.devices;
    if (device === undefined) return;
    const { app } = row;
    const { numbers, values } = row.events;
    const counts = new Map<number, number>();
    for (let at = 0; at < numbers.length; at += PACKED_NUMBERS) {
      const key = (numbers[at + 1] ?? 0) * 256 + (numbers[at] ?? 0);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    let updatesFailed = false;
    for (const [key, n] of counts) {
      if (key % 256 === UPDATE_FAILED) updatesFailed = true;
      aggregates.addEvents({ app, version, device, type: key % 256, day: Math.floor(key / 256), count: n });
    }
    if (values.length > 0) aggregates.addValues({ app, version, device, values });
    if (updatesFailed) for (const failure of failuresOf(row.events)) aggregates.addFailure({ app, device, ...failure });
    const atMs = (numbers[1] ?? 0) * DAY_MS + (numbers[2] ?? 0);
    if (row.crash !== null) {
      aggregates.addCrash({ ...row.crash, app, version, device, atMs, receivedAtMs: row.receivedAtMs });
    }
    if (row.losses !== null) {
      aggregates.addLosses({ app, version, day: Math.floor(row.receivedAtMs / DAY_MS), losses: row.losses });
    }
  }

  /** Brings everything stored so far into aggregates.db. False when that failed; it is then made up for at the next one. */
  function flush(): boolean {
    try {
      flushOrThrow();
      return true;
    } catch (error) {
      warn(
        `Aggregates could not be written and will be replayed: ${error instanceof Error ? error.message : String(error)}`,
      );
      return false;
    }
  }

  function flushOrThrow(): void {
    if (stale) replay();
    stale = true;
    aggregates.flush();
    stale = false;
  }

  function replay(): void {
    aggregates.discard();
    for (const month of store.months()) {
      while (replaySome(month)) aggregates.flush();
    }
    stale = false;
  }

  /** Adds the next rows of a month past its watermark; false when there are none. */
  function replaySome(month: Month): boolean {
    const from = aggregates.watermark(month);
    let { event, batch } = from;
    for (const { id, events, crash, values, failure } of store.eventsAfter(month, event, REPLAY_ROWS)) {
      aggregates.addEvents(events);
      aggregates.addValues(values);
      if (crash !== null) aggregates.addCrash(crash);
      if (failure !== null) aggregates.addFailure(failure);
      event = id;
    }
    for (const { id, losses } of store.lossesAfter(month, batch, REPLAY_ROWS)) {
      if (losses !== null) aggregates.addLosses(losses);
      batch = id;
    }
    if (event === from.event && batch === from.batch) return false;
    aggregates.reached(month, { event, batch });
    return true;
  }

  /** Writes all of a device's rows as one JSON document to `path`, synced and put there whole. */
  function exportDevice(app: string, devices: readonly Uint8Array[], path: string): void {
    const draft = `${path}.new`;
    rmSync(draft, { force: true });
    const file = openSync(draft, 'wx', 0o600);
    try {
      let separator = '{"batches":[';
      for (const batch of store.exportDevice(app, devices)) {
        writeSync(file, `${separator}\n${JSON.stringify(batch)}`);
        separator = ',';
      }
      writeSync(file, separator === ',' ? '\n]}\n' : `${separator}]}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  }

  /** Drops the raw rows of every month whose last day is over `keepDays` ago. */
  function dropMonths(nowMs: number, keepDays: number): { readonly months: Month[]; readonly oldest: Month | null } {
    const old = store
      .months()
      .filter((month) => Date.parse(`${monthAfter(month, 1)}-01T00:00:00Z`) + keepDays * DAY_MS <= nowMs);
    if (old.length > 0) flushOrThrow();
    for (const month of old) {
      store.drop(month);
      aggregates.forgetMonth(month);
    }
    return { months: old, oldest: store.months()[0] ?? null };
  }

  /** A kill between the two steps of `dropMonths` leaves a watermark without its file. */
  function forgetDroppedMonths(): void {
    const there = new Set(store.months());
    for (const month of aggregates.watermarkedMonths()) if (!there.has(month)) aggregates.forgetMonth(month);
  }
}
