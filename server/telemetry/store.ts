/**
 * Owns the raw telemetry files together: which month a batch goes to, repeats across months, group commit, retention.
 * It runs in the writer's thread and is the only one that writes these files.
 */
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DROPPED } from './dropped-files.ts';
import { openPartition, type Partition } from './partition.ts';
import type { BatchRow, Counted, ExportedBatch } from './rows.ts';

/** `YYYY-MM`, a UTC month. */
export type Month = string;

/** What became of one batch: stored now, or a repeat of one that was. */
export type Stored =
  | { readonly kind: 'new'; readonly version: string; readonly month: Month }
  | { readonly kind: 'repeat'; readonly answer: string };

export type TelemetryStore = ReturnType<typeof createStore>;

/** The UTC month of a time. */
export function monthOf(ms: number): Month {
  return new Date(ms).toISOString().slice(0, 7);
}

/** The month `steps` later. */
export function monthAfter(month: Month, steps: number): Month {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return monthOf(Date.UTC(year, number - 1 + steps, 1));
}

/** Opens the folder; files open when they are needed. `counted` tells how much of a month the aggregates hold. */
export function createStore(dir: string, counted: (month: Month) => Counted) {
  const open = new Map<Month, Partition>();

  return {
    months,
    commit,
    last: (month: Month): Counted => partition(month).last(),
    eventsAfter: (month: Month, id: number, limit: number) => partition(month).eventsAfter(id, limit),
    lossesAfter: (month: Month, id: number, limit: number) => partition(month).lossesAfter(id, limit),
    *exportDevice(app: string, devices: readonly Uint8Array[]): Generator<ExportedBatch> {
      for (const month of months()) yield* partition(month).exportDevice(app, devices);
    },
    erase(app: string, devices: readonly Uint8Array[]): number {
      return months().reduce((removed, month) => removed + partition(month).erase(app, devices), 0);
    },
    /** Lets go of a month. Its file is only renamed, which takes no time however large it is (dropped-files.ts). */
    drop(month: Month): void {
      open.get(month)?.close();
      open.delete(month);
      const path = join(dir, `${month}.db`);
      // The file itself goes first: a kill in between leaves at most a log without a file, which is nothing.
      renameSync(path, `${path}${DROPPED}`);
      for (const end of ['-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
    },
    close(): void {
      for (const one of open.values()) one.close();
      open.clear();
    },
  };

  /** The months that have a file, oldest first. */
  function months(): Month[] {
    return readdirSync(dir)
      .filter((name) => /^\d{4}-\d{2}\.db$/.test(name))
      .map((name) => name.slice(0, 7))
      .sort();
  }

  function partition(month: Month): Partition {
    const known = open.get(month);
    if (known !== undefined) return known;
    const opened = openPartition(join(dir, `${month}.db`), counted(month));
    open.set(month, opened);
    return opened;
  }

  /**
   * Stores batches of one month in one transaction, synced to the disk when this returns. A batch that this month, the
   * one before or (after a clock was set back) the one after has already is a repeat. Throws with nothing stored.
   */
  function commit(month: Month, rows: readonly BatchRow[]): Stored[] {
    closeOldExcept(month);
    const target = partition(month);
    const there = new Set(months());
    const neighbours = [monthAfter(month, -1), monthAfter(month, 1)].filter((one) => there.has(one)).map(partition);
    try {
      return target.db
        .transaction((): Stored[] => {
          const fresh: BatchRow[] = [];
          const places: ({ readonly fresh: number } | { readonly answer: string })[] = [];
          const seen = new Map<string, BatchRow>();
          for (const row of rows) {
            const names = repeatKeys(row);
            const answer =
              names.map((name) => seen.get(name)?.answer).find((one) => one !== undefined) ??
              target.findAnswer(row) ??
              firstAnswer(neighbours, row);
            if (answer !== null) {
              places.push({ answer });
              continue;
            }
            for (const name of names) seen.set(name, row);
            places.push({ fresh: fresh.push(row) - 1 });
          }
          const versions = target.insert(fresh);
          return places.map((place) =>
            'answer' in place
              ? { kind: 'repeat', answer: place.answer }
              : { kind: 'new', version: versions[place.fresh] ?? '', month },
          );
        })
        .immediate();
    } catch (error) {
      target.forget();
      throw error;
    }
  }

  function closeOldExcept(month: Month): void {
    const near = [monthAfter(month, -1), month, monthAfter(month, 1)];
    for (const [name, one] of open) {
      if (near.includes(name)) continue;
      one.close();
      open.delete(name);
    }
  }
}

function firstAnswer(partitions: readonly Partition[], row: BatchRow): string | null {
  for (const one of partitions) {
    const answer = one.findAnswer(row);
    if (answer !== null) return answer;
  }
  return null;
}

/** Repeats inside one transaction: one for each hash, for between the two the secret may have been rotated. */
function repeatKeys(row: BatchRow): string[] {
  const batch = hex(row.batchId);
  return row.devices.map((device) => `${row.app} ${hex(device)} ${batch}`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
