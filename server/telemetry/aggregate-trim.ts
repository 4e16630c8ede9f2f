/** Owns the removal of aggregates past retention, a bounded piece at a time, so that batches are stored in between. */
import type Database from 'better-sqlite3';
import { DAY_MS } from './limits.ts';
import { keyOfMetric, METRICS } from './metrics.ts';

/** Rows of one table that a piece removes at most; each may have a sketch of 4 KiB. */
const PIECE_ROWS = 1_000;
/** Apps that a piece looks into at most. */
const PIECE_APPS = 200;

/** What a piece removed, and where the next one goes on: after the app of this number; null where there is none. */
export interface Trimmed {
  readonly rows: number;
  readonly crashGroups: number;
  readonly next: number | null;
}

/**
 * Makes the function that removes the aggregates of days before `day` (UTC, since 1970), and crash groups not seen since,
 * of the apps after the given one (0 at first). What is being counted is 90 days old at most, so nothing comes back.
 */
export function createTrim(db: Database.Database) {
  const apps = db.prepare<[number, number], { id: number }>('SELECT id FROM apps WHERE id > ? ORDER BY id LIMIT ?');
  const tables = [
    db.prepare<[number, number, number]>(
      'DELETE FROM daily WHERE id IN (SELECT id FROM daily WHERE app = ? AND day < ? LIMIT ?)',
    ),
    db.prepare<[number, number, number]>(
      `DELETE FROM digests WHERE id IN
       (SELECT id FROM digests WHERE app = ? AND metric IN (${METRICS.map(keyOfMetric).join(', ')}) AND day < ? LIMIT ?)`,
    ),
    db.prepare<[number, number, number]>(
      `DELETE FROM update_failures WHERE (app, day, version_code, reason) IN
       (SELECT app, day, version_code, reason FROM update_failures WHERE app = ? AND day < ? LIMIT ?)`,
    ),
    db.prepare<[number, number, number]>(
      `DELETE FROM losses WHERE (app, day, version, reason) IN
       (SELECT app, day, version, reason FROM losses WHERE app = ? AND day < ? LIMIT ?)`,
    ),
  ];
  const oldGroups = db.prepare<[number, number, number], { id: number }>(
    'SELECT id FROM crash_groups WHERE app = ? AND last_seen < ? LIMIT ?',
  );
  const dropVersions = db.prepare('DELETE FROM crash_group_versions WHERE crash_group = ?');
  const dropGroup = db.prepare('DELETE FROM crash_groups WHERE id = ?');

  return db.transaction((day: number, after: number): Trimmed => {
    const found = apps.all(after, PIECE_APPS);
    let rows = 0;
    let crashGroups = 0;
    let done = after;
    for (const { id } of found) {
      const removed = tables.map((table) => table.run(id, day, PIECE_ROWS).changes);
      const groups = oldGroups.all(id, day * DAY_MS, PIECE_ROWS);
      for (const group of groups) {
        dropVersions.run(group.id);
        dropGroup.run(group.id);
      }
      rows += removed.reduce((sum, count) => sum + count, 0);
      crashGroups += groups.length;
      // This app again: it has more than one piece.
      if (removed.some((count) => count === PIECE_ROWS) || groups.length === PIECE_ROWS)
        return { rows, crashGroups, next: done };
      done = id;
      if (rows + crashGroups >= PIECE_ROWS) return { rows, crashGroups, next: done };
    }
    return { rows, crashGroups, next: found.length < PIECE_APPS ? null : done };
  });
}
