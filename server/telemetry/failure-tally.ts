/** Owns the part of aggregates.db that counts failed updates by day, version code and reason, with their devices. */
import type Database from 'better-sqlite3';
import { TELEMETRY_LIMITS } from './limits.ts';
import type { AggregateKeys } from './loss-tally.ts';
import { Sketch } from './sketch.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS update_failures (
    app INTEGER NOT NULL, day INTEGER NOT NULL, version_code INTEGER NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
    devices BLOB NOT NULL, PRIMARY KEY (app, day, version_code, reason)
  ) STRICT, WITHOUT ROWID;
`;

/** What failures past the number kept of an app and day are counted under; no version has this code. */
export const OVERFLOW_FAILURE = { versionCode: 0, reason: '' } as const;

/** A failed update on its way into the aggregates; `day` is that of the event. */
export interface CountedFailure {
  readonly app: string;
  readonly device: Uint8Array;
  readonly day: number;
  /** The code that the device could not be updated to. */
  readonly versionCode: number;
  readonly reason: string;
}

interface Delta extends Omit<CountedFailure, 'device'> {
  count: number;
  readonly devices: Sketch;
}

/** What is added is in memory until `write`, which needs the flush's open transaction; `discard` empties it. */
export function createFailureTally(db: Database.Database) {
  db.exec(SCHEMA);
  const find = db.prepare<[number, number, number, string], { devices: Uint8Array }>(
    'SELECT devices FROM update_failures WHERE app = ? AND day = ? AND version_code = ? AND reason = ?',
  );
  const kept = db.prepare<[number, number], { n: number }>(
    'SELECT count(*) AS n FROM update_failures WHERE app = ? AND day = ?',
  );
  const put = db.prepare(
    `INSERT INTO update_failures (app, day, version_code, reason, count, devices) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (app, day, version_code, reason) DO UPDATE SET count = count + excluded.count, devices = excluded.devices`,
  );
  const deltas = new Map<string, Delta>();
  return {
    pending: (): number => deltas.size,
    discard: (): void => deltas.clear(),
    add({ app, device, day, versionCode, reason }: CountedFailure): void {
      const key = `${app} ${day} ${versionCode} ${reason}`;
      const delta = deltas.get(key) ?? { app, day, versionCode, reason, count: 0, devices: new Sketch() };
      delta.count += 1;
      delta.devices.add(device);
      deltas.set(key, delta);
    },
    write(keys: AggregateKeys): void {
      for (const { app, day, count, devices, ...delta } of deltas.values()) {
        const appKey = keys.app(app);
        let { versionCode, reason } = delta;
        let stored = find.get(appKey, day, versionCode, reason);
        if (stored === undefined && (kept.get(appKey, day)?.n ?? 0) >= TELEMETRY_LIMITS.maxFailuresPerAppAndDay) {
          ({ versionCode, reason } = OVERFLOW_FAILURE);
          stored = find.get(appKey, day, versionCode, reason);
        }
        if (stored !== undefined) devices.merge(Sketch.fromBytes(stored.devices));
        put.run(appKey, day, versionCode, reason, count, devices.toBytes());
      }
    },
  };
}
