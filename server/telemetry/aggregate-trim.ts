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
 * of the apps after the given one (0 at first), and names of versions that nothing speaks of any more. What is being counted is
 * 90 days old at most, so nothing comes back. Names are asked for anew in each flush, in its transaction, and this runs in one of
 * the same connection: nobody holds the key of one that goes. Rows of `apps` stay; there are no more than apps.
 */
export function createTrim(db: Database.Database) {
  const apps = db.prepare<[number, number], { id: number }>('SELECT id FROM apps WHERE id > ? ORDER BY id LIMIT ?');
  const ofVersions = [
    db.prepare<[number, number, number], Named>(
      'DELETE FROM daily WHERE id IN (SELECT id FROM daily WHERE app = ? AND day < ? LIMIT ?) RETURNING version',
    ),
    db.prepare<[number, number, number], Named>(
      `DELETE FROM digests WHERE id IN
       (SELECT id FROM digests WHERE app = ? AND metric IN (${METRICS.map(keyOfMetric).join(', ')}) AND day < ? LIMIT ?)
       RETURNING version`,
    ),
    db.prepare<[number, number, number], Named>(
      `DELETE FROM losses WHERE (app, day, version, reason) IN
       (SELECT app, day, version, reason FROM losses WHERE app = ? AND day < ? LIMIT ?) RETURNING version`,
    ),
  ];
  const failures = db.prepare<[number, number, number]>(
    `DELETE FROM update_failures WHERE (app, day, version_code, reason) IN
     (SELECT app, day, version_code, reason FROM update_failures WHERE app = ? AND day < ? LIMIT ?)`,
  );
  const oldGroups = db.prepare<[number, number, number], { id: number }>(
    'SELECT id FROM crash_groups WHERE app = ? AND last_seen < ? LIMIT ?',
  );
  const dropGroupVersions = db.prepare<[number], Named>(
    'DELETE FROM crash_group_versions WHERE crash_group = ? RETURNING version',
  );
  const dropGroup = db.prepare('DELETE FROM crash_groups WHERE id = ?');
  const dropUnused = createVersionSweep(db);

  return db.transaction((day: number, after: number): Trimmed => {
    const found = apps.all(after, PIECE_APPS);
    let rows = 0;
    let crashGroups = 0;
    let done = after;
    for (const { id } of found) {
      const named = ofVersions.map((table) => table.all(id, day, PIECE_ROWS));
      const removed = [...named.map(({ length }) => length), failures.run(id, day, PIECE_ROWS).changes];
      const groups = oldGroups.all(id, day * DAY_MS, PIECE_ROWS);
      for (const group of groups) {
        named.push(dropGroupVersions.all(group.id));
        dropGroup.run(group.id);
      }
      dropUnused(id, day, new Set(named.flat().map(({ version }) => version)));
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

interface Named {
  readonly version: number;
}

/** A version that still sends is found within so many days: those that remain are looked through only where one is not. */
const LOOK_DAYS = 7;

/**
 * Makes the function that removes those of an app's versions which nothing names any more; `day` is the first that was kept. Only rows
 * that go can leave a version unnamed, so asking for the versions of those is enough.
 */
function createVersionSweep(db: Database.Database) {
  const soon = db.prepare<[number, number, number], Named>(
    'SELECT DISTINCT version FROM daily WHERE app = ? AND day BETWEEN ? AND ?',
  );
  const anywhere = db.prepare<[{ app: number }], Named>(
    `SELECT version FROM daily WHERE app = @app UNION SELECT version FROM digests WHERE app = @app
     UNION SELECT version FROM losses WHERE app = @app
     UNION SELECT c.version FROM crash_groups g JOIN crash_group_versions c ON c.crash_group = g.id WHERE g.app = @app`,
  );
  const drop = db.prepare<[number]>('DELETE FROM versions WHERE id = ?');
  return (app: number, day: number, versions: Set<number>): void => {
    if (versions.size === 0) return;
    for (const { version } of soon.all(app, day, day + LOOK_DAYS)) versions.delete(version);
    if (versions.size === 0) return;
    for (const { version } of anywhere.all({ app })) versions.delete(version);
    for (const version of versions) drop.run(version);
  };
}
