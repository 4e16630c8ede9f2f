/** Owns the queries over aggregates.db, by a read-only connection of its own. It shapes nothing and hides nothing. */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { Digest } from './digest.ts';
import { type CrashType, type EventType, eventTypeOfKey } from './events-schema.ts';
import { keyOfMetric, type Metric, metricOfKey } from './metrics.ts';
import { Sketch } from './sketch.ts';

/** One stored aggregate: an app's events of one type, version and UTC day (counted since 1970). */
export interface DailyRow {
  readonly day: number;
  readonly type: EventType;
  readonly version: string;
  readonly count: number;
  readonly devices: Sketch;
}

/** Measured values of an app of one metric, version and UTC day. */
export interface DigestRow {
  readonly day: number;
  readonly metric: Metric;
  readonly version: string;
  readonly digest: Digest;
  readonly devices: Sketch;
}

/** Events that never counted, by day of receipt, version and reason. */
export interface LossRow {
  readonly reason: string;
  readonly count: number;
}

/** Failed updates of an app of one UTC day, version code and reason. */
export interface FailureRow {
  readonly versionCode: number;
  readonly reason: string;
  readonly count: number;
  readonly devices: Sketch;
}

export interface CrashGroupRow {
  readonly id: number;
  readonly fingerprint: string;
  readonly title: string;
  readonly crashType: CrashType;
  /** Message, stack and context (JSON or null) of the first report. */
  readonly message: string;
  readonly stackTrace: string;
  readonly context: string | null;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly count: number;
  readonly devices: Sketch;
  readonly versions: readonly CrashVersion[];
}

/** A version that a crash group happened in. */
export interface CrashVersion {
  readonly name: string;
  readonly count: number;
  /** When its latest report came in, by our clock; 0 for one counted by an earlier release. */
  readonly lastReceivedMs: number;
}

export const CRASH_GROUP_SORTS = ['LAST_SEEN', 'FIRST_SEEN', 'COUNT', 'DEVICES'] as const;
export type CrashGroupSort = (typeof CRASH_GROUP_SORTS)[number];
const SORT_COLUMNS: Record<CrashGroupSort, string> = {
  LAST_SEEN: 'last_seen',
  FIRST_SEEN: 'first_seen',
  COUNT: 'count',
  DEVICES: 'device_count',
};

/** Where a page of crash groups begins: after the group with this value of what it is sorted by. */
export interface CrashGroupCursor {
  readonly sort: CrashGroupSort;
  readonly value: number;
  readonly id: number;
}

/** The least of a group, for choosing a page among all of an app, of which there are few (limits.ts). */
export interface CrashGroupKey {
  readonly id: number;
  readonly fingerprint: string;
  readonly value: number;
}

export interface CrashGroupMatch {
  /** Only groups that happened in this version. */
  readonly version: string | null;
  /** Only groups whose title or message has this text; ASCII letters match in either case. */
  readonly search: string | null;
}

type StoredCrashGroup = Omit<CrashGroupRow, 'devices' | 'versions'> & { readonly devices: Uint8Array };

const GROUP_COLUMNS = `g.id, g.fingerprint, g.title, g.crash_type AS crashType, g.message, g.stack_trace AS stackTrace, g.context,
  g.first_seen AS firstSeenMs, g.last_seen AS lastSeenMs, g.count, g.devices`;

export type AggregateReader = ReturnType<typeof openAggregateReader>;

/** Opens the file that the writer has made. Throws when it has not. */
export function openAggregateReader(path: string) {
  if (!existsSync(path)) throw new Error(`${path} is missing; the telemetry writer makes it when it starts`);
  const db = new Database(path, { readonly: true, timeout: 5_000 });
  // Kibibytes; the operating system keeps the rest of the file.
  db.pragma('cache_size = -4000');
  const daily = db.prepare<
    [string, number, number],
    { day: number; type: number; version: string; count: number; devices: Uint8Array }
  >(
    `SELECT d.day, d.type, v.name AS version, d.count, d.devices FROM daily d JOIN versions v ON v.id = d.version
     WHERE d.app = (SELECT id FROM apps WHERE app = ?) AND d.day BETWEEN ? AND ? ORDER BY d.day, d.type, v.id`,
  );
  const digests = db.prepare<
    [string, number, number, number],
    { day: number; metric: number; version: string; buckets: Uint8Array; devices: Uint8Array }
  >(
    `SELECT d.day, d.metric, v.name AS version, d.buckets, d.devices FROM digests d JOIN versions v ON v.id = d.version
     WHERE d.app = (SELECT id FROM apps WHERE app = ?) AND d.metric = ? AND d.day BETWEEN ? AND ? ORDER BY d.day, v.id`,
  );
  const losses = db.prepare<[string, number, number], LossRow>(
    `SELECT reason, sum(count) AS count FROM losses WHERE app = (SELECT id FROM apps WHERE app = ?) AND day BETWEEN ? AND ?
     GROUP BY reason ORDER BY reason`,
  );
  const failures = db.prepare<[string, number, number], Omit<FailureRow, 'devices'> & { devices: Uint8Array }>(
    `SELECT version_code AS versionCode, reason, count, devices FROM update_failures
     WHERE app = (SELECT id FROM apps WHERE app = ?) AND day BETWEEN ? AND ? ORDER BY day, version_code, reason`,
  );
  const keys = Object.fromEntries(
    CRASH_GROUP_SORTS.map((sort) => [
      sort,
      db.prepare<[{ app: string; version: string | null; search: string | null }], CrashGroupKey>(
        `SELECT g.id, g.fingerprint, g.${SORT_COLUMNS[sort]} AS value FROM crash_groups g
         WHERE g.app = (SELECT id FROM apps WHERE app = @app)
         AND (@version IS NULL OR EXISTS (SELECT 1 FROM crash_group_versions c JOIN versions v ON v.id = c.version
           WHERE c.crash_group = g.id AND v.name = @version))
         AND (@search IS NULL OR instr(lower(g.title || char(10) || g.message), lower(@search)) > 0)
         ORDER BY value DESC, g.id DESC`,
      ),
    ]),
  );
  const group = db.prepare<[number], StoredCrashGroup>(`SELECT ${GROUP_COLUMNS} FROM crash_groups g WHERE g.id = ?`);
  const findGroup = db.prepare<[string, string], { id: number }>(
    'SELECT id FROM crash_groups WHERE app = (SELECT id FROM apps WHERE app = ?) AND fingerprint = ?',
  );
  const versions = db.prepare<[number], CrashVersion>(
    `SELECT v.name, c.count, c.last_received AS lastReceivedMs FROM crash_group_versions c JOIN versions v ON v.id = c.version WHERE c.crash_group = ? ORDER BY v.id`,
  );
  return {
    /** The rows of an app from one UTC day to another, both included. */
    daily(app: string, fromDay: number, toDay: number): DailyRow[] {
      return daily.all(app, fromDay, toDay).map((row) => ({
        ...row,
        type: eventTypeOfKey(row.type),
        devices: Sketch.fromBytes(row.devices),
      }));
    },
    /** The digests of some metrics of an app from one UTC day to another, both included. */
    digests(app: string, metrics: readonly Metric[], fromDay: number, toDay: number): DigestRow[] {
      return metrics.flatMap((metric) =>
        digests.all(app, keyOfMetric(metric), fromDay, toDay).map((row) => ({
          day: row.day,
          metric: metricOfKey(row.metric),
          version: row.version,
          digest: Digest.fromBytes(row.buckets),
          devices: Sketch.fromBytes(row.devices),
        })),
      );
    },
    /** Lost events of an app by reason, over the UTC days of receipt from one to another, both included. */
    losses: (app: string, fromDay: number, toDay: number): LossRow[] => losses.all(app, fromDay, toDay),
    /** Failed updates of an app from one UTC day to another, both included. */
    failures: (app: string, fromDay: number, toDay: number): FailureRow[] =>
      failures.all(app, fromDay, toDay).map((row) => ({ ...row, devices: Sketch.fromBytes(row.devices) })),
    /** All crash groups of an app that match, the highest value of what they are sorted by first. */
    crashGroupKeys: (app: string, sort: CrashGroupSort, match: CrashGroupMatch): CrashGroupKey[] =>
      keys[sort]?.all({ app, ...match }) ?? [],
    /** The id of a group, or null where there is none. */
    findCrashGroup: (app: string, fingerprint: string): number | null => findGroup.get(app, fingerprint)?.id ?? null,
    crashVersions: (id: number): CrashVersion[] => versions.all(id),
    /** A whole group, or null where there is none. */
    crashGroup(id: number): CrashGroupRow | null {
      const row = group.get(id);
      return row === undefined
        ? null
        : { ...row, devices: Sketch.fromBytes(row.devices), versions: versions.all(row.id) };
    },
    close: (): void => {
      db.close();
    },
  };
}
