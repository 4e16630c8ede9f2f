/** Owns which fields of events are measured values with percentiles, and how values are packed. It stores nothing. */
import { bucketOf } from './digest.ts';
import { keyOfEventType } from './events-schema.ts';

interface MetricRow {
  /** Stored with every digest; a number is never given to another metric. At most 15. */
  readonly key: number;
  readonly type: number;
  readonly field: string;
}

const ROWS = {
  launch_ms: { key: 1, type: keyOfEventType('app_start'), field: 'launch_ms' },
  frame_avg_ms: { key: 2, type: keyOfEventType('frame_time'), field: 'avg_ms' },
  frame_p95_ms: { key: 3, type: keyOfEventType('frame_time'), field: 'p95_ms' },
  memory_mb: { key: 4, type: keyOfEventType('memory_usage'), field: 'mb' },
} as const satisfies Record<string, MetricRow>;

export type Metric = keyof typeof ROWS;
export const METRICS = ['launch_ms', 'frame_avg_ms', 'frame_p95_ms', 'memory_mb'] as const satisfies readonly Metric[];

/** A packed value is two numbers: its slot, which is its day and metric in one, and its bucket. */
export const VALUE_NUMBERS = 2;
const METRICS_PER_DAY = 16;

/** The event types that have measured values. */
export const MEASURED_TYPES: readonly number[] = [...new Set(Object.values(ROWS).map(({ type }) => type))];
const BY_TYPE = new Map<number, readonly MetricRow[]>(
  MEASURED_TYPES.map((type) => [type, Object.values(ROWS).filter((row) => row.type === type)]),
);

/** Adds the measured values of an accepted event to `into`, packed. */
export function packValues(into: number[], type: number, day: number, data: unknown): void {
  const rows = BY_TYPE.get(type);
  if (rows === undefined || !isFields(data)) return;
  for (const { key, field } of rows) {
    const value = data[field];
    if (typeof value === 'number') packValue(into, key, day, value);
  }
}

/** The metric that a field of a type is, or 0 where it is none. */
export function metricOfField(type: number, field: string): number {
  return BY_TYPE.get(type)?.find((row) => row.field === field)?.key ?? 0;
}

/** Adds one measured value to `into`, packed. */
export function packValue(into: number[], metric: number, day: number, value: number): void {
  into.push(day * METRICS_PER_DAY + metric, bucketOf(value));
}

function isFields(data: unknown): data is { readonly [field: string]: unknown } {
  return typeof data === 'object' && data !== null;
}

/** Day and metric of a slot. */
export function partsOfSlot(slot: number): { readonly day: number; readonly metric: number } {
  return { day: Math.floor(slot / METRICS_PER_DAY), metric: slot % METRICS_PER_DAY };
}

/** The stored key of a metric. */
export function keyOfMetric(metric: Metric): number {
  return ROWS[metric].key;
}

/** The metric of a stored key. Throws for a key that was never given out: then the file is not ours. */
export function metricOfKey(key: number): Metric {
  const metric = METRICS.find((one) => ROWS[one].key === key);
  if (metric === undefined) throw new Error(`Digest of an unknown metric ${key}`);
  return metric;
}
