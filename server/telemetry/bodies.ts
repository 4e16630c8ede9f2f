/** Owns what the telemetry endpoints accept: parsing of bodies and of each event. Pure: the time comes as an argument. */
import { z } from 'zod';
import { PACKAGE_ID_PATTERN } from '../../format/manifest-schema.ts';
import { DomainError } from '../errors.ts';
import { clockShiftMs } from './clock-skew.ts';
import { CRASH_TYPES, eventType, semver, versionCode } from './events-schema.ts';
import { instant, instantMs } from './instant.ts';
import { DAY_MS, TELEMETRY_LIMITS } from './limits.ts';
import { droppedField } from './losses.ts';
import { packValues } from './metrics.ts';

/** Why one event of a batch was not counted. */
export const REJECTION_REASONS = [
  'MALFORMED',
  'TYPE_UNKNOWN',
  'DATA_INVALID',
  'TIME_INVALID',
  'TOO_OLD',
  'IN_FUTURE',
  'CONSENT_MISSING',
] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

export interface Rejection {
  /** Place in the batch's `events`, from 0. */
  readonly index: number;
  readonly reason: RejectionReason;
  /** What is wrong with the data, for the first few. */
  readonly detail?: string;
}

/** The answer to a batch; a repeat of the batch gets the same one. */
export interface IngestAnswer {
  readonly accepted: number;
  readonly rejected: readonly Rejection[];
  /** Notes on versions that the batch says could not be updated to; left out where there are none. */
  readonly known_issues?: readonly {
    readonly version_code: number;
    readonly reason: string | null;
    readonly note: string;
  }[];
}

/** Numbers that a packed event has: type key, UTC day since 1970, millisecond of that day, length of its data or -1. */
export const PACKED_NUMBERS = 4;

/**
 * Events that count, packed so that they pass to the writer's thread as one array and one text: PACKED_NUMBERS numbers an
 * event, and all data (JSON) joined.
 */
export interface PackedEvents {
  readonly numbers: Int32Array;
  readonly data: string;
  /** Measured values, packed (metrics.ts). */
  readonly values: Int32Array;
}

/** How many events there are. */
export function packedCount(events: PackedEvents): number {
  return events.numbers.length / PACKED_NUMBERS;
}

// docs/PACKAGE_FORMAT.md §3, `id`.
const packageId = z.string().min(3).max(128).regex(PACKAGE_ID_PATTERN, 'must be a package id such as com.example.app');
// 256 bits: a shorter id could be found by trying (docs/ARCHITECTURE.md, Privacy).
const deviceId = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits: an HMAC-SHA-256 under a secret of the device')
  .transform((id) => id.toLowerCase());
const uuid = z.guid().transform((id) => id.toLowerCase());

const outside = {
  batch_id: uuid,
  app_id: packageId,
  app_version: semver,
  version_code: versionCode.optional(),
  mosis_version: semver,
  device_id: deviceId,
  consent: z.boolean(),
  sent_at: instant,
  dropped: droppedField,
};
const eventsBody = z.strictObject({
  ...outside,
  // Each event is judged by itself.
  events: z.custom<readonly unknown[]>(
    (events) => Array.isArray(events) && events.length >= 1 && events.length <= TELEMETRY_LIMITS.maxEventsPerBatch,
    `must be an array of 1 to ${TELEMETRY_LIMITS.maxEventsPerBatch} events`,
  ),
});
export type EventsBody = z.infer<typeof eventsBody>;
/** A batch without its events. */
export type BatchOutside = Omit<EventsBody, 'events'>;
const emptyBody = z.strictObject({
  ...outside,
  events: z.custom<readonly unknown[]>((events) => Array.isArray(events) && events.length === 0),
});

const crashBody = z.strictObject({
  report_id: uuid.optional(),
  app_id: packageId,
  app_version: semver,
  version_code: versionCode.optional(),
  mosis_version: semver,
  device_id: deviceId,
  timestamp: instant,
  sent_at: instant.optional(),
  crash_type: z.enum(CRASH_TYPES),
  message: z.string().max(4_096),
  stack_trace: z.string().max(32_768),
  // Put in place of message and stack where an app knows better which crashes are the same.
  fingerprint: z.string().min(1).max(128).optional(),
  context: z
    .strictObject({
      screen: z.string().max(200).optional(),
      memory_mb: z.number().min(0).max(1_048_576).optional(),
      uptime_seconds: z.number().min(0).max(3_155_760_000).optional(),
    })
    .optional(),
});
export type CrashBody = z.infer<typeof crashBody>;

const deviceRequestBody = z.strictObject({
  package_id: packageId,
  device_id: deviceId,
  action: z.enum(['export', 'erase']),
});
export type DeviceRequestBody = z.infer<typeof deviceRequestBody>;

const deviceResultBody = z.strictObject({
  token: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be the token of the request'),
});

const eventEnvelope = z.strictObject({
  type: z.string().max(64),
  at: z.string().max(40),
  data: z.unknown().optional(),
});

/** Parses a batch's outside; each event is judged by `judgeEvents`. Throws VALIDATION naming every wrong field. */
export function parseEventsBody(body: unknown): EventsBody {
  return parsed(eventsBody, body);
}

/** The outside of a batch whose events were taken out; null for what `parseEventsBody` would refuse with any events. */
export function parseEmptied(body: unknown): BatchOutside | null {
  return emptyBody.safeParse(body).data ?? null;
}

/**
 * Parses a crash report of the seed's schema; `atMs` is its time by our clock where it says when it was sent. Throws
 * VALIDATION, also for a time that does not count.
 */
export function parseCrashBody(body: unknown, nowMs: number): CrashBody & { readonly atMs: number } {
  const crash = parsed(crashBody, body);
  const shiftMs = crash.sent_at === undefined ? 0 : clockShiftMs(Date.parse(crash.sent_at), nowMs);
  const atMs = Date.parse(crash.timestamp) + shiftMs;
  const reason = timeRejection(atMs, nowMs);
  if (reason === null) return { ...crash, atMs };
  const message =
    'must lie between 90 days back and 5 minutes ahead of the server; correct the clock or drop the report';
  throw invalid([{ path: 'timestamp', message }]);
}

/** Parses a device's request for its data. Throws VALIDATION. */
export function parseDeviceRequest(body: unknown): DeviceRequestBody {
  return parsed(deviceRequestBody, body);
}

/** Parses the question for a device request's result. Throws VALIDATION. */
export function parseDeviceResult(body: unknown): { readonly token: string } {
  return parsed(deviceResultBody, body);
}

/** A batch's events that count, and what the batch is answered. */
export interface JudgedEvents {
  readonly events: PackedEvents;
  readonly answer: IngestAnswer;
}

/**
 * Sorts a batch's events into those that count and those that do not, with the reason of each. Their times are moved by
 * what the device's clock is off (`clockShiftMs`). Never throws.
 */
export function judgeEvents(body: EventsBody, nowMs: number): JudgedEvents {
  const numbers = new Int32Array(body.events.length * PACKED_NUMBERS);
  const rejected: Rejection[] = [];
  const shiftMs = clockShiftMs(instantMs(body.sent_at), nowMs);
  const values: number[] = [];
  let data = '';
  let at = 0;
  for (const [index, candidate] of body.events.entries()) {
    const verdict = judgeEvent(candidate, body.consent, nowMs, shiftMs);
    if (typeof verdict.reason === 'string') {
      const explain = verdict.detail !== undefined && rejected.length < TELEMETRY_LIMITS.maxRejectionDetails;
      rejected.push({ index, reason: verdict.reason, ...(explain ? { detail: verdict.detail } : {}) });
      continue;
    }
    const day = Math.floor(verdict.atMs / DAY_MS);
    numbers[at] = verdict.type;
    numbers[at + 1] = day;
    numbers[at + 2] = verdict.atMs - day * DAY_MS;
    numbers[at + 3] = verdict.data === null ? -1 : verdict.data.length;
    if (verdict.data !== null) data += verdict.data;
    packValues(values, verdict.type, day, verdict.content);
    at += PACKED_NUMBERS;
  }
  const events = {
    numbers: at === numbers.length ? numbers : numbers.slice(0, at),
    data,
    values: new Int32Array(values),
  };
  return { events, answer: { accepted: at / PACKED_NUMBERS, rejected } };
}

/** One event without data, packed. */
export function packedEvent(type: number, atMs: number): PackedEvents {
  const day = Math.floor(atMs / DAY_MS);
  return { numbers: Int32Array.of(type, day, atMs - day * DAY_MS, -1), data: '', values: new Int32Array(0) };
}

type Verdict =
  | {
      readonly reason: null;
      readonly type: number;
      readonly atMs: number;
      readonly data: string | null;
      readonly content: unknown;
    }
  | { readonly reason: RejectionReason; readonly detail?: string };

function judgeEvent(candidate: unknown, consent: boolean, nowMs: number, shiftMs: number): Verdict {
  if (!isEnvelope(candidate)) {
    const envelope = eventEnvelope.safeParse(candidate);
    return { reason: 'MALFORMED', detail: envelope.success ? 'not valid' : firstProblem(envelope.error) };
  }
  const { type, at, data } = candidate;
  const info = eventType(type);
  if (info === undefined) return { reason: 'TYPE_UNKNOWN' };
  if (info.needsConsent && !consent) return { reason: 'CONSENT_MISSING' };
  const atMs = instantMs(at) + shiftMs;
  const reason = timeRejection(atMs, nowMs);
  if (reason !== null) return { reason };
  if (!info.data.accepts(data)) {
    const content = info.data.schema.safeParse(data);
    return { reason: 'DATA_INVALID', detail: content.success ? 'not valid' : firstProblem(content.error) };
  }
  return { reason: null, type: info.key, atMs, data: data === undefined ? null : JSON.stringify(data), content: data };
}

/** What `eventEnvelope` accepts, told without garbage. */
function isEnvelope(value: unknown): value is { readonly type: string; readonly at: string; readonly data?: unknown } {
  if (typeof value !== 'object' || value === null || !('type' in value) || !('at' in value)) return false;
  const { type, at } = value;
  if (typeof type !== 'string' || type.length > 64 || typeof at !== 'string' || at.length > 40) return false;
  return Object.keys(value).length === ('data' in value ? 3 : 2);
}

/** Why an event of that time does not count; null where it does. */
export function timeRejection(atMs: number, nowMs: number): RejectionReason | null {
  if (Number.isNaN(atMs)) return 'TIME_INVALID';
  if (atMs < nowMs - TELEMETRY_LIMITS.maxEventAgeMs) return 'TOO_OLD';
  if (atMs > nowMs + TELEMETRY_LIMITS.maxEventAheadMs) return 'IN_FUTURE';
  return null;
}

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const fields = result.error.issues
    .slice(0, 20)
    .map((issue) => ({ path: issue.path.join('.'), message: issue.message.slice(0, 200) }));
  throw invalid(fields);
}

function invalid(fields: { path: string; message: string }[]): DomainError {
  const [first] = fields;
  const where = first === undefined || first.path === '' ? '' : ` (${first.path}: ${first.message})`;
  return new DomainError('VALIDATION', `The body is not what this endpoint takes${where}. Correct the named fields.`, {
    fields,
  });
}

function firstProblem(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'not valid';
  return `${issue.path.length === 0 ? '' : `${issue.path.join('.')}: `}${issue.message}`.slice(0, 200);
}
