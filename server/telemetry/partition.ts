/**
 * Owns one month's file of raw telemetry: its tables, the writing of batches, the finding of repeats, and reading rows on.
 * It opens no transaction of its own but for `erase`, knows no aggregates, and no other month.
 */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { PACKED_NUMBERS, type PackedEvents, packedCount } from './bodies.ts';
import { addColumn } from './columns.ts';
import { EVENT_TYPES, eventTypeOfKey, keyOfEventType } from './events-schema.ts';
import type { CountedFailure } from './failure-tally.ts';
import { DAY_MS, OTHER, TELEMETRY_LIMITS } from './limits.ts';
import { parseLosses } from './losses.ts';
import { packValues } from './metrics.ts';
import { EVENT_COLUMNS, type EventRow, PARTITION_SCHEMA, preparePartition } from './partition-statements.ts';
import type {
  BatchRow,
  Counted,
  CountedCrash,
  CountedEvents,
  CountedLosses,
  CountedValues,
  ExportedBatch,
} from './rows.ts';
import { failureOf } from './update-failures.ts';

interface VersionKey {
  readonly id: number;
  readonly name: string;
}

/** One row as the aggregates need it. */
export interface StoredEvent {
  readonly id: number;
  readonly events: CountedEvents;
  readonly crash: CountedCrash | null;
  readonly values: CountedValues;
  readonly failure: CountedFailure | null;
}

/** What one batch lost, if anything, as the aggregates need it. */
export interface StoredLosses {
  readonly id: number;
  readonly losses: CountedLosses | null;
}

const UPDATE_FAILED = keyOfEventType('app_update_failed');

export type Partition = ReturnType<typeof openPartition>;

/**
 * Opens or makes the file of one month. Ids go on above both the rows there and `used`, the highest ids that the
 * aggregates have counted: an id is never given twice, even after an erasure took the last rows.
 */
export function openPartition(path: string, used: Counted) {
  const db = new Database(path, { timeout: 5_000 });
  db.pragma('journal_mode = WAL');
  // An answer 202 promises that the batch survives a power cut (docs/ARCHITECTURE.md, Data).
  db.pragma('synchronous = FULL');
  db.pragma('secure_delete = ON');
  db.pragma('cache_size = -8000');
  db.pragma('wal_autocheckpoint = 4000');
  db.exec(PARTITION_SCHEMA);
  addColumn(db, 'batches', 'losses', 'TEXT');
  addColumn(db, 'batches', 'network', 'INTEGER NOT NULL DEFAULT 0');
  const addType = db.prepare('INSERT OR IGNORE INTO types (id, name) VALUES (?, ?)');
  db.transaction(() => {
    for (const type of EVENT_TYPES) addType.run(type.key, type.name);
  })();
  syncFolder(dirname(path));

  const statements = preparePartition(db);
  let appKeys = new Map<string, number>();
  let versionKeys = new Map<string, VersionKey>();
  let nextId = Math.max(statements.lastEvent.get()?.id ?? 0, used.event) + 1;
  let nextBatch = Math.max(statements.lastBatch.get()?.id ?? 0, used.batch) + 1;

  return {
    /** For the store's transactions. */
    db,
    /** The ids of the newest event and batch ever stored here. */
    last: (): Counted => ({ event: nextId - 1, batch: nextBatch - 1 }),
    findAnswer,
    insert,
    /** To be called when a transaction with `insert`s was rolled back: what was learnt in it is no longer there. */
    forget(): void {
      appKeys = new Map();
      versionKeys = new Map();
    },
    *eventsAfter(id: number, limit: number): Generator<StoredEvent> {
      for (const row of statements.eventsAfter.iterate(id, limit)) yield storedEvent(row);
    },
    *lossesAfter(id: number, limit: number): Generator<StoredLosses> {
      for (const row of statements.batchesAfter.iterate(id, limit)) {
        const { app, version, receivedAt } = row;
        const losses = row.losses === null ? null : parseLosses(row.losses);
        const day = Math.floor(receivedAt / DAY_MS);
        yield { id: row.id, losses: losses === null ? null : { app, version, day, losses } };
      }
    },
    exportDevice,
    erase,
    close: (): void => {
      db.close();
    },
  };

  /** The first answer to this batch, if the file has it. A batch is found under any of the device's hashes. */
  function findAnswer(row: BatchRow): string | null {
    const app = appKeys.get(row.app) ?? statements.findApp.get(row.app)?.id;
    if (app === undefined) return null;
    for (const device of row.devices) {
      const found = statements.findBatch.get(app, device, row.batchId);
      if (found !== undefined) return found.answer;
    }
    return null;
  }

  /** Inserts batches, their events and crashes; returns the version name each was stored under. Needs an open transaction. */
  function insert(rows: readonly BatchRow[]): string[] {
    const versions: string[] = [];
    for (const row of rows) {
      const [device] = row.devices;
      if (device === undefined) throw new Error('A batch without a device hash');
      const app = appKey(row.app);
      const version = versionKey(app, row.version);
      versions.push(version.name);
      const batch = nextBatch;
      nextBatch += 1;
      statements.addBatch.run(
        batch,
        app,
        device,
        row.batchId,
        version.id,
        row.versionCode,
        row.mosisVersion,
        row.receivedAtMs,
        nextId,
        packedCount(row.events),
        row.answer,
        row.losses === null ? null : JSON.stringify(row.losses),
        row.network,
      );
      const crash = row.crash;
      if (crash !== null) {
        const { fingerprint, title, crashType, message, stackTrace, context } = crash;
        statements.addCrash.run(nextId, fingerprint, title, crashType, message, stackTrace, context);
      }
      insertEvents(batch, row.events);
    }
    return versions;
  }

  function insertEvents(batch: number, { numbers, data }: PackedEvents): void {
    let at = 0;
    let dataAt = 0;
    for (const { rows, statement } of statements.addEvents) {
      const size = rows * PACKED_NUMBERS;
      for (; numbers.length - at >= size; at += size) {
        const values = new Array<number | string | null>(rows * EVENT_COLUMNS);
        for (let i = 0; i < size; i += PACKED_NUMBERS) {
          const length = numbers[at + i + 3] ?? -1;
          values[i] = numbers[at + i] ?? 0;
          values[i + 1] = numbers[at + i + 1] ?? 0;
          values[i + 2] = numbers[at + i + 2] ?? 0;
          values[i + 3] = length < 0 ? null : data.slice(dataAt, dataAt + length);
          if (length > 0) dataAt += length;
        }
        statement.run(values, { id: nextId, batch });
        nextId += rows;
      }
    }
  }

  function appKey(app: string): number {
    const known = appKeys.get(app);
    if (known !== undefined) return known;
    const key = statements.findApp.get(app)?.id ?? Number(statements.addApp.run(app).lastInsertRowid);
    appKeys.set(app, key);
    return key;
  }

  function versionKey(app: number, name: string): VersionKey {
    const cacheKey = `${app} ${name}`;
    const known = versionKeys.get(cacheKey);
    if (known !== undefined) return known;
    const stored = statements.findVersion.get(app, name)?.id;
    const full = name !== OTHER && (statements.countVersions.get(app)?.n ?? 0) >= TELEMETRY_LIMITS.maxVersionsPerApp;
    if (stored === undefined && full) return versionKey(app, OTHER);
    const key = { id: stored ?? Number(statements.addVersion.run(app, name).lastInsertRowid), name };
    versionKeys.set(cacheKey, key);
    return key;
  }

  /** Everything stored of a device, batch by batch. */
  function* exportDevice(app: string, devices: readonly Uint8Array[]): Generator<ExportedBatch> {
    const key = statements.findApp.get(app)?.id;
    if (key === undefined) return;
    for (const device of devices) {
      for (const { id } of statements.batchesOfDevice.all(key, device)) {
        const batch = statements.batch.get(id);
        if (batch === undefined) continue;
        const events = statements.eventsOfBatch.all(batch.first, batch.first + batch.count - 1).map((row) => ({
          type: eventTypeOfKey(row.type),
          at: new Date(row.day * DAY_MS + row.ms).toISOString(),
          ...(row.data === null ? {} : { data: parseJson(row.data) }),
          ...(row.message === null
            ? {}
            : {
                crash: {
                  crash_type: row.crashType,
                  message: row.message,
                  stack_trace: row.stackTrace,
                  ...(row.context === null ? {} : { context: parseJson(row.context) }),
                },
              }),
        }));
        yield {
          batch_id: Buffer.from(batch.batch).toString('hex'),
          received_at: new Date(batch.receivedAt).toISOString(),
          app_version: batch.version,
          mosis_version: batch.mosisVersion,
          ...(batch.network === 0 ? {} : { network: batch.network }),
          ...(batch.losses === null ? {} : { lost: parseLosses(batch.losses) }),
          events,
        };
      }
    }
  }

  /** Removes everything stored of a device, overwritten in the file and its log. Returns the events removed. */
  function erase(app: string, devices: readonly Uint8Array[]): number {
    const key = statements.findApp.get(app)?.id;
    if (key === undefined) return 0;
    let removed = 0;
    db.transaction(() => {
      for (const device of devices) {
        for (const { id, first, count } of statements.batchesOfDevice.all(key, device)) {
          statements.removeCrashes.run(first, first + count - 1);
          removed += statements.removeEvents.run(first, first + count - 1).changes;
          statements.removeBatch.run(id);
        }
      }
    }).immediate();
    db.pragma('wal_checkpoint(TRUNCATE)');
    return removed;
  }
}

function storedEvent(row: EventRow): StoredEvent {
  const { id, app, version, device, type, day, ms } = row;
  const values: number[] = [];
  if (row.data !== null) packValues(values, type, day, parseJson(row.data));
  const failure = row.data === null || type !== UPDATE_FAILED ? null : failureOf(row.data);
  const { fingerprint, title, crashType, message, stackTrace, context } = row;
  const isCrash = fingerprint != null && title != null && crashType != null && message != null && stackTrace != null;
  return {
    id,
    events: { app, version, device, type, day, count: 1 },
    values: { app, version, device, values },
    failure: failure === null ? null : { app, device, day, ...failure },
    crash: isCrash
      ? {
          app,
          version,
          device,
          atMs: day * DAY_MS + ms,
          receivedAtMs: row.receivedAt,
          fingerprint,
          title,
          crashType,
          message,
          stackTrace,
          context: context ?? null,
        }
      : null,
  };
}

function parseJson(text: string): unknown {
  return JSON.parse(text);
}

/** A new file's name is durable only with its folder. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  fsyncSync(folder);
  closeSync(folder);
}
