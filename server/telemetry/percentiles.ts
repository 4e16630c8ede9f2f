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

/**
 * Percentiles of each metric in the rows. One value can tell of one device, so days and versions with fewer than 5 devices
 * are merged; the total over all versions is always shown. One version alone, which has nothing to be merged with, is
 * shown with 5 devices or not at all: it would be what the grouping by version keeps back.
 */
export function percentilesOf(
  rows: readonly DigestRow[],
  groupBy: TelemetryGroup,
  version: string | undefined,
): PercentilePoint[] {
  const wanted = version === undefined ? rows : rows.filter((row) => row.version === version);
  return [...Map.groupBy(wanted, (row) => row.metric)].flatMap(([metric, ofMetric]) => {
    const tallies = new Map(
      [...Map.groupBy(ofMetric, (row) => sliceKey(row, groupBy))].map(([key, slice]) => [key, tallyOf(slice)]),
    );
    if (version !== undefined && tallyOf([...tallies.values()]).devices.count() < MIN_SLICE_DEVICES) return [];
    const slices = [...tallies].map(([key, { devices }]) => ({ key, count: 0, devices }));
    const shown = mergeSmallSlices(slices, MIN_SLICE_DEVICES, () => new Sketch());
    const alone = new Set(shown.map(({ key }) => key));
    const rest = [...tallies].filter(([key]) => !alone.has(key)).map(([, tally]) => tally);
    return shown.flatMap(({ key }) => {
      const tally = key === null ? tallyOf(rest) : tallies.get(key);
      // A total is no slice: it is merged with nothing.
      const merged = key === null && groupBy !== 'TYPE';
      return tally === undefined ? [] : [pointOf(metric, placeOf(key, groupBy, version), tally, merged)];
    });
  });
}

function sliceKey(row: DigestRow, groupBy: TelemetryGroup): string {
  if (groupBy === 'DAY') return dateOfDay(row.day);
  return groupBy === 'VERSION' ? row.version : '';
}

function placeOf(key: string | null, groupBy: TelemetryGroup, version: string | undefined) {
  return {
    date: groupBy === 'DAY' ? key : null,
    version: groupBy === 'VERSION' ? (key ?? OTHER) : (version ?? null),
  };
}

function tallyOf(parts: readonly Tally[]): Tally {
  const tally = { digest: new Digest(), devices: new Sketch() };
  for (const { digest, devices } of parts) {
    tally.digest.merge(digest);
    tally.devices.merge(devices);
  }
  return tally;
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
