/** Owns what developers may read: ranges are checked and pages bounded here, before anything is queried. It writes nothing. */
import { DomainError, invalidField } from '../errors.ts';
import type {
  AggregateReader,
  CrashGroupCursor,
  CrashGroupKey,
  CrashGroupMatch,
  CrashGroupRow,
  CrashGroupSort,
  CrashVersion,
  DailyRow,
  DigestRow,
  FailureRow,
} from './aggregate-reader.ts';
import { dayNumber } from './aggregates.ts';
import { REJECTION_REASONS, type RejectionReason } from './bodies.ts';
import { createExport, type ExportFormat, exportText } from './export.ts';
import { TELEMETRY_LIMITS } from './limits.ts';
import { countsOf, DROP_REASONS, type DropReason, type LossCount } from './losses.ts';
import type { Metric } from './metrics.ts';
import {
  type PercentilePoint,
  percentilesByDay,
  percentilesOf,
  type VersionDay,
  versionDaysOf,
} from './percentiles.ts';
import { createDailySums, createDigestSums, type Days, eachRow } from './range-reading.ts';
import { type ReleaseHealth, releaseHealthOf } from './release-health.ts';
import {
  matches,
  seriesOf,
  type TelemetryFilter,
  type TelemetryGroup,
  type TelemetryPoint,
  type TelemetryTotals,
  totalsOf,
  type VersionHealth,
  versionHealthOf,
} from './reports.ts';
import { type FailedUpdates, failedUpdatesOf } from './update-failures.ts';

const MAX_PAGE = 100;

/** UTC days `YYYY-MM-DD`, both included, at most 400. */
export interface DateRange {
  readonly from: string;
  readonly to: string;
}

export interface CrashGroup extends Omit<CrashGroupRow, 'devices'> {
  /** Different devices, ± 1.6 %. */
  readonly devices: number;
  readonly cursor: CrashGroupCursor;
}

/** Which page of which crash groups. */
export interface CrashGroupPage {
  readonly first: number;
  readonly after?: CrashGroupCursor | null;
  readonly sort?: CrashGroupSort;
  readonly match?: CrashGroupMatch;
  /** What only the caller knows, such as the group's state. */
  readonly accepts?: (key: CrashGroupKey) => boolean;
}

export interface CrashGroups {
  readonly groups: readonly CrashGroup[];
  readonly hasNextPage: boolean;
}

/** Events that did not count over a range of days of receipt. */
export interface LostEvents {
  /** By devices, before they were sent. */
  readonly dropped: readonly LossCount<DropReason>[];
  /** Here, with the answer to their batch. */
  readonly rejected: readonly LossCount<RejectionReason>[];
}

/** What a developer takes away. */
export interface TelemetryFile {
  readonly mediaType: string;
  readonly rows: number;
  readonly content: string;
}

/** What can be asked of a range; nothing is read before. */
export interface Report {
  totals(): Promise<TelemetryTotals>;
  versions(): Promise<VersionHealth[]>;
  releases(): Promise<ReleaseHealth[]>;
  series(groupBy: TelemetryGroup, filter?: TelemetryFilter): Promise<TelemetryPoint[]>;
}

/** The queries over whatever `reader` answers; null while telemetry is not running. */
export function createReadings(reader: () => AggregateReader | null) {
  return {
    report,
    exported,
    totals,
    series,
    versionHealth,
    releaseHealth,
    percentiles,
    updateFailures,
    lost,
    crashGroups,
    crashGroup,
    crashVersions,
  };

  /** A range of an app, whose rows are read once for all that is asked of it. Throws VALIDATION for a bad range. */
  function report(appId: string, range: DateRange): Report {
    const span = days(range);
    let summed: Promise<DailyRow[]> | null = null;
    const rows = (): Promise<DailyRow[]> => {
      summed ??= sums(
        appId,
        span,
        () => true,
        (row) => `${row.type} ${row.version}`,
      );
      return summed;
    };
    return {
      totals: async () => totalsOf(await rows()),
      versions: async () => versionHealthOf(await rows()),
      releases: async () => releaseHealthOf(await rows()),
      async series(groupBy, filter = {}) {
        if (groupBy !== 'DAY') return seriesOf(await rows(), groupBy, filter);
        const wanted = (row: DailyRow) => matches(row, filter);
        return seriesOf(await sums(appId, span, wanted, (row) => `${row.day} ${row.type}`), groupBy, filter);
      },
    };
  }

  /** Counts and devices by type over a range, as of the last flush (about a second). Throws VALIDATION for a bad range. */
  async function totals(appId: string, range: DateRange): Promise<TelemetryTotals> {
    return report(appId, range).totals();
  }

  /** Points by day, version or type; slices beyond these are k-anonymous (see `seriesOf`). Throws VALIDATION. */
  async function series(
    appId: string,
    range: DateRange,
    groupBy: TelemetryGroup,
    filter: TelemetryFilter = {},
  ): Promise<TelemetryPoint[]> {
    return report(appId, range).series(groupBy, filter);
  }

  /** How each version does over a range. Throws VALIDATION. */
  async function versionHealth(appId: string, range: DateRange): Promise<VersionHealth[]> {
    return report(appId, range).versions();
  }

  /** How each version does, with adoption and intervals. Throws VALIDATION. */
  async function releaseHealth(appId: string, range: DateRange): Promise<ReleaseHealth[]> {
    return report(appId, range).releases();
  }

  async function sums(
    appId: string,
    span: Days,
    wanted: (row: DailyRow) => boolean,
    keyOf: (row: DailyRow) => string,
  ): Promise<DailyRow[]> {
    const summed = createDailySums(keyOf);
    const read = (from: number, to: number) => opened().daily(appId, from, to);
    await eachRow(span, read, (row) => {
      if (wanted(row)) summed.add(row);
    });
    return summed.rows();
  }

  /** The counts of a range as a file (see export.ts). Throws VALIDATION for a bad range and past MAX_EXPORT_ROWS. */
  async function exported(appId: string, range: DateRange, format: ExportFormat): Promise<TelemetryFile> {
    const collected = createExport();
    await eachRow(days(range), (from, to) => opened().daily(appId, from, to), collected.add);
    const rows = collected.rows();
    const mediaType = format === 'CSV' ? 'text/csv' : 'application/json';
    return { mediaType, rows: rows.length, content: exportText(rows, format) };
  }

  /** Percentiles of measured values, each once however often it is named (see `percentilesOf`). Throws VALIDATION. */
  async function percentiles(
    appId: string,
    range: DateRange,
    metrics: readonly Metric[],
    groupBy: TelemetryGroup,
    filter: Pick<TelemetryFilter, 'version'> = {},
  ): Promise<PercentilePoint[]> {
    const span = days(range);
    const named = [...new Set(metrics)];
    const read = (from: number, to: number) => opened().digests(appId, named, from, to);
    const { version } = filter;
    if (version !== undefined && groupBy === 'DAY') {
      const versionDays: VersionDay[] = [];
      const readDay = (from: number, to: number) => versionDaysOf(read(from, to), version);
      await eachRow(span, readDay, (day) => versionDays.push(day), 1);
      return percentilesByDay(versionDays, version);
    }
    const slice = groupBy === 'DAY' ? (row: DigestRow) => row.day : (row: DigestRow) => row.version;
    const summed = createDigestSums((row) => `${row.metric} ${slice(row)}`);
    await eachRow(span, read, summed.add);
    return percentilesOf(summed.rows(), groupBy, version);
  }

  /** Failed updates by version and reason; small slices are merged (see `failedUpdatesOf`). Throws VALIDATION. */
  async function updateFailures(appId: string, range: DateRange): Promise<FailedUpdates[]> {
    const rows: FailureRow[] = [];
    await eachRow(
      days(range),
      (from, to) => opened().failures(appId, from, to),
      (row) => rows.push(row),
    );
    return failedUpdatesOf(rows);
  }

  /** Events that were lost, by reason. Throws VALIDATION. */
  function lost(appId: string, range: DateRange): LostEvents {
    const { from, to } = days(range);
    const rows = opened().losses(appId, from, to);
    return { dropped: countsOf(DROP_REASONS, rows), rejected: countsOf(REJECTION_REASONS, rows) };
  }

  /**
   * A page of crash groups, the last seen first where nothing else is asked; `first` is cut to 100. A cursor is good for
   * the sort that it came from.
   */
  function crashGroups(appId: string, page: CrashGroupPage): CrashGroups {
    const { after = null, sort = 'LAST_SEEN', match = { version: null, search: null }, accepts = () => true } = page;
    const first = Math.min(Math.max(0, page.first), MAX_PAGE);
    const from = opened();
    const found = from.crashGroupKeys(appId, sort, match).filter((key) => comesAfter(key, after) && accepts(key));
    const groups = found.slice(0, first).flatMap(({ id, value }): CrashGroup[] => {
      const group = from.crashGroup(id);
      return group === null ? [] : [{ ...group, devices: group.devices.count(), cursor: { sort, value, id } }];
    });
    return { groups, hasNextPage: found.length > first };
  }

  /** One crash group, or null where there is none. */
  function crashGroup(appId: string, fingerprint: string): CrashGroup | null {
    const from = opened();
    const id = from.findCrashGroup(appId, fingerprint);
    const group = id === null ? null : from.crashGroup(id);
    if (group === null) return null;
    const cursor = { sort: 'LAST_SEEN' as const, value: group.lastSeenMs, id: group.id };
    return { ...group, devices: group.devices.count(), cursor };
  }

  /** The versions that a crash group happened in; none for a group that does not exist. */
  function crashVersions(appId: string, fingerprint: string): CrashVersion[] {
    const from = opened();
    const id = from.findCrashGroup(appId, fingerprint);
    return id === null ? [] : from.crashVersions(id);
  }

  function days(range: DateRange): Days {
    const from = dayNumber(range.from);
    const to = dayNumber(range.to);
    if (Number.isNaN(from) || Number.isNaN(to)) throw invalidField('range', 'Give both days as YYYY-MM-DD.');
    if (from > to) throw invalidField('range.from', 'The first day lies after the last; swap them.');
    if (to - from >= TELEMETRY_LIMITS.maxRangeDays) {
      throw invalidField(
        'range',
        `A range spans at most ${TELEMETRY_LIMITS.maxRangeDays} days; ask for less at a time.`,
      );
    }
    return { from, to };
  }

  function opened(): AggregateReader {
    const open = reader();
    if (open === null) {
      throw new DomainError('OVERLOADED', 'Telemetry is starting or stopping. Try again.', { retryAfterSeconds: 5 });
    }
    return open;
  }
}

function comesAfter(key: CrashGroupKey, cursor: CrashGroupCursor | null): boolean {
  if (cursor === null) return true;
  return key.value < cursor.value || (key.value === cursor.value && key.id < cursor.id);
}
