// Digests of measured values: the stated error, merging without loss, the stored form, and what developers see of them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DigestRow } from '../../server/telemetry/aggregate-reader.ts';
import { bucketOf, Digest, MIN_VALUE, RELATIVE_ERROR } from '../../server/telemetry/digest.ts';
import { packValues, partsOfSlot } from '../../server/telemetry/metrics.ts';
import { percentilesOf } from '../../server/telemetry/percentiles.ts';
import { Sketch } from '../../server/telemetry/sketch.ts';

const SHARES = [0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1];
/** Rounding of logarithms at a bucket's border. */
const ROUNDING = 1e-9;
const value = fc.oneof(
  fc.double({ min: 0, max: 86_400_000, noNaN: true }),
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.integer({ min: 0, max: 5_000 }),
);
const values = fc.array(value, { minLength: 1, maxLength: 400 });

function digestOf(list: readonly number[]): Digest {
  const digest = new Digest();
  for (const one of list) digest.add(bucketOf(one));
  return digest;
}

describe('a digest', () => {
  it('answers every percentile within 1 % of the value at its rank, and below a thousandth as 0', () => {
    fc.assert(
      fc.property(values, (list) => {
        const sorted = [...list].sort((a, b) => a - b);
        for (const [index, found] of digestOf(list).quantiles(SHARES).entries()) {
          const exact = sorted[Math.floor((SHARES[index] ?? 0) * (sorted.length - 1))] ?? Number.NaN;
          if (exact < MIN_VALUE) expect(found).toBe(0);
          else expect(Math.abs((found ?? Number.NaN) - exact)).toBeLessThanOrEqual(exact * (RELATIVE_ERROR + ROUNDING));
        }
      }),
    );
  });

  it('is the same whether values were added to one or to several that were merged, in any order', () => {
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        const whole = digestOf([...a, ...b, ...c]);
        const merged = digestOf(c);
        const right = digestOf(b);
        right.merge(digestOf(a));
        merged.merge(right);
        expect(merged.toBytes()).toEqual(whole.toBytes());
        expect(merged.count()).toBe(a.length + b.length + c.length);
      }),
    );
  });

  it('is read back from its bytes as it was, with counts past 32 bits', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(value, fc.integer({ min: 1, max: 2 ** 45 })), { maxLength: 50 }), (entries) => {
        const digest = new Digest();
        for (const [one, count] of entries) digest.add(bucketOf(one), count);
        const again = Digest.fromBytes(digest.toBytes());
        expect(again.toBytes()).toEqual(digest.toBytes());
        expect(again.quantiles(SHARES)).toEqual(digest.quantiles(SHARES));
      }),
    );
  });

  it('stays small: every value that an event may have takes under 8 KiB', () => {
    const digest = new Digest();
    for (let one = MIN_VALUE / 2; one <= 86_400_000; one *= 1.005) digest.add(bucketOf(one), 1_000_000);
    expect(digest.toBytes().length).toBeLessThan(8 * 1024);
  });

  it('has no percentiles without values', () => {
    expect(new Digest().quantiles([0.5])).toEqual([null]);
  });

  it.each([
    ['nothing', []],
    ['another format', [9, 1, 1]],
    ['a bucket without its count', [1, 5]],
    ['a number without end', [1, ...new Array<number>(12).fill(0x80)]],
  ])('is not read from %s', (_name, bytes) => {
    expect(() => Digest.fromBytes(Uint8Array.from(bytes)).count()).toThrow('Not a digest');
  });
});

describe('measured values', () => {
  it('are taken from the fields of the types that have them', () => {
    const packed: number[] = [];
    packValues(packed, 7, 20_000, { avg_ms: 16.4, p95_ms: 21.5, frames: 60 });
    packValues(packed, 7, 20_000, { avg_ms: 20 });
    packValues(packed, 1, 20_001, { cold: true });
    packValues(packed, 1, 20_001, undefined);
    packValues(packed, 13, 20_001, { memory_mb: 4_096 });
    const slots = packed.filter((_, index) => index % 2 === 0).map(partsOfSlot);
    expect(slots).toEqual([
      { day: 20_000, metric: 2 },
      { day: 20_000, metric: 3 },
      { day: 20_000, metric: 2 },
    ]);
    expect(packed[1]).toBe(bucketOf(16.4));
  });
});

function rowOf(version: string, day: number, value: number, devices: readonly number[]): DigestRow {
  const digest = new Digest();
  const sketch = new Sketch();
  for (const device of devices) {
    digest.add(bucketOf(value));
    const hash = Buffer.alloc(16);
    hash.writeUInt32BE(Math.imul(device + 1, 0x9e3779b1) >>> 0, 0);
    hash.writeUInt32BE(Math.imul(device + 1, 0x85ebca6b) >>> 0, 4);
    sketch.add(hash);
  }
  return { metric: 'memory_mb', version, day, digest, devices: sketch };
}
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('percentiles', () => {
  const rows = [
    rowOf('1.0.0', 20_000, 100, range(0, 20)),
    rowOf('1.0.0', 20_001, 100, range(0, 20)),
    rowOf('1.1.0', 20_001, 500, [30, 31]),
    rowOf('2.0.0', 20_002, 900, [33, 34, 35]),
  ];

  it('never show a version or a day with fewer than 5 devices alone', () => {
    expect(percentilesOf(rows, 'VERSION', undefined)).toMatchObject([
      { version: '1.0.0', count: 40, devices: 20, p50: expect.closeTo(100, 0), merged: false },
      { version: 'other', count: 5, devices: 5, p99: expect.closeTo(900, -1.3), merged: true },
    ]);
    const days = percentilesOf(rows, 'DAY', undefined);
    expect(days.every(({ devices }) => devices >= 5)).toBe(true);
    expect(days.reduce((sum, { count }) => sum + count, 0)).toBe(45);
    expect(days.some(({ date }) => date === '2024-10-06')).toBe(false);
  });

  it('show the total over the range, and of one version, as such', () => {
    expect(percentilesOf(rows, 'TYPE', undefined)).toMatchObject([
      { version: null, date: null, count: 45, devices: 25, merged: false },
    ]);
    expect(percentilesOf(rows, 'TYPE', '2.0.0')).toEqual([]);
    expect(percentilesOf(rows, 'TYPE', '1.0.0')).toMatchObject([{ version: '1.0.0', count: 40, merged: false }]);
    // The other two versions have 5 devices on all days together, and on its own days only 2.
    expect(percentilesOf(rows, 'DAY', '1.0.0')).toEqual([]);
    expect(percentilesOf([], 'DAY', undefined)).toEqual([]);
  });

  it('are not shown of fewer than 5 devices in total, nor of a version that the rest of the app is fewer than', () => {
    for (const groupBy of ['DAY', 'VERSION', 'TYPE'] as const)
      expect(percentilesOf([rowOf('1.0.0', 20_000, 100, [1])], groupBy, undefined)).toEqual([]);
    const two = [rowOf('1.0.0', 20_000, 100, range(0, 5)), rowOf('1.1.0', 20_000, 900, [9])];
    for (const groupBy of ['DAY', 'VERSION', 'TYPE'] as const) {
      expect(percentilesOf(two, groupBy, '1.0.0')).toEqual([]);
      expect(percentilesOf(two.slice(0, 1), groupBy, '1.0.0')).toMatchObject([{ version: '1.0.0', devices: 5 }]);
    }
  });
});
