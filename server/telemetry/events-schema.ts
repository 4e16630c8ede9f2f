/** Owns the closed list of event types and the shape of each one's data. It knows no storage and reads no clock. */
import { z } from 'zod';
import { isReason, MAX_REASON_CHARS, REASON_PATTERN } from '../known-issues/reasons.ts';
import {
  booleanField,
  choiceField,
  type DataShape,
  dataOf,
  type Field,
  integerField,
  numberField,
  optional,
  optionalDataOf,
  semverField,
  textField,
} from './event-fields.ts';

export const EVENT_CATEGORIES = ['lifecycle', 'performance', 'usage', 'system'] as const;
export type EventCategory = (typeof EVENT_CATEGORIES)[number];

/** What ended an app; also the closed list of a crash report's `crash_type`. */
export const CRASH_TYPES = ['lua_error', 'out_of_memory', 'not_responding', 'native_crash'] as const;
export type CrashType = (typeof CRASH_TYPES)[number];

const name = textField(1, 200);
const milliseconds = numberField(0, 86_400_000);
const megabytes = numberField(0, 1_048_576);
const code = integerField(1, 2_147_483_647);
/** An error code of the device; devices to come have others. */
const failureReason: Field = {
  ...textField(1, MAX_REASON_CHARS),
  schema: z.string().max(MAX_REASON_CHARS).regex(REASON_PATTERN, 'must be a code such as DOWNLOAD_CORRUPT'),
  accepts: (value) => typeof value === 'string' && isReason(value),
};

export { semver } from './event-fields.ts';
export const versionCode = z.int().min(1).max(2_147_483_647);

interface EventTypeRow {
  /** Stored in every row; a number is never given to another type. */
  readonly key: number;
  readonly category: EventCategory;
  readonly data: DataShape;
}

/**
 * Every event a device may send. Keys that are not named here are refused, so that nothing personal slips in beside them.
 * A crash is reported once: by a crash report, or by `app_crash` in a batch where the device has no report to send.
 */
const ROWS = {
  app_start: {
    key: 1,
    category: 'lifecycle',
    data: optionalDataOf({ cold: optional(booleanField), launch_ms: optional(milliseconds) }),
  },
  app_stop: {
    key: 2,
    category: 'lifecycle',
    data: optionalDataOf({
      reason: optional(choiceField(['user', 'system', 'update', 'crash'])),
      session_seconds: optional(numberField(0, 2_678_400)),
    }),
  },
  app_crash: {
    key: 3,
    category: 'lifecycle',
    data: optionalDataOf({ crash_type: optional(choiceField(CRASH_TYPES)) }),
  },
  app_install: { key: 4, category: 'lifecycle', data: optionalDataOf({ duration_ms: optional(milliseconds) }) },
  app_update: {
    key: 5,
    category: 'lifecycle',
    data: optionalDataOf({ from_version: optional(semverField), duration_ms: optional(milliseconds) }),
  },
  app_update_failed: {
    key: 14,
    category: 'lifecycle',
    data: dataOf({ from_code: optional(code), to_code: code, reason: failureReason }),
  },
  app_uninstall: { key: 6, category: 'lifecycle', data: optionalDataOf({}) },
  frame_time: {
    key: 7,
    category: 'performance',
    data: dataOf({
      avg_ms: milliseconds,
      p95_ms: optional(milliseconds),
      max_ms: optional(milliseconds),
      frames: optional(integerField(1, 10_000_000)),
      screen: optional(name),
    }),
  },
  memory_usage: { key: 8, category: 'performance', data: dataOf({ mb: megabytes, peak_mb: optional(megabytes) }) },
  lua_errors: {
    key: 9,
    category: 'performance',
    data: dataOf({ count: integerField(1, 1_000_000), message: optional(name) }),
  },
  screen_view: { key: 10, category: 'usage', data: dataOf({ screen: name, duration_ms: optional(milliseconds) }) },
  button_click: { key: 11, category: 'usage', data: dataOf({ button: name, screen: optional(name) }) },
  mosis_version: {
    key: 12,
    category: 'system',
    data: dataOf({ version: semverField, previous: optional(semverField) }),
  },
  device_info: {
    key: 13,
    category: 'system',
    data: dataOf({
      model: optional(textField(0, 64)),
      os: optional(textField(0, 32)),
      os_version: optional(textField(0, 32)),
      locale: optional(textField(0, 35)),
      screen_width: optional(integerField(1, 100_000)),
      screen_height: optional(integerField(1, 100_000)),
      memory_mb: optional(megabytes),
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
