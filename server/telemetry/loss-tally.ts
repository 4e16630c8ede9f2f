/** Owns the part of aggregates.db that counts lost events by day of receipt, version and reason. */
import type Database from 'better-sqlite3';
import type { CountedLosses } from './rows.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS losses (
    app INTEGER NOT NULL, day INTEGER NOT NULL, version INTEGER NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (app, day, version, reason)
  ) STRICT, WITHOUT ROWID;
`;

/** The keys of an app and of its version in this file; to be asked inside the flush. */
export interface AggregateKeys {
  readonly app: (app: string) => number;
  readonly version: (app: number, name: string) => number;
}

/** What is added is in memory until `write`, which needs the flush's open transaction; `discard` empties it. */
export function createLossTally(db: Database.Database) {
  db.exec(SCHEMA);
  const add = db.prepare(
    `INSERT INTO losses (app, day, version, reason, count) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (app, day, version, reason) DO UPDATE SET count = count + excluded.count`,
  );
  let waiting: CountedLosses[] = [];
  return {
    pending: (): number => waiting.length,
    add: (losses: CountedLosses): void => void waiting.push(losses),
    discard: (): void => {
      waiting = [];
    },
    write(keys: AggregateKeys): void {
      for (const { app, version, day, losses } of waiting) {
        const appKey = keys.app(app);
        const versionKey = keys.version(appKey, version);
        for (const [reason, count] of Object.entries(losses)) add.run(appKey, day, versionKey, reason, count);
      }
    },
  };
}
