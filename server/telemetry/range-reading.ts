/**
 * Owns reading the daily rows of a range: day by day, summed as they come, and never for long at a time. So a year of many
 * versions costs the memory of its answer, and other requests go on meanwhile. It knows no queries and hides nothing.
 */
import { setImmediate } from 'node:timers/promises';
import type { DailyRow, DigestRow } from './aggregate-reader.ts';

/** Milliseconds after which others get their turn. */
const TURN_MS = 8;

/** UTC days by number, both included. */
export interface Days {
  readonly from: number;
  readonly to: number;
}

/** Hands every row of the days to `take`, oldest day first. Rejects with what `read` throws. */
export async function eachRow<Row>(
  { from, to }: Days,
  read: (day: number) => readonly Row[],
  take: (row: Row) => void,
): Promise<void> {
  let since = performance.now();
  for (let day = from; day <= to; day += 1) {
    for (const row of read(day)) take(row);
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
