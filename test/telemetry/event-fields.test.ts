import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENT_TYPES } from '../../server/telemetry/events-schema.ts';
import { instant, instantMs } from '../../server/telemetry/instant.ts';

const FIELD_NAMES = [
  ...[
    'cold',
    'launch_ms',
    'reason',
    'session_seconds',
    'crash_type',
    'duration_ms',
    'from_version',
    'avg_ms',
    'p95_ms',
  ],
  ...['frames', 'screen', 'mb', 'peak_mb', 'count', 'message', 'button', 'version', 'previous', 'model', 'locale'],
  ...['screen_width', '__proto__', 'constructor', 'toString'],
];
const value = fc.oneof(
  fc.constantFrom<unknown>(
    true,
    null,
    0,
    -1,
    1.5,
    1e12,
    '',
    'user',
    'lua_error',
    '1.0.0',
    '1.0.0-rc.1',
    'x'.repeat(201),
    '😀'.repeat(200),
    '😀'.repeat(201),
  ),
  fc.integer({ min: -2, max: 200_000 }),
  fc.string({ maxLength: 70 }),
  fc.constant([]),
  fc.constant({}),
);
/** As JSON gives it: own properties only, also one called `__proto__`. */
const data = fc
  .array(fc.tuple(fc.constantFrom(...FIELD_NAMES), value), { maxLength: 3 })
  .map((pairs): unknown =>
    JSON.parse(`{${pairs.map(([name, v]) => `${JSON.stringify(name)}:${JSON.stringify(v)}`).join(',')}}`),
  );
const anyData = fc.oneof(
  { weight: 9, arbitrary: data },
  { weight: 1, arbitrary: fc.oneof(value, fc.constant(undefined)) },
);

describe('the data of an event', () => {
  it('is accepted by the plain test exactly where its schema accepts it', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.constantFrom(...EVENT_TYPES), anyData, (type, given) => {
        const verdict = type.data.accepts(given);
        if (verdict) accepted += 1;
        expect(verdict).toBe(type.data.schema.safeParse(given).success);
      }),
      { numRuns: 5_000 },
    );
    expect(accepted).toBeGreaterThan(300);
  });
});

describe('a time', () => {
  const pad = (n: number, width: number) => String(n).padStart(width, '0');
  const part = (max: number) => fc.integer({ min: 0, max });
  const text = fc
    .tuple(fc.integer({ min: 0, max: 9999 }), part(13), part(32), part(24), part(60), part(60), part(999))
    .map(([y, mo, d, h, mi, s, ms]) => ({
      day: `${pad(y, 4)}-${pad(mo, 2)}-${pad(d, 2)}`,
      time: `${pad(h, 2)}:${pad(mi, 2)}:${pad(s, 2)}`,
      ms: pad(ms, 3),
    }))
    .chain(({ day, time, ms }) =>
      fc.constantFrom(
        `${day}T${time}Z`,
        `${day}T${time}.${ms}Z`,
        `${day}T${time}.${ms}+02:00`,
        `${day}T${time}.${ms}1Z`,
        `${day} ${time}.${ms}Z`,
        `${day}T${time}.${ms}z`,
        `${day}T${time}`,
      ),
    );

  it('is read digit by digit as the schema and the calendar read it', () => {
    fc.assert(
      fc.property(text, (written) => {
        const expected = instant.safeParse(written).success ? Date.parse(written) : Number.NaN;
        expect(instantMs(written)).toBe(expected);
      }),
      { numRuns: 20_000 },
    );
  });

  it.each(['2026-02-29T00:00:00Z', '2026-04-31T00:00:00.000Z', '2026-0a-01T00:00:00Z', '2026-01-01T24:00:00Z', ''])(
    'that does not exist is none: %s',
    (written) => {
      expect(instantMs(written)).toBeNaN();
    },
  );

  it.each(['2024-02-29T23:59:59.999Z', '1970-01-01T00:00:00Z', '0001-01-01T00:00:00Z', '2000-02-29T12:00:00+14:00'])(
    'at the edge of the calendar is read: %s',
    (written) => {
      expect(instantMs(written)).toBe(Date.parse(written));
    },
  );
});
