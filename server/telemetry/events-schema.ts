/** Owns the closed list of event types and the shape of each one's data. It knows no storage and reads no clock. */
import { z } from 'zod';
import { MAX_SEMVER_LENGTH, SEMVER_PATTERN } from '../../format/semver.ts';

export const EVENT_CATEGORIES = ['lifecycle', 'performance', 'usage', 'system'] as const;
export type EventCategory = (typeof EVENT_CATEGORIES)[number];

/** What ended an app; also the closed list of a crash report's `crash_type`. */
export const CRASH_TYPES = ['lua_error', 'out_of_memory', 'not_responding', 'native_crash'] as const;
export type CrashType = (typeof CRASH_TYPES)[number];

const name = z.string().min(1).max(200);
const milliseconds = z.number().min(0).max(86_400_000);
const megabytes = z.number().min(0).max(1_048_576);
export const semver = z
  .string()
  .max(MAX_SEMVER_LENGTH)
  .regex(SEMVER_PATTERN, 'must be a semantic version such as 1.0.0');
export const versionCode = z.int().min(1).max(2_147_483_647);

interface EventTypeRow {
  /** Stored in every row; a number is never given to another type. */
  readonly key: number;
  readonly category: EventCategory;
  readonly data: z.ZodType;
}

/**
 * Every event a device may send. Keys that are not named here are refused, so that nothing personal slips in beside them.
 * A crash is reported once: by a crash report, or by `app_crash` in a batch where the device has no report to send.
 */
const ROWS = {
  app_start: {
    key: 1,
    category: 'lifecycle',
    data: z.strictObject({ cold: z.boolean().optional(), launch_ms: milliseconds.optional() }).optional(),
  },
  app_stop: {
    key: 2,
    category: 'lifecycle',
    data: z
      .strictObject({
        reason: z.enum(['user', 'system', 'update', 'crash']).optional(),
        session_seconds: z.number().min(0).max(2_678_400).optional(),
      })
      .optional(),
  },
  app_crash: {
    key: 3,
    category: 'lifecycle',
    data: z.strictObject({ crash_type: z.enum(CRASH_TYPES).optional() }).optional(),
  },
  app_install: {
    key: 4,
    category: 'lifecycle',
    data: z.strictObject({ duration_ms: milliseconds.optional() }).optional(),
  },
  app_update: {
    key: 5,
    category: 'lifecycle',
    data: z.strictObject({ from_version: semver.optional(), duration_ms: milliseconds.optional() }).optional(),
  },
  app_uninstall: { key: 6, category: 'lifecycle', data: z.strictObject({}).optional() },
  frame_time: {
    key: 7,
    category: 'performance',
    data: z.strictObject({
      avg_ms: milliseconds,
      p95_ms: milliseconds.optional(),
      max_ms: milliseconds.optional(),
      frames: z.int().min(1).max(10_000_000).optional(),
      screen: name.optional(),
    }),
  },
  memory_usage: {
    key: 8,
    category: 'performance',
    data: z.strictObject({ mb: megabytes, peak_mb: megabytes.optional() }),
  },
  lua_errors: {
    key: 9,
    category: 'performance',
    data: z.strictObject({ count: z.int().min(1).max(1_000_000), message: name.optional() }),
  },
  screen_view: {
    key: 10,
    category: 'usage',
    data: z.strictObject({ screen: name, duration_ms: milliseconds.optional() }),
  },
  button_click: { key: 11, category: 'usage', data: z.strictObject({ button: name, screen: name.optional() }) },
  mosis_version: {
    key: 12,
    category: 'system',
    data: z.strictObject({ version: semver, previous: semver.optional() }),
  },
  device_info: {
    key: 13,
    category: 'system',
    data: z.strictObject({
      model: z.string().max(64).optional(),
      os: z.string().max(32).optional(),
      os_version: z.string().max(32).optional(),
      locale: z.string().max(35).optional(),
      screen_width: z.int().min(1).max(100_000).optional(),
      screen_height: z.int().min(1).max(100_000).optional(),
      memory_mb: megabytes.optional(),
    }),
  },
} as const satisfies Record<string, EventTypeRow>;

export type EventType = keyof typeof ROWS;

/** What the server knows about one type. */
export interface EventTypeInfo extends EventTypeRow {
  readonly name: EventType;
  /** Personal by the seed's milestone: kept only with the batch's consent. */
  readonly needsConsent: boolean;
}

function isEventType(value: string): value is EventType {
  return Object.hasOwn(ROWS, value);
}

export const EVENT_TYPES: readonly EventTypeInfo[] = Object.entries(ROWS).flatMap(([type, row]) =>
  isEventType(type) ? [{ ...row, name: type, needsConsent: row.category === 'usage' }] : [],
);

const BY_NAME: ReadonlyMap<string, EventTypeInfo> = new Map(EVENT_TYPES.map((info) => [info.name, info]));
const BY_KEY: ReadonlyMap<number, EventTypeInfo> = new Map(EVENT_TYPES.map((info) => [info.key, info]));

/** The type of that name, or undefined for one that does not exist. */
export function eventType(type: string): EventTypeInfo | undefined {
  return BY_NAME.get(type);
}

/** The name of a stored key. Throws for a key that was never given out: then the file is not ours. */
export function eventTypeOfKey(key: number): EventType {
  const info = BY_KEY.get(key);
  if (info === undefined) throw new Error(`Telemetry row with unknown event type ${key}`);
  return info.name;
}

/** The stored key of a type. */
export function keyOfEventType(type: EventType): number {
  return ROWS[type].key;
}
