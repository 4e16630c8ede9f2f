import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeEvents, type PackedEvents, parseEventsBody } from '../../server/telemetry/bodies.ts';
import { parseJson } from '../../server/telemetry/body.ts';
import { VALUE_NUMBERS } from '../../server/telemetry/metrics.ts';
import { scanBatch } from '../../server/telemetry/scan.ts';
import { batch, START } from './stand.ts';

const NOW_MS = START.getTime();
const SENT_AT = [
  '2026-01-15T12:00:00Z',
  '2026-01-15T06:00:00.000Z',
  '2026-01-15T14:00:00+02:00',
  '2020-01-01T00:00:00Z',
];

/** Values in no order: digests do not know one. */
function sortedValues({ values }: PackedEvents): string[] {
  return Array.from(
    { length: values.length / VALUE_NUMBERS },
    (_, i) => `${values[i * 2]} ${values[i * 2 + 1]}`,
  ).sort();
}

/** Whether the quick way takes a text; throws where it takes one that the parser proper refuses or reads otherwise. */
function isTaken(text: string): boolean {
  const bytes = Buffer.from(text);
  const scanned = scanBatch(bytes, NOW_MS);
  if (scanned === null) return false;
  const body = parseEventsBody(parseJson(bytes));
  const { events, answer } = judgeEvents(body, NOW_MS);
  expect(answer).toEqual({ accepted: body.events.length, rejected: [] });
  expect({ ...scanned.batch, events: body.events }).toEqual(body);
  expect(scanned.events.numbers).toEqual(events.numbers);
  expect(scanned.events.data).toBe(events.data);
  expect(sortedValues(scanned.events)).toEqual(sortedValues(events));
  return true;
}

const ms = fc.oneof(
  fc.integer({ min: 0, max: 90_000_000 }),
  fc.double({ min: 0, max: 1e8, noNaN: true }),
  fc.constant(16.4),
);
const text = fc.string({ maxLength: 12, unit: 'grapheme-ascii' });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const data = {
  app_start: maybe(fc.record({ cold: maybe(fc.boolean()), launch_ms: maybe(ms) })),
  app_stop: maybe(fc.record({ reason: maybe(fc.constantFrom('user', 'crash', 'else')), session_seconds: maybe(ms) })),
  app_uninstall: maybe(fc.constant({})),
  app_update: fc.record({ from_version: maybe(fc.constantFrom('1.0.0', '1.0.0-rc.1+b', '01.0.0', 'x')) }),
  frame_time: fc.record({ avg_ms: ms, p95_ms: maybe(ms), frames: maybe(fc.integer()), screen: maybe(text) }),
  memory_usage: fc.record({ mb: ms, peak_mb: maybe(ms) }),
  lua_errors: fc.record({ count: fc.integer({ min: 0, max: 5 }), message: maybe(text) }),
  screen_view: fc.record({ screen: text }),
  device_info: fc.record({ model: maybe(text), locale: maybe(fc.constant('de-DE')), memory_mb: maybe(ms) }),
  no_such_type: fc.constant({}),
};
const at = fc.oneof(
  fc.integer({ min: NOW_MS - 91 * 86_400_000, max: NOW_MS + 600_000 }).map((n) => new Date(n).toISOString()),
  fc.constantFrom(
    '2026-01-15T11:00:00Z',
    '2026-01-15T11:00:00+01:00',
    '2026-02-30T11:00:00Z',
    '2026-01-15T11:00:00.5Z',
  ),
);
const event = fc.oneof(
  ...Object.entries(data).map(([type, content]) =>
    fc.record({ type: fc.constant(type), at, data: content as fc.Arbitrary<unknown> }),
  ),
);
/** The same keys in any order. */
const shuffled = event.chain((one) =>
  fc.shuffledSubarray(Object.entries(one), { minLength: 3 }).map((entries) => Object.fromEntries(entries) as unknown),
);
const body = fc
  .record({
    events: fc.array(shuffled, { minLength: 0, maxLength: 4 }),
    consent: fc.boolean(),
    sent_at: fc.constantFrom(...SENT_AT),
  })
  .map((changes) => JSON.stringify(batch(1, changes)));

describe('the quick way through a batch', () => {
  it('takes what devices write, its keys in any order and its times by the second or the millisecond', () => {
    const events = [
      { type: 'app_start', at: '2026-01-15T11:59:00Z', data: { cold: true, launch_ms: 412 } },
      { at: '2026-01-15T11:59:00.123Z', data: { p95_ms: 21.5, avg_ms: 16.4 }, type: 'frame_time' },
      { data: { screen: 'a {b}, [c]' }, type: 'screen_view', at: '2026-01-15T11:59:00Z' },
      { type: 'app_stop', at: '2026-01-15T11:59:00Z' },
      { type: 'app_uninstall', at: '2026-01-15T11:59:00Z', data: {} },
    ];
    expect(isTaken(JSON.stringify(batch(1, { events, consent: true })))).toBe(true);
    expect(isTaken(JSON.stringify(batch(1, { events, consent: true, dropped: { queue_full: 3 } })))).toBe(true);
    const { events: last, ...first } = batch(1, { events, consent: true });
    expect(isTaken(JSON.stringify({ events: last, ...first }))).toBe(true);
    expect(isTaken(JSON.stringify(batch(1, { events: new Array(500).fill(events[0]) })))).toBe(true);
  });

  it('leaves to the parser what is refused, rejected or written in another way', () => {
    const one = { type: 'frame_time', at: '2026-01-15T11:59:00Z', data: { avg_ms: 16.4 } };
    const plain = JSON.stringify(batch(1, { events: [one] }));
    expect(isTaken(plain)).toBe(true);
    const changed = (from: string, to: string): string => {
      expect(plain).toContain(from);
      return plain.replace(from, to);
    };
    const inData = (to: string): string => changed('{"avg_ms":16.4}', to);
    for (const other of [
      changed('"events":[', '"events":[],"events":['),
      changed('"events":[', '"events": ['),
      changed('}}]}', '}}],"events":[]}'),
      changed('}}]}', '}}],"events":{}}'),
      changed('}}]}', '}},]}'),
      changed('}}]}', '}}]]}'),
      changed('}}]}', '}}'),
      changed('"consent":', '"more":1,"consent":'),
      changed('"consent":', `"${'x'.repeat(5_000)}":1,"consent":`),
      changed('{"type":"frame_time",', '{"type":"frame_time","type":"frame_time",'),
      changed('"type":"frame_time"', '"type":"frame_time "'),
      changed('"type":"frame_time"', '"type":"frame_tim"'),
      changed('"type":"frame_time"', '"type":"screen_view"'),
      changed('11:59:00Z","data"', '11:60:00Z","data"'),
      changed('11:59:00Z","data"', '11:59:00z","data"'),
      changed('11:59:00Z","data"', '11:59:00+00:00","data"'),
      inData('{}'),
      inData('null'),
      inData('{"avg_ms":16.40}'),
      inData('{"avg_ms":1e1}'),
      inData('{"avg_ms":-1}'),
      inData('{"avg_ms":-0}'),
      inData('{"avg_ms":01}'),
      inData('{"avg_ms":1.}'),
      inData('{"avg_ms":0.0000001}'),
      inData('{"avg_ms":86400001}'),
      inData('{"avg_ms":1.234567890123456}'),
      inData('{"avg_ms":"1"}'),
      inData('{"avg_ms":1,"avg_ms":2}'),
      inData('{"avg_ms":1,"frames":1.5}'),
      inData('{"avg_ms":1,"screen":""}'),
      inData('{"avg_ms":1,"screen":"a\\u0062"}'),
      inData('{"avg_ms":1,"screen":"a\tb"}'),
      inData('{"avg_ms":1,"screen":"ä"}'),
      inData('{"avg_ms":1,"__proto__":1}'),
      inData('{"avg_ms":1,}'),
      inData('{"avg_ms":1'),
    ])
      expect([other, isTaken(other)]).toEqual([other, false]);
    expect(isTaken(JSON.stringify(batch(1, { events: [] })))).toBe(false);
    expect(isTaken(JSON.stringify(batch(1, { events: new Array(501).fill(one) })))).toBe(false);
    expect(isTaken(JSON.stringify(batch(1, { events: [{ ...one, at: '2026-01-15T12:06:00Z' }] })))).toBe(false);
  });

  it('reads what it takes as the parser does', () => {
    let taken = 0;
    fc.assert(
      fc.property(body, (text) => {
        if (isTaken(text)) taken += 1;
      }),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it('takes nothing that the parser refuses, where a text is changed at any place', () => {
    const pieces = fc.constantFrom(
      ...'{}[]":,.\\0123456789eE-+ \t\naZä',
      '"events":[',
      '"type":"',
      '"data":{',
      '"at":"',
      '},{',
      '\\u0061',
      '"dropped":{',
    );
    let taken = 0;
    fc.assert(
      fc.property(body, fc.nat(), fc.nat({ max: 3 }), pieces, (text, place, removed, piece) => {
        const at = place % (text.length + 1);
        if (isTaken(text.slice(0, at) + piece + text.slice(at + removed))) taken += 1;
      }),
      { numRuns: 6_000 },
    );
    expect(taken).toBeGreaterThan(3);
  });

  it('reads every decimal fraction that it takes as the double it is', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 86_399_999 }),
        fc.nat({ max: 999_999 }),
        fc.nat({ max: 6 }),
        (whole, fraction, digits) => {
          const number =
            digits === 0 ? `${whole}` : `${whole}.${fraction.toString().padStart(6, '0').slice(0, digits)}`;
          const event = '{"type":"frame_time","at":"2026-01-15T11:59:00Z","data":{"avg_ms":0}}';
          const text = JSON.stringify(batch(1, { events: [0] })).replace(
            '[0]',
            `[${event.replace(':0}', `:${number}}`)}]`,
          );
          expect(isTaken(text)).toBe(String(Number(number)) === number);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
