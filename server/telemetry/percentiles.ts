/** Owns what a developer sees of measured values: percentiles in total, by day or by version, k-anonymous. Pure. */
import type { DigestRow } from './aggregate-reader.ts';
import { dateOfDay } from './aggregates.ts';
import { MIN_SLICE_DEVICES, mergeSmallSlices } from './anonymity.ts';
import { Digest } from './digest.ts';
import { OTHER } from './limits.ts';
import type { Metric } from './metrics.ts';
import type { TelemetryGroup } from './reports.ts';
import { Sketch } from './sketch.ts';

/** Percentiles of one metric over one slice; each within 1 % of the true value. */
export interface PercentilePoint {
  readonly metric: Metric;
  /** `YYYY-MM-DD` when grouped by day; null otherwise and in a merged rest. */
  readonly date: string | null;
  /** When split by version; `other` in a merged rest; null otherwise. */
  readonly version: string | null;
  /** Values measured. */
  readonly count: number;
  readonly devices: number;
  readonly p50: number;
  readonly p75: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  /** This point is several slices that were too small to show alone. */
  readonly merged: boolean;
}

interface Tally {
  readonly digest: Digest;
  readonly devices: Sketch;
}

/** One version on one day, beside all other versions of the app on that day. */
export interface VersionDay {
  readonly metric: Metric;
  readonly day: number;
  readonly own: Tally;
  readonly others: Tally;
  /** The grouping by version shows the version alone on that day. */
  readonly alone: boolean;
}

/**
 * Percentiles of each metric in the rows, which are of all versions. One value can tell of one device, so no point is of
 * fewer than 5 devices, a total neither: days and versions with fewer are merged. One version alone is shown where the
 * grouping by version shows it: else the rest of the app would be what the total has more.
 */
export function percentilesOf(
  rows: readonly DigestRow[],
  groupBy: TelemetryGroup,
  version: string | undefined,
): PercentilePoint[] {
  if (version !== undefined && groupBy === 'DAY') return percentilesByDay(versionDaysOf(rows, version), version);
  const slicedBy = version === undefined ? groupBy : 'VERSION';
  return [...Map.groupBy(rows, (row) => row.metric)].flatMap(([metric, ofMetric]) => {
    const tallies = new Map(
      [...Map.groupBy(ofMetric, (row) => sliceKey(row, slicedBy))].map(([key, slice]) => [key, tallyOf(slice)]),
    );
    const shown = shownAlone(tallies);
    if (version !== undefined) {
      const tally = shown.has(version) ? tallies.get(version) : undefined;
      return tally === undefined ? [] : [pointOf(metric, { date: null, version }, tally, false)];
    }
    const points = [...tallies].flatMap(([key, tally]) =>
      shown.has(key) ? [pointOf(metric, placeOf(key, groupBy), tally, false)] : [],
    );
    const rest = tallyOf([...tallies].filter(([key]) => !shown.has(key)).map(([, tally]) => tally));
    if (isLarge(rest)) points.push(pointOf(metric, placeOf(null, groupBy), rest, true));
    return points;
  });
}

/** What `percentilesByDay` needs of rows of all versions: of each metric and day the version and the rest of the app. */
export function versionDaysOf(rows: readonly DigestRow[], version: string): VersionDay[] {
  return [...Map.groupBy(rows, (row) => `${row.metric} ${row.day}`).values()].flatMap((ofDay) => {
    const versions = Map.groupBy(ofDay, (row) => row.version);
    const [first] = versions.get(version) ?? [];
    if (first === undefined) return [];
    const tallies = new Map([...versions].map(([key, slice]) => [key, tallyOf(slice)]));
    const own = tallies.get(version) ?? tallyOf([]);
    const others = tallyOf([...tallies].filter(([key]) => key !== version).map(([, tally]) => tally));
    return [{ metric: first.metric, day: first.day, own, others, alone: shownAlone(tallies).has(version) }];
  });
}

/**
 * Percentiles of one version by day. Days that may not be shown alone are merged into one point, which takes in the next
 * smallest until it has 5 devices and so have the other versions on its days, or none at all.
 */
export function percentilesByDay(days: readonly VersionDay[], version: string): PercentilePoint[] {
  return [...Map.groupBy(days, ({ metric }) => metric)].flatMap(([metric, ofMetric]) => {
    const bySize = ofMetric.filter(({ alone }) => alone).sort((a, b) => b.own.devices.count() - a.own.devices.count());
    const merged = ofMetric.filter(({ alone }) => !alone);
    const [own, others] = [tallyOf(merged.map((day) => day.own)), tallyOf(merged.map((day) => day.others))];
    const isShown = () => isLarge(own) && (others.devices.count() === 0 || isLarge(others));
    while (merged.length > 0 && !isShown()) {
      const next = bySize.pop();
      if (next === undefined) return [];
      merged.push(next);
      addTo(own, next.own);
      addTo(others, next.others);
    }
    const alone = new Set(bySize);
    const points = ofMetric.flatMap((day) =>
      alone.has(day) ? [pointOf(metric, { date: dateOfDay(day.day), version }, day.own, false)] : [],
    );
    if (merged.length > 0) points.push(pointOf(metric, { date: null, version }, own, true));
    return points;
  });
}

/** The keys of the slices that need not be merged. */
function shownAlone(tallies: ReadonlyMap<string, Tally>): Set<string | null> {
  const slices = [...tallies].map(([key, { devices }]) => ({ key, count: 0, devices }));
  return new Set(mergeSmallSlices(slices, MIN_SLICE_DEVICES, () => new Sketch()).map(({ key }) => key));
}

function isLarge({ devices }: Tally): boolean {
  return devices.count() >= MIN_SLICE_DEVICES;
}

function sliceKey(row: DigestRow, groupBy: TelemetryGroup): string {
  if (groupBy === 'DAY') return dateOfDay(row.day);
  return groupBy === 'VERSION' ? row.version : '';
}

function placeOf(key: string | null, groupBy: TelemetryGroup) {
  return { date: groupBy === 'DAY' ? key : null, version: groupBy === 'VERSION' ? (key ?? OTHER) : null };
}

function tallyOf(parts: readonly Tally[]): Tally {
  const tally = { digest: new Digest(), devices: new Sketch() };
  for (const part of parts) addTo(tally, part);
  return tally;
}

function addTo(tally: Tally, { digest, devices }: Tally): void {
  tally.digest.merge(digest);
  tally.devices.merge(devices);
}

function pointOf(
  metric: Metric,
  place: { readonly date: string | null; readonly version: string | null },
  { digest, devices }: Tally,
  merged: boolean,
): PercentilePoint {
  const [p50, p75, p90, p95, p99] = digest.quantiles([0.5, 0.75, 0.9, 0.95, 0.99]).map((value) => value ?? 0);
  return {
    metric,
    ...place,
    count: digest.count(),
    devices: devices.count(),
    p50: p50 ?? 0,
    p75: p75 ?? 0,
    p90: p90 ?? 0,
    p95: p95 ?? 0,
    p99: p99 ?? 0,
    merged,
  };
}
