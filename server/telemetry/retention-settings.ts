/** Owns how long telemetry is kept, as a setting: its bounds, its defaults and how it is read. settings/service keeps its history. */
import { z } from 'zod';
import type { Database, Tx } from '../platform/db/database.ts';
import { readSetting } from '../settings/stored.ts';
import { TELEMETRY_LIMITS } from './limits.ts';

/** Device requests and release comparison read raw rows; events themselves may be 90 days old when they come in. */
const LEAST_RAW_DAYS = TELEMETRY_LIMITS.rawRetentionDays;
const MOST_RAW_DAYS = 365;
/** A query may span 400 days. */
const LEAST_AGGREGATE_DAYS = TELEMETRY_LIMITS.maxRangeDays;
const MOST_AGGREGATE_DAYS = 3_650;

const withinRaw = `must be from ${LEAST_RAW_DAYS} to ${MOST_RAW_DAYS}`;
const withinAggregates = `must be from ${LEAST_AGGREGATE_DAYS} to ${MOST_AGGREGATE_DAYS}, or null to keep them`;

export const telemetryRetentionSchema = z.object({
  /** Days that every raw row is kept; whole months of receipt go, so up to 32 days longer. */
  rawDays: z
    .int('must be a whole number')
    .min(LEAST_RAW_DAYS, withinRaw)
    .max(MOST_RAW_DAYS, withinRaw)
    .default(LEAST_RAW_DAYS),
  /** Days that aggregates are kept, by the day of their events; null keeps them. */
  aggregateDays: z
    .int('must be a whole number')
    .min(LEAST_AGGREGATE_DAYS, withinAggregates)
    .max(MOST_AGGREGATE_DAYS, withinAggregates)
    .nullable()
    .default(null),
});
export type TelemetryRetention = z.output<typeof telemetryRetentionSchema>;

export const TELEMETRY_RETENTION_KEY = 'telemetry-retention';
/** The rules as settings/service keeps them. */
export const TELEMETRY_RETENTION = { key: TELEMETRY_RETENTION_KEY, schema: telemetryRetentionSchema } as const;

/** The rules in force. */
export function readTelemetryRetention(tx: Tx | Database['prisma']): Promise<TelemetryRetention> {
  return readSetting(tx, TELEMETRY_RETENTION);
}
