/** Owns what a developer sees: totals, series, version health, from daily rows. Pure, and the one place that applies k-anonymity. */
import { compareSemver, parseSemver } from '../../format/semver.ts';
import type { DailyRow } from './aggregate-reader.ts';
import { dateOfDay } from './aggregates.ts';
import { MIN_SLICE_DEVICES, mergeSmallSlices, type Slice } from './anonymity.ts';
import type { EventType } from './events-schema.ts';
import { OTHER } from './limits.ts';
import { Sketch } from './sketch.ts';

export const TELEMETRY_GROUPS = ['DAY', 'VERSION', 'TYPE'] as const;
export type TelemetryGroup = (typeof TELEMETRY_GROUPS)[number];

export interface TelemetryFilter {
  readonly version?: string;
  readonly type?: EventType;
}

export interface TelemetryCount {
  readonly type: EventType;
  readonly count: number;
  /** Different devices, ± 1.6 %. */
  readonly devices: number;
}

export interface TelemetryTotals {
  readonly byType: readonly TelemetryCount[];
  /** Devices that sent anything. */
  readonly activeDevices: number;
  readonly crashes: number;
  /** Devices that installed the app. */
  readonly installs: number;
  /** Share of active devices without a crash, 0 to 1; null without active devices. */
  readonly crashFreeDevices: number | null;
}

export interface TelemetryPoint {
  readonly type: EventType;
  /** `YYYY-MM-DD` when grouped by day; null otherwise and in a merged rest. */
  readonly date: string | null;
  /** When grouped by version; `other` in a merged rest; null otherwise. */
  readonly version: string | null;
  readonly count: number;
  readonly devices: number;
  /** This point is several slices that were too small to show alone. */
  readonly merged: boolean;
}

export interface VersionHealth {
  readonly version: string;
  readonly activeDevices: number;
  readonly crashes: number;
  readonly crashDevices: number;
  readonly crashFreeDevices: number | null;
  readonly installs: number;
}

interface Tally {
  count: number;
  readonly devices: Sketch;
}

/** Whether a row is of the version and type that a filter asks for. */
export function matches(row: Pick<DailyRow, 'version' | 'type'>, filter: TelemetryFilter): boolean {
  return (filter.version ?? row.version) === row.version && (filter.type ?? row.type) === row.type;
}

/** Sums and device unions over all rows. */
export function totalsOf(rows: readonly DailyRow[]): TelemetryTotals {
  const types = tally(rows, (row) => row.type);
  // Every row is in one of the types: a few merges more, not all of them again.
  const active = unionOf([...types.values()]);
  const crash = types.get('app_crash');
  return {
    byType: [...types].map(([type, { count, devices }]) => ({ type, count, devices: devices.count() })),
    activeDevices: active,
    crashes: crash?.count ?? 0,
    installs: types.get('app_install')?.devices.count() ?? 0,
    crashFreeDevices: crashFree(crash?.devices.count() ?? 0, active),
  };
}

/**
 * Points by day, version or only type, for each event type. By day and by version they are totals and always shown; a
 * filter by version under a grouping by day makes slices of slices, of which those with fewer than 5 devices are merged.
 */
export function seriesOf(
  rows: readonly DailyRow[],
  groupBy: TelemetryGroup,
  filter: TelemetryFilter,
): TelemetryPoint[] {
  // Rows of a grouping by day are of all versions that the filter asks for.
  const wanted = groupBy === 'DAY' ? rows : rows.filter((row) => matches(row, filter));
  const points: TelemetryPoint[] = [];
  for (const [type, ofType] of Map.groupBy(wanted, (row) => row.type)) {
    const slices = [...tally(ofType, (row) => sliceKey(row, groupBy))].map(
      ([key, value]): Slice => ({ key, ...value }),
    );
    const further = groupBy === 'DAY' && filter.version !== undefined;
    const shown = further ? mergeSmallSlices(slices, MIN_SLICE_DEVICES, () => new Sketch()) : slices;
    for (const slice of shown) points.push(point(type, groupBy, slice, filter));
  }
  return points;
}

/** How each version does, most active devices first, then the newer version. */
export function versionHealthOf(rows: readonly DailyRow[]): VersionHealth[] {
  return [...Map.groupBy(rows, (row) => row.version)]
    .map(([version, ofVersion]) => {
      const { activeDevices, crashes, crashFreeDevices, installs, byType } = totalsOf(ofVersion);
      const crashDevices = byType.find(({ type }) => type === 'app_crash')?.devices ?? 0;
      return { version, activeDevices, crashes, crashDevices, crashFreeDevices, installs };
    })
    .sort((a, b) => b.activeDevices - a.activeDevices || newerFirst(a.version, b.version));
}

/** `other` is no version and comes last. */
function newerFirst(a: string, b: string): number {
  const [left, right] = [parseSemver(a), parseSemver(b)];
  if (left === null || right === null) return Number(left === null) - Number(right === null);
  return compareSemver(right, left);
}

function sliceKey(row: DailyRow, groupBy: TelemetryGroup): string {
  if (groupBy === 'DAY') return dateOfDay(row.day);
  return groupBy === 'VERSION' ? row.version : row.type;
}

function point(type: EventType, groupBy: TelemetryGroup, slice: Slice, filter: TelemetryFilter): TelemetryPoint {
  const version = groupBy === 'VERSION' ? (slice.key ?? OTHER) : (filter.version ?? null);
  return {
    type,
    date: groupBy === 'DAY' ? slice.key : null,
    version,
    count: slice.count,
    devices: slice.devices.count(),
    merged: slice.key === null,
  };
}

function tally<K>(rows: readonly DailyRow[], keyOf: (row: DailyRow) => K): Map<K, Tally> {
  const tallies = new Map<K, Tally>();
  for (const row of rows) {
    const key = keyOf(row);
    const known = tallies.get(key) ?? { count: 0, devices: new Sketch() };
    known.count += row.count;
    known.devices.merge(row.devices);
    tallies.set(key, known);
  }
  return tallies;
}

function unionOf(parts: readonly Tally[]): number {
  const union = new Sketch();
  for (const { devices } of parts) union.merge(devices);
  return union.count();
}

function crashFree(crashDevices: number, activeDevices: number): number | null {
  return activeDevices === 0 ? null : Math.max(0, 1 - crashDevices / activeDevices);
}
