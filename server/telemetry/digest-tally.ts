/** Owns the part of aggregates.db that keeps digests of measured values by day, metric and version. */
import type Database from 'better-sqlite3';
import { Digest } from './digest.ts';
import type { AggregateKeys } from './loss-tally.ts';
import { partsOfSlot, VALUE_NUMBERS } from './metrics.ts';
import type { CountedValues } from './rows.ts';
import { Sketch } from './sketch.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS digests (
    id INTEGER PRIMARY KEY, app INTEGER NOT NULL, metric INTEGER NOT NULL, day INTEGER NOT NULL, version INTEGER NOT NULL,
    buckets BLOB NOT NULL, devices BLOB NOT NULL, UNIQUE (app, metric, day, version)
  ) STRICT;
`;

interface Delta {
  readonly app: string;
  readonly version: string;
  readonly slot: number;
  readonly digest: Digest;
  readonly devices: Sketch;
}

/** What is added is in memory until `write`, which needs the flush's open transaction; `discard` empties it. */
export function createDigestTally(db: Database.Database) {
  db.exec(SCHEMA);
  const find = db.prepare<[number, number, number, number], { id: number; buckets: Uint8Array; devices: Uint8Array }>(
    'SELECT id, buckets, devices FROM digests WHERE app = ? AND metric = ? AND day = ? AND version = ?',
  );
  const insert = db.prepare(
    'INSERT INTO digests (app, metric, day, version, buckets, devices) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const update = db.prepare('UPDATE digests SET buckets = ?, devices = ? WHERE id = ?');
  const deltas = new Map<string, Delta>();
  return {
    pending: (): number => deltas.size,
    discard: (): void => deltas.clear(),
    add({ app, version, device, values }: CountedValues): void {
      // A batch names few slots many times.
      const slots = new Map<number, Delta>();
      for (let at = 0; at < values.length; at += VALUE_NUMBERS) {
        const slot = values[at] ?? 0;
        let delta = slots.get(slot);
        if (delta === undefined) {
          delta = deltaOf(app, version, slot);
          delta.devices.add(device);
          slots.set(slot, delta);
        }
        delta.digest.add(values[at + 1] ?? 0);
      }
    },
    write(keys: AggregateKeys): void {
      for (const { app, version, slot, digest, devices } of deltas.values()) {
        const { day, metric } = partsOfSlot(slot);
        const appKey = keys.app(app);
        const versionKey = keys.version(appKey, version);
        const stored = find.get(appKey, metric, day, versionKey);
        if (stored === undefined) {
          insert.run(appKey, metric, day, versionKey, digest.toBytes(), devices.toBytes());
          continue;
        }
        // Into the stored one, which is soon let go of: the others stay small while all are written.
        const both = Digest.fromBytes(stored.buckets);
        both.merge(digest);
        devices.merge(Sketch.fromBytes(stored.devices));
        update.run(both.toBytes(), devices.toBytes(), stored.id);
      }
    },
  };

  function deltaOf(app: string, version: string, slot: number): Delta {
    const key = `${app} ${slot} ${version}`;
    const known = deltas.get(key);
    if (known !== undefined) return known;
    const delta = { app, version, slot, digest: new Digest(), devices: new Sketch() };
    deltas.set(key, delta);
    return delta;
  }
}
