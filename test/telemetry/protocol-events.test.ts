// docs/DEVICE_PROTOCOL.md §7: its table of events, its reasons and its limits are those of the server.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { REJECTION_REASONS } from '../../server/telemetry/bodies.ts';
import { EVENT_TYPES, type EventTypeInfo } from '../../server/telemetry/events-schema.ts';
import { instantMs } from '../../server/telemetry/instant.ts';
import { TELEMETRY_LIMITS } from '../../server/telemetry/limits.ts';
import { DROP_REASONS } from '../../server/telemetry/losses.ts';
import { schemaOf } from '../distribution/openapi-schema.ts';
import { batch, crash } from './stand.ts';

let section: string;
beforeAll(async () => {
  const document = await readFile(fileURLToPath(new URL('../../docs/DEVICE_PROTOCOL.md', import.meta.url)), 'utf8');
  section = document.slice(document.indexOf('## 7. Telemetry'), document.indexOf('## 8. '));
});

const JsonField = z.object({
  type: z.enum(['boolean', 'string', 'number', 'integer']),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  pattern: z.string().optional(),
});
const JsonData = z.object({
  properties: z.record(z.string(), JsonField),
  required: z.array(z.string()).default([]),
});

/** How the table says what a field may be. */
function wordsFor({ type, enum: values, pattern, ...bounds }: z.infer<typeof JsonField>): string {
  const number = (value: number | undefined) => (value ?? Number.NaN).toLocaleString('en');
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(', ');
  if (type === 'boolean') return 'true or false';
  if (type === 'integer') return `whole number ${number(bounds.minimum)} to ${number(bounds.maximum)}`;
  if (type === 'number') return `number ${number(bounds.minimum)} to ${number(bounds.maximum)}`;
  if (pattern?.startsWith('^[A-Z]') === true) return `code of at most ${number(bounds.maxLength)} characters`;
  if (pattern !== undefined) return `semantic version of at most ${number(bounds.maxLength)} characters`;
  return `text of ${number(bounds.minLength)} to ${number(bounds.maxLength)} characters`;
}

/** The table's row of a type, without the last column, which is for people. */
function rowOf({ name, category, data, needsConsent }: EventTypeInfo): string {
  const { properties, required } = JsonData.parse(z.toJSONSchema(data.schema));
  const fields = Object.entries(properties).map(
    ([field, schema]) => `\`${field}\`${required.includes(field) ? ' (required)' : ''}: ${wordsFor(schema)}`,
  );
  const told = fields.length === 0 ? 'none' : fields.join('; ');
  return `| \`${name}\` | ${category}${needsConsent ? ', with consent' : ''} | ${told} |`;
}

it('has each event with its fields and limits, and no other', () => {
  const rows = section.split('\n').filter((line) => /^\| `[a-z_]+` \| (lifecycle|performance|usage|system)/.test(line));
  const expected = EVENT_TYPES.map(rowOf);
  expect(rows.map((row, index) => row.slice(0, expected[index]?.length))).toEqual(expected);
  for (const row of rows) expect(row).toMatch(/\| [^|]+ \|$/);
});

it('has each reason for a rejection and for a drop', () => {
  for (const reason of REJECTION_REASONS) expect(section).toContain(`| \`${reason}\` |`);
  for (const reason of DROP_REASONS) expect(section).toContain(`\`${reason}\``);
});

it('says the limits of a body as they are', () => {
  const { maxEncodedBytes, maxDecodedBytes, maxEventsPerBatch, bodyTimeoutMs, bodyIdleMs, minBytesPerSecond } =
    TELEMETRY_LIMITS;
  for (const words of [
    `at most ${maxEncodedBytes / 1024} KiB, unpacked ${maxDecodedBytes / 1024 ** 2} MiB`,
    `At most ${maxEventsPerBatch} events a batch`,
    `Any body may take ${bodyTimeoutMs / 1000} s.`,
    `${minBytesPerSecond.toLocaleString('en')} bytes for each second past those`,
    `never pause for ${bodyIdleMs / 1000} s`,
    `${TELEMETRY_LIMITS.maxSlowBodies} at once, ${TELEMETRY_LIMITS.maxSlowBodiesPerAddress} from one address`,
    `over ${TELEMETRY_LIMITS.maxEventAgeMs / 86_400_000} days ago`,
    `over ${TELEMETRY_LIMITS.maxEventAheadMs / 60_000} minutes ahead`,
    `on the first ${TELEMETRY_LIMITS.maxRejectionDetails} at most`,
    `after ${TELEMETRY_LIMITS.exportHours} hours`,
  ])
    expect(section).toContain(words);
});

it('has examples of bodies and answers that openapi.json takes', () => {
  const examples = [...section.matchAll(/```json\n([\s\S]*?)\n```/g)].map(([, text = '']): unknown =>
    JSON.parse(
      text.replaceAll('<64 hex digits>', 'ab'.repeat(32)).replaceAll('<UUID>', '00000000-0000-4000-8000-000000000001'),
    ),
  );
  const names = ['EventBatch', 'IngestAnswer', 'CrashReport', 'DeviceRequest'];
  expect(examples).toHaveLength(names.length);
  for (const [index, name] of names.entries())
    expect(
      schemaOf({ $ref: `#/components/schemas/${name}` }).safeParse(examples[index]).error?.issues ?? [],
      name,
    ).toEqual([]);
  // And the schemas would say no.
  expect(schemaOf({ $ref: '#/components/schemas/EventBatch' }).safeParse(batch(1, { consent: 1 })).success).toBe(false);
  expect(schemaOf({ $ref: '#/components/schemas/CrashReport' }).safeParse(crash({ user: 'a' })).success).toBe(false);
});

it('writes times as the server reads them', () => {
  for (const time of ['2026-03-01T12:00:00Z', '2026-03-01T12:00:00.5Z', '2026-03-01T14:00:00+02:00'])
    expect(Number.isNaN(instantMs(time)), time).toBe(false);
  for (const time of ['2026-03-01 12:00:00', '2026-03-01T12:00:00', '1772366400'])
    expect(Number.isNaN(instantMs(time)), time).toBe(true);
});
