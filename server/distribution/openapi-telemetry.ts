/** Owns the telemetry half of the OpenAPI document. The names and limits come from the telemetry feature. */
import { z } from 'zod';
import { PACKAGE_ID_PATTERN } from '../../format/manifest-schema.ts';
import { SEMVER_PATTERN } from '../../format/semver.ts';
import { KNOWN_ISSUE_LIMITS } from '../known-issues/service.ts';
import { REJECTION_REASONS } from '../telemetry/bodies.ts';
import { CRASH_TYPES, EVENT_TYPES, type EventTypeInfo } from '../telemetry/events-schema.ts';
import { TELEMETRY_LIMITS } from '../telemetry/limits.ts';
import { DROP_REASONS } from '../telemetry/losses.ts';
import { type Json, problem } from './openapi-parts.ts';

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const answer = (description: string, name: string): Json => ({
  description,
  content: { 'application/json': { schema: ref(name) } },
});

function post(operationId: string, summary: string, body: string, answers: Json): Json {
  const wait = { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'string' } } };
  return {
    post: {
      operationId,
      summary,
      requestBody: { required: true, content: { 'application/json': { schema: ref(body) } } },
      responses: {
        ...answers,
        '400': problem('The body is not JSON, or breaks a rule; `fields` says which.'),
        '404': problem('No such published app, or no such request.'),
        '408': problem(
          `The body came too slowly: not within ${TELEMETRY_LIMITS.bodyTimeoutMs / 1000} s, nor at ${TELEMETRY_LIMITS.minBytesPerSecond} bytes a second after that. Send it again later.`,
        ),
        '413': problem(
          `Over ${TELEMETRY_LIMITS.maxEncodedBytes} bytes, or ${TELEMETRY_LIMITS.maxDecodedBytes} unpacked.`,
        ),
        '415': problem('Not application/json, or an encoding other than gzip and zstd.'),
        '429': problem('Too many requests.', wait),
        '503': problem('The server is behind with writing.', wait),
      },
    },
  };
}

/** The paths of the telemetry endpoints. */
export function telemetryPaths(): Json {
  return {
    '/v1/telemetry/events': post(
      'sendEvents',
      'Takes a batch of events. The same batch_id again gets the first answer.',
      'EventBatch',
      { '202': answer('Stored: it survives a power cut.', 'IngestAnswer') },
    ),
    '/v1/telemetry/crash': post('sendCrash', 'Takes a crash report.', 'CrashReport', {
      '202': answer('Stored: it survives a power cut.', 'IngestAnswer'),
    }),
    '/v1/telemetry/device-requests': post(
      'requestDeviceData',
      'Asks for the export or the erasure of what one device sent for one app.',
      'DeviceRequest',
      { '202': answer('Taken; the token fetches the result.', 'DeviceRequestToken') },
    ),
    '/v1/telemetry/device-requests/result': post(
      'deviceRequestResult',
      `What came of a device request; kept for ${TELEMETRY_LIMITS.exportHours} hours.`,
      'DeviceRequestToken',
      {
        '200': {
          description: 'Done: the export, or how much was erased.',
          content: { 'application/json': { schema: { oneOf: [ref('DeviceExport'), ref('DeviceErased')] } } },
        },
        '202': answer('It still runs.', 'DeviceRequestRunning'),
      },
    ),
  };
}

const PACKAGE_ID = { type: 'string', pattern: PACKAGE_ID_PATTERN.source, maxLength: 128 };
const SEMVER = { type: 'string', pattern: SEMVER_PATTERN.source, maxLength: 128 };
const DEVICE_ID = {
  type: 'string',
  pattern: '^[0-9a-fA-F]{64}$',
  description: 'HMAC-SHA-256 of the package id under a secret that the device made.',
};
const VERSION_CODE = { type: 'integer', minimum: 1 };
const INSTANT = { type: 'string', format: 'date-time' };
const UUID = { type: 'string', format: 'uuid' };

function object(required: readonly string[], properties: Json): Json {
  return { type: 'object', required, properties, additionalProperties: false };
}

/** `frame_time` is described as `FrameTimeEvent`. */
function eventSchemaName(type: string): string {
  return `${type.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Event`;
}

/** The schema of an event, made from what the server holds events against. */
function eventSchema({ name, data, needsConsent }: EventTypeInfo): Json {
  const { $schema: _, ...shape } = z.toJSONSchema(data.schema);
  return {
    ...object(data.optional ? ['type', 'at'] : ['type', 'at', 'data'], {
      type: { const: name },
      at: INSTANT,
      data: shape,
    }),
    ...(needsConsent ? { description: 'Only in a batch with consent.' } : {}),
  };
}

/** The schemas of the telemetry bodies and answers. */
export function telemetrySchemas(): Json {
  return {
    ...Object.fromEntries(EVENT_TYPES.map((type) => [eventSchemaName(type.name), eventSchema(type)])),
    EventBatch: object(
      ['batch_id', 'app_id', 'app_version', 'mosis_version', 'device_id', 'consent', 'sent_at', 'events'],
      {
        batch_id: UUID,
        app_id: PACKAGE_ID,
        app_version: SEMVER,
        version_code: VERSION_CODE,
        mosis_version: SEMVER,
        device_id: DEVICE_ID,
        consent: { type: 'boolean', description: 'Whether the user agreed to usage events.' },
        sent_at: INSTANT,
        dropped: {
          ...object(
            [],
            Object.fromEntries(
              DROP_REASONS.map((reason) => [reason, { type: 'integer', minimum: 1, maximum: 1_000_000_000 }]),
            ),
          ),
          description: 'Events of this app that the device dropped since its last batch, by reason.',
        },
        events: {
          type: 'array',
          minItems: 1,
          maxItems: TELEMETRY_LIMITS.maxEventsPerBatch,
          items: {
            oneOf: EVENT_TYPES.map(({ name }) => ref(eventSchemaName(name))),
            discriminator: {
              propertyName: 'type',
              mapping: Object.fromEntries(
                EVENT_TYPES.map(({ name }) => [name, `#/components/schemas/${eventSchemaName(name)}`]),
              ),
            },
          },
        },
      },
    ),
    IngestAnswer: {
      type: 'object',
      required: ['accepted', 'rejected'],
      properties: {
        accepted: { type: 'integer' },
        known_issues: {
          type: 'array',
          description:
            'What the developer notes on updates that the batch says have failed; left out where there is nothing to tell.',
          items: object(['version_code', 'reason', 'note'], {
            version_code: VERSION_CODE,
            reason: { type: ['string', 'null'], description: 'The reason that it is about; null for any.' },
            note: {
              type: 'string',
              description: 'Plain text for the user.',
              maxLength: KNOWN_ISSUE_LIMITS.maxNoteChars,
            },
          }),
        },
        rejected: {
          type: 'array',
          items: {
            type: 'object',
            required: ['index', 'reason'],
            properties: { index: { type: 'integer' }, reason: { enum: REJECTION_REASONS }, detail: { type: 'string' } },
          },
        },
      },
    },
    CrashReport: object(
      ['app_id', 'app_version', 'mosis_version', 'device_id', 'timestamp', 'crash_type', 'message', 'stack_trace'],
      {
        report_id: UUID,
        app_id: PACKAGE_ID,
        app_version: SEMVER,
        version_code: VERSION_CODE,
        mosis_version: SEMVER,
        device_id: DEVICE_ID,
        timestamp: INSTANT,
        sent_at: INSTANT,
        crash_type: { enum: CRASH_TYPES },
        message: { type: 'string', maxLength: 4096 },
        stack_trace: { type: 'string', maxLength: 32768 },
        fingerprint: { type: 'string', minLength: 1, maxLength: 128 },
        context: object([], {
          screen: { type: 'string', maxLength: 200 },
          memory_mb: { type: 'number', minimum: 0, maximum: 1_048_576 },
          uptime_seconds: { type: 'number', minimum: 0, maximum: 3_155_760_000 },
        }),
      },
    ),
    DeviceRequest: object(['package_id', 'device_id', 'action'], {
      package_id: PACKAGE_ID,
      device_id: DEVICE_ID,
      action: { enum: ['export', 'erase'] },
    }),
    DeviceRequestToken: object(['token'], { token: { type: 'string', pattern: '^[A-Za-z0-9_-]{43}$' } }),
    DeviceExport: object(['batches'], {
      batches: {
        type: 'array',
        description: 'Everything stored of the device, as it was sent.',
        items: { type: 'object' },
      },
    }),
    DeviceErased: object(['state', 'action', 'events_removed'], {
      state: { const: 'done' },
      action: { const: 'erase' },
      events_removed: { type: 'integer', minimum: 0 },
    }),
    DeviceRequestRunning: object(['state'], { state: { const: 'running' } }),
  };
}
