/** Owns the GraphQL types of measured values. The field is on Telemetry. */
import { builder } from '../graphql/builder.ts';
import type { Metric } from './metrics.ts';
import type { PercentilePoint } from './percentiles.ts';

export const TelemetryMetric = builder.enumType('TelemetryMetric', {
  description: 'A value that devices measure.',
  values: {
    LAUNCH_MS: { value: 'launch_ms', description: 'Milliseconds from start to first frame (`app_start`).' },
    FRAME_AVG_MS: { value: 'frame_avg_ms', description: 'Average milliseconds a frame (`frame_time`).' },
    FRAME_P95_MS: { value: 'frame_p95_ms', description: '95th percentile of milliseconds a frame (`frame_time`).' },
    MEMORY_MB: { value: 'memory_mb', description: 'Megabytes in use (`memory_usage`).' },
  } as const satisfies Record<Uppercase<Metric>, { value: Metric; description: string }>,
});

export const PercentilePointType = builder.objectRef<PercentilePoint>('PercentilePoint').implement({
  description: 'Percentiles of one metric, each within 1 % of the value at its rank.',
  fields: (t) => ({
    metric: t.expose('metric', { type: TelemetryMetric, description: 'What was measured.' }),
    date: t.expose('date', {
      type: 'Date',
      nullable: true,
      description: 'The UTC day; null when not grouped by day, and in a merged point.',
    }),
    version: t.exposeString('version', {
      nullable: true,
      description: 'The version, or `other`; null when not split by version.',
    }),
    count: t.expose('count', { type: 'BigInt', description: 'Values measured.' }),
    devices: t.exposeInt('devices', { description: 'Different devices, with a standard error of 1.6 %.' }),
    p50: t.exposeFloat('p50', { description: 'The median.' }),
    p75: t.exposeFloat('p75', { description: 'The 75th percentile.' }),
    p90: t.exposeFloat('p90', { description: 'The 90th percentile.' }),
    p95: t.exposeFloat('p95', { description: 'The 95th percentile.' }),
    p99: t.exposeFloat('p99', { description: 'The 99th percentile.' }),
    merged: t.exposeBoolean('merged', {
      description: 'Whether this stands for several days or versions with fewer than 5 devices each.',
    }),
  }),
});
