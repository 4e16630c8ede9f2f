/**
 * Owns the writing of aggregates.db: daily counts and device sketches, crash groups, and how far each month's raw rows
 * are in them. No device hash is ever stored here, because aggregates outlive erasure and retention.
 */
import Database from 'better-sqlite3';
import { createTrim, type Trimmed } from './aggregate-trim.ts';
import { addColumn } from './columns.ts';
import { createDigestTally } from './digest-tally.ts';
import { createFailureTally } from './failure-tally.ts';
import { DAY_MS, OTHER, TELEMETRY_LIMITS } from './limits.ts';
import { createLossTally } from './loss-tally.ts';
import type { Counted, CountedCrash, CountedEvents } from './rows.ts';
import { Sketch } from './sketch.ts';
import type { Month } from './store.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS watermarks (
    month TEXT PRIMARY KEY, last_event INTEGER NOT NULL, last_batch INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS apps (id INTEGER PRIMARY KEY, app TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE IF NOT EXISTS versions (
    id INTEGER PRIMARY KEY, app INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (app, name)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS daily (
    id INTEGER PRIMARY KEY, app INTEGER NOT NULL, day INTEGER NOT NULL, type INTEGER NOT NULL, version INTEGER NOT NULL,
    count INTEGER NOT NULL, devices BLOB NOT NULL, UNIQUE (app, day, type, version)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS crash_groups (
    id INTEGER PRIMARY KEY, app INTEGER NOT NULL, fingerprint TEXT NOT NULL, title TEXT NOT NULL, crash_type TEXT NOT NULL,
    message TEXT NOT NULL, stack_trace TEXT NOT NULL, context TEXT, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    count INTEGER NOT NULL, devices BLOB NOT NULL, device_count INTEGER NOT NULL DEFAULT 0, UNIQUE (app, fingerprint)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS crash_groups_by_time ON crash_groups (app, last_seen DESC, id DESC);
  CREATE TABLE IF NOT EXISTS crash_group_versions (
    crash_group INTEGER NOT NULL, version INTEGER NOT NULL, count INTEGER NOT NULL, last_received INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (crash_group, version)
  ) STRICT, WITHOUT ROWID;
`;

/** Where crashes go once an app has its cap of groups. */
export const OVERFLOW_FINGERPRINT = '0'.repeat(32);

interface DailyDelta {
  readonly app: string;
  readonly version: string;
  readonly day: number;
  readonly type: number;
  count: number;
  readonly devices: Sketch;
}

interface CrashDelta {
  readonly app: string;
  /** The first report is the group's sample. */
  readonly sample: CountedCrash;
  firstSeenMs: number;
  lastSeenMs: number;
  count: number;
  readonly devices: Sketch;
  readonly versions: Map<string, { count: number; lastReceivedMs: number }>;
}

export type AggregatesWriter = ReturnType<typeof openAggregates>;

/** Opens or makes the file. What is added is in memory until `flush` commits it together with the watermarks. */
export function openAggregates(path: string) {
  const db = new Database(path, { timeout: 5_000 });
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('cache_size = -4000');
  db.exec(SCHEMA);
  // A file of an earlier release has counted no losses yet: they are replayed from the first batch on.
  addColumn(db, 'watermarks', 'last_batch', 'INTEGER NOT NULL DEFAULT 0');
  addColumn(db, 'crash_group_versions', 'last_received', 'INTEGER NOT NULL DEFAULT 0');
  addColumn(db, 'crash_groups', 'device_count', 'INTEGER NOT NULL DEFAULT 0');
  const statements = prepareStatements(db);
  const daily = new Map<string, DailyDelta>();
  const crashes = new Map<string, CrashDelta>();
  const losses = createLossTally(db);
  const digests = createDigestTally(db);
  const failures = createFailureTally(db);
  const watermarks = new Map<Month, Counted>();
  const flushTransaction = db.transaction(writeDeltas);
  const trim = createTrim(db);

  return {
    /** How much of a month the file counts. */
    watermark: (month: Month): Counted => statements.watermark.get(month) ?? { event: 0, batch: 0 },
    watermarkedMonths: (): Month[] => statements.months.all().map(({ month }) => month),
    forgetMonth: (month: Month): void => {
      watermarks.delete(month);
      statements.removeWatermark.run(month);
    },
    pending: (): number => daily.size + crashes.size + losses.pending() + digests.pending() + failures.pending(),
    addEvents,
    addCrash,
    addLosses: losses.add,
    addValues: digests.add,
    addFailure: failures.add,
    /** Every event and batch of the month up to these ids has been added. */
    reached: (month: Month, last: Counted): void => {
      watermarks.set(month, last);
    },
    /** Commits what was added since the last flush. When it throws, all of it is dropped from memory: replay it from the watermarks. */
    flush(): void {
      if (watermarks.size === 0) return;
      try {
        flushTransaction.immediate();
      } finally {
        discard();
      }
    },
    discard,
    /** Removes a piece of what is past retention (see `createTrim`). */
    trim: (day: number, after: number): Trimmed => trim.immediate(day, after),
    close: (): void => {
      db.close();
    },
  };

  /** Drops what was added since the last flush. */
  function discard(): void {
    daily.clear();
    crashes.clear();
    losses.discard();
    digests.discard();
    failures.discard();
    watermarks.clear();
  }

  function addEvents(events: CountedEvents): void {
    const key = `${events.app} ${events.day} ${events.type} ${events.version}`;
    let delta = daily.get(key);
    if (delta === undefined) {
      const { app, version, day, type } = events;
      delta = { app, version, day, type, count: 0, devices: new Sketch() };
      daily.set(key, delta);
    }
    delta.count += events.count;
    delta.devices.add(events.device);
  }

  function addCrash(crash: CountedCrash): void {
    const key = `${crash.app} ${crash.fingerprint}`;
    let delta = crashes.get(key);
    if (delta === undefined) {
      const { app, atMs } = crash;
      delta = {
        app,
        sample: crash,
        firstSeenMs: atMs,
        lastSeenMs: atMs,
        count: 0,
        devices: new Sketch(),
        versions: new Map(),
      };
      crashes.set(key, delta);
    }
    delta.firstSeenMs = Math.min(delta.firstSeenMs, crash.atMs);
    delta.lastSeenMs = Math.max(delta.lastSeenMs, crash.atMs);
    delta.count += 1;
    delta.devices.add(crash.device);
    const seen = delta.versions.get(crash.version) ?? { count: 0, lastReceivedMs: 0 };
    seen.count += 1;
    seen.lastReceivedMs = Math.max(seen.lastReceivedMs, crash.receivedAtMs);
    delta.versions.set(crash.version, seen);
  }

  function writeDeltas(): void {
    for (const delta of daily.values()) {
      const app = appKey(delta.app);
      const version = versionKey(app, delta.version);
      const stored = statements.findDaily.get(app, delta.day, delta.type, version);
      if (stored === undefined) {
        statements.addDaily.run(app, delta.day, delta.type, version, delta.count, delta.devices.toBytes());
        continue;
      }
      delta.devices.merge(Sketch.fromBytes(stored.devices));
      statements.updateDaily.run(delta.count, delta.devices.toBytes(), stored.id);
    }
    for (const delta of crashes.values()) writeCrash(delta);
    losses.write({ app: appKey, version: versionKey });
    digests.write({ app: appKey, version: versionKey });
    failures.write({ app: appKey, version: versionKey });
    for (const [month, last] of watermarks) statements.setWatermark.run(month, last.event, last.batch);
  }

  function writeCrash(delta: CrashDelta): void {
    const app = appKey(delta.app);
    const group = crashGroup(app, delta);
    const stored = statements.crashDevices.get(group);
    if (stored !== undefined) delta.devices.merge(Sketch.fromBytes(stored.devices));
    const { firstSeenMs, lastSeenMs, count, devices } = delta;
    statements.updateCrash.run(firstSeenMs, lastSeenMs, count, devices.toBytes(), devices.count(), group);
    for (const [version, seen] of delta.versions)
      statements.countCrashVersion.run(group, versionKey(app, version), seen.count, seen.lastReceivedMs);
  }

  function crashGroup(app: number, delta: CrashDelta): number | bigint {
    const { fingerprint, title, crashType, message, stackTrace, context } = delta.sample;
    const known = statements.findCrash.get(app, fingerprint)?.id;
    if (known !== undefined) return known;
    const empty = new Sketch().toBytes();
    const times = [delta.firstSeenMs, delta.lastSeenMs, 0, empty] as const;
    if ((statements.countCrashGroups.get(app)?.n ?? 0) < TELEMETRY_LIMITS.maxCrashGroupsPerApp) {
      return statements.addCrash.run(app, fingerprint, title, crashType, message, stackTrace, context, ...times)
        .lastInsertRowid;
    }
    const overflow = statements.findCrash.get(app, OVERFLOW_FINGERPRINT)?.id;
    if (overflow !== undefined) return overflow;
    const row = [app, OVERFLOW_FINGERPRINT, 'Crashes past the number of groups kept', crashType, '', '', null] as const;
    return statements.addCrash.run(...row, ...times).lastInsertRowid;
  }

  function appKey(app: string): number {
    return statements.findApp.get(app)?.id ?? Number(statements.addApp.run(app).lastInsertRowid);
  }

  function versionKey(app: number, name: string): number {
    const stored = statements.findVersion.get(app, name)?.id;
    if (stored !== undefined) return stored;
    if (name !== OTHER && (statements.countVersions.get(app)?.n ?? 0) >= TELEMETRY_LIMITS.maxVersionsPerApp) {
      return versionKey(app, OTHER);
    }
    return Number(statements.addVersion.run(app, name).lastInsertRowid);
  }
}

function prepareStatements(db: Database.Database) {
  return {
    watermark: db.prepare<[string], Counted>(
      'SELECT last_event AS event, last_batch AS batch FROM watermarks WHERE month = ?',
    ),
    months: db.prepare<[], { month: string }>('SELECT month FROM watermarks ORDER BY month'),
    setWatermark: db.prepare(
      `INSERT INTO watermarks (month, last_event, last_batch) VALUES (?, ?, ?)
       ON CONFLICT (month) DO UPDATE SET last_event = excluded.last_event, last_batch = excluded.last_batch`,
    ),
    removeWatermark: db.prepare('DELETE FROM watermarks WHERE month = ?'),
    findApp: db.prepare<[string], { id: number }>('SELECT id FROM apps WHERE app = ?'),
    addApp: db.prepare('INSERT INTO apps (app) VALUES (?)'),
    findVersion: db.prepare<[number, string], { id: number }>('SELECT id FROM versions WHERE app = ? AND name = ?'),
    countVersions: db.prepare<[number], { n: number }>('SELECT count(*) AS n FROM versions WHERE app = ?'),
    addVersion: db.prepare('INSERT INTO versions (app, name) VALUES (?, ?)'),
    findDaily: db.prepare<[number, number, number, number], { id: number; devices: Uint8Array }>(
      'SELECT id, devices FROM daily WHERE app = ? AND day = ? AND type = ? AND version = ?',
    ),
    addDaily: db.prepare('INSERT INTO daily (app, day, type, version, count, devices) VALUES (?, ?, ?, ?, ?, ?)'),
    updateDaily: db.prepare('UPDATE daily SET count = count + ?, devices = ? WHERE id = ?'),
    findCrash: db.prepare<[number, string], { id: number }>(
      'SELECT id FROM crash_groups WHERE app = ? AND fingerprint = ?',
    ),
    crashDevices: db.prepare<[number | bigint], { devices: Uint8Array }>(
      'SELECT devices FROM crash_groups WHERE id = ?',
    ),
    countCrashGroups: db.prepare<[number], { n: number }>('SELECT count(*) AS n FROM crash_groups WHERE app = ?'),
    addCrash: db.prepare(
      `INSERT INTO crash_groups (app, fingerprint, title, crash_type, message, stack_trace, context, first_seen, last_seen, count, devices)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    updateCrash: db.prepare(
      `UPDATE crash_groups SET first_seen = min(first_seen, ?), last_seen = max(last_seen, ?), count = count + ?, devices = ?, device_count = ?
       WHERE id = ?`,
    ),
    countCrashVersion: db.prepare(
      `INSERT INTO crash_group_versions (crash_group, version, count, last_received) VALUES (?, ?, ?, ?)
       ON CONFLICT (crash_group, version) DO UPDATE
       SET count = count + excluded.count, last_received = max(last_received, excluded.last_received)`,
    ),
  };
}

/** The number of a UTC day `YYYY-MM-DD` since 1970. */
export function dayNumber(date: string): number {
  return Math.floor(Date.parse(`${date}T00:00:00Z`) / DAY_MS);
}

/** The `YYYY-MM-DD` of a day's number. */
export function dateOfDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
