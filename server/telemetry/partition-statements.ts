/** Owns the tables of one month's file of raw telemetry, and every statement over them. It decides nothing. */
import type Database from 'better-sqlite3';
import { keyOfEventType } from './events-schema.ts';
import { MEASURED_TYPES } from './metrics.ts';
import type { CrashDetails } from './rows.ts';

/** Events hold no app, version or device: these are their batch's, whose events are neighbours. `day` and `ms` are UTC. */
export const PARTITION_SCHEMA = `
  CREATE TABLE IF NOT EXISTS types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE IF NOT EXISTS apps (id INTEGER PRIMARY KEY, app TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE IF NOT EXISTS versions (
    id INTEGER PRIMARY KEY, app INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (app, name)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY, app INTEGER NOT NULL, device BLOB NOT NULL, batch BLOB NOT NULL, version INTEGER NOT NULL,
    version_code INTEGER, mosis_version TEXT NOT NULL, received_at INTEGER NOT NULL,
    first_event INTEGER NOT NULL, event_count INTEGER NOT NULL, answer TEXT NOT NULL, losses TEXT,
    network INTEGER NOT NULL DEFAULT 0,
    UNIQUE (app, device, batch)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, type INTEGER NOT NULL, day INTEGER NOT NULL, ms INTEGER NOT NULL, data TEXT
  ) STRICT;
  CREATE TABLE IF NOT EXISTS crashes (
    event INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, title TEXT NOT NULL, crash_type TEXT NOT NULL,
    message TEXT NOT NULL, stack_trace TEXT NOT NULL, context TEXT
  ) STRICT;
`;
/** Columns of an event that are not its batch's: type, day, ms, data. */
export const EVENT_COLUMNS = 4;
/** How many rows an INSERT takes at once: any number of events is a sum of few of these. */
export const CHUNK_ROWS = [64, 16, 4, 1] as const;
export type ChunkRows = (typeof CHUNK_ROWS)[number];
/** The first event's id is `@id`, each next one is higher by one. Fewer values to bind make half the difference to one row at a time. */
const insertEvents = (rows: number): string =>
  `INSERT INTO events (id, batch, type, day, ms, data) VALUES ${Array.from({ length: rows }, (_, i) => `(@id + ${i}, @batch, ?, ?, ?, ?)`).join(', ')}`;

/** The types whose data the aggregates count. */
const COUNTED_DATA = [...MEASURED_TYPES, keyOfEventType('app_update_failed')];

const CRASH_COLUMNS =
  'c.fingerprint, c.title, c.crash_type AS crashType, c.message, c.stack_trace AS stackTrace, c.context';

/** An event with what its batch and its crash, if it is one, say of it. */
export interface EventRow extends Partial<CrashDetails> {
  readonly id: number;
  readonly app: string;
  readonly version: string;
  readonly device: Uint8Array;
  readonly type: number;
  readonly day: number;
  readonly ms: number;
  readonly receivedAt: number;
  /** JSON; null also where nothing of the type's data is counted. */
  readonly data: string | null;
}

/** Prepares them all once for an open file. */
export function preparePartition(db: Database.Database) {
  return {
    lastEvent: db.prepare<[], { id: number | null }>('SELECT max(id) AS id FROM events'),
    lastBatch: db.prepare<[], { id: number | null }>('SELECT max(id) AS id FROM batches'),
    findApp: db.prepare<[string], { id: number }>('SELECT id FROM apps WHERE app = ?'),
    addApp: db.prepare('INSERT INTO apps (app) VALUES (?)'),
    findVersion: db.prepare<[number, string], { id: number }>('SELECT id FROM versions WHERE app = ? AND name = ?'),
    countVersions: db.prepare<[number], { n: number }>('SELECT count(*) AS n FROM versions WHERE app = ?'),
    addVersion: db.prepare('INSERT INTO versions (app, name) VALUES (?, ?)'),
    findBatch: db.prepare<[number, Uint8Array, Uint8Array], { answer: string }>(
      'SELECT answer FROM batches WHERE app = ? AND device = ? AND batch = ?',
    ),
    addBatch: db.prepare(
      `INSERT INTO batches (id, app, device, batch, version, version_code, mosis_version, received_at, first_event, event_count, answer, losses, network)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    addEvents: CHUNK_ROWS.map((rows) => ({ rows, statement: db.prepare(insertEvents(rows)) })),
    addCrash: db.prepare(
      `INSERT INTO crashes (event, fingerprint, title, crash_type, message, stack_trace, context) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    eventsAfter: db.prepare<[number, number], EventRow>(
      `SELECT e.id, a.app, v.name AS version, b.device, b.received_at AS receivedAt, e.type, e.day, e.ms,
         CASE WHEN e.type IN (${COUNTED_DATA.join(', ')}) THEN e.data END AS data, ${CRASH_COLUMNS}
       FROM events e JOIN batches b ON b.id = e.batch JOIN apps a ON a.id = b.app JOIN versions v ON v.id = b.version
       LEFT JOIN crashes c ON c.event = e.id WHERE e.id > ? ORDER BY e.id LIMIT ?`,
    ),
    batchesAfter: db.prepare<
      [number, number],
      { id: number; app: string; version: string; receivedAt: number; losses: string | null }
    >(
      `SELECT b.id, a.app, v.name AS version, b.received_at AS receivedAt, b.losses
       FROM batches b JOIN apps a ON a.id = b.app JOIN versions v ON v.id = b.version WHERE b.id > ? ORDER BY b.id LIMIT ?`,
    ),
    batchesOfDevice: db.prepare<[number, Uint8Array], { id: number; first: number; count: number }>(
      'SELECT id, first_event AS first, event_count AS count FROM batches WHERE app = ? AND device = ?',
    ),
    batch: db.prepare<
      [number],
      {
        batch: Uint8Array;
        receivedAt: number;
        version: string;
        mosisVersion: string;
        first: number;
        count: number;
        losses: string | null;
        network: number;
      }
    >(
      `SELECT b.batch, b.received_at AS receivedAt, v.name AS version, b.mosis_version AS mosisVersion,
         b.first_event AS first, b.event_count AS count, b.losses, b.network FROM batches b JOIN versions v ON v.id = b.version WHERE b.id = ?`,
    ),
    eventsOfBatch: db.prepare<
      [number, number],
      {
        type: number;
        day: number;
        ms: number;
        data: string | null;
        crashType: string | null;
        message: string | null;
        stackTrace: string | null;
        context: string | null;
      }
    >(
      `SELECT e.type, e.day, e.ms, e.data, ${CRASH_COLUMNS} FROM events e LEFT JOIN crashes c ON c.event = e.id
       WHERE e.id BETWEEN ? AND ? ORDER BY e.id`,
    ),
    removeCrashes: db.prepare('DELETE FROM crashes WHERE event BETWEEN ? AND ?'),
    removeEvents: db.prepare('DELETE FROM events WHERE id BETWEEN ? AND ?'),
    removeBatch: db.prepare('DELETE FROM batches WHERE id = ?'),
  };
}
