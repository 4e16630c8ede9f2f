/**
 * Owns reading the daily rows of a range: a few days at once, summed as they come, and never for long. So a year of many
 * versions costs the memory of its answer, and other requests go on meanwhile. It knows no queries and hides nothing.
 */
import { setImmediate } from 'node:timers/promises';
import type { DailyRow, DigestRow } from './aggregate-reader.ts';

/** Milliseconds after which others get their turn. */
const TURN_MS = 8;
/** Rows that are read at once without a thought: a millisecond or two, and a megabyte of sketches. */
const FEW_ROWS = 150;
/** A day of many versions may follow days of few: no more of those are read at once. */
const MOST_DAYS = 4;

/** UTC days by number, both included. */
export interface Days {
  readonly from: number;
  readonly to: number;
}

/**
 * Hands every row of the days to `take`. `read` is asked for a few days at a time (`mostDays` at most), oldest first: for twice
 * as many where the last were few rows, since a query costs as much as some ten rows. Rejects with what `read` throws.
 */
export async function eachRow<Row>(
  { from, to }: Days,
  read: (fromDay: number, toDay: number) => readonly Row[],
  take: (row: Row) => void,
  mostDays = MOST_DAYS,
): Promise<void> {
  let since = performance.now();
  let step = 1;
  for (let day = from; day <= to; ) {
    const last = Math.min(day + step - 1, to);
    const rows = read(day, last);
    for (const row of rows) take(row);
    day = last + 1;
    if (rows.length < FEW_ROWS) step = Math.min(2 * step, mostDays);
    else if (rows.length > 2 * FEW_ROWS) step = 1;
    if (performance.now() - since < TURN_MS) continue;
    await setImmediate();
    since = performance.now();
  }
}

/** Sums rows that are the same in what `keyOf` says; the rest of a sum is as in its first row. The rows given are used up. */
export function createDailySums(keyOf: (row: DailyRow) => string) {
  const sums = new Map<string, { -readonly [Key in keyof DailyRow]: DailyRow[Key] }>();
  return {
    add(row: DailyRow): void {
      const key = keyOf(row);
      const known = sums.get(key);
      if (known === undefined) {
        sums.set(key, { ...row });
        return;
      }
      known.count += row.count;
      known.devices.merge(row.devices);
    },
    rows: (): DailyRow[] => [...sums.values()],
  };
}

/** The same for digests. */
export function createDigestSums(keyOf: (row: DigestRow) => string) {
  const sums = new Map<string, DigestRow>();
  return {
    add(row: DigestRow): void {
      const key = keyOf(row);
      const known = sums.get(key);
      if (known === undefined) {
        sums.set(key, row);
        return;
      }
      known.digest.merge(row.digest);
      known.devices.merge(row.devices);
    },
    rows: (): DigestRow[] => [...sums.values()],
  };
}
