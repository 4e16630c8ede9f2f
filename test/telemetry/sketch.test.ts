import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { mergeSmallSlices, type Slice } from '../../server/telemetry/anonymity.ts';
import { Sketch } from '../../server/telemetry/sketch.ts';

function hash(n: number): Uint8Array {
  return createHash('sha256').update(`device ${n}`).digest();
}

function sketchOf(from: number, to: number): Sketch {
  const sketch = new Sketch();
  for (let n = from; n < to; n += 1) sketch.add(hash(n));
  return sketch;
}

describe('a device sketch', () => {
  it.each([0, 1, 2, 5, 20])('counts %i devices exactly', (n) => {
    expect(sketchOf(0, n).count()).toBe(n);
  });

  it.each([100, 1_000, 5_000, 10_000, 20_000, 100_000])('counts %i devices within three standard errors', (n) => {
    expect(Math.abs(sketchOf(0, n).count() - n) / n).toBeLessThan(3 * 0.01625);
  });

  it('counts a device once, however often it comes', () => {
    const sketch = sketchOf(0, 50);
    const before = sketch.count();
    for (let n = 0; n < 50; n += 1) sketch.add(hash(n));
    expect(sketch.count()).toBe(before);
  });

  it.each([
    [10, 20],
    [10, 5_000],
    [5_000, 10],
    [5_000, 9_000],
  ])('merges %i and %i devices to what one sketch of both would be', (a, b) => {
    const merged = sketchOf(0, a);
    merged.merge(sketchOf(a / 2, a / 2 + b));
    const whole = sketchOf(0, Math.max(a, a / 2 + b));
    expect(merged.toBytes()).toEqual(whole.toBytes());
  });

  it.each([0, 3, 700, 30_000])('comes back from its bytes with %i devices, in at most 4,097 of them', (n) => {
    const sketch = sketchOf(0, n);
    const bytes = sketch.toBytes();
    expect(bytes.length).toBeLessThanOrEqual(4_097);
    const again = Sketch.fromBytes(bytes);
    expect(again.count()).toBe(sketch.count());
    expect(again.toBytes()).toEqual(bytes);
  });

  it('does not take other bytes for a sketch', () => {
    expect(() => Sketch.fromBytes(new Uint8Array([9, 1, 2, 3]))).toThrow('Not a device sketch');
    expect(() => Sketch.fromBytes(new Uint8Array(0))).toThrow('Not a device sketch');
  });
});

describe('small slices', () => {
  const slice = (key: string, from: number, to: number): Slice => ({
    key,
    count: to - from,
    devices: sketchOf(from, to),
  });
  const merge = (slices: Slice[]) =>
    mergeSmallSlices(slices, 5, () => new Sketch()).map(({ key, count, devices }) => [key, count, devices.count()]);

  it('stay as they are when none is small', () => {
    expect(merge([slice('a', 0, 5), slice('b', 0, 9)])).toEqual([
      ['a', 5, 5],
      ['b', 9, 9],
    ]);
  });

  it('are merged, and the rest takes in the next smallest until it reaches k', () => {
    expect(merge([slice('big', 0, 20), slice('one', 20, 21), slice('mid', 30, 36), slice('two', 21, 23)])).toEqual([
      ['big', 20, 20],
      [null, 9, 9],
    ]);
  });

  it('leave the next one alone once they reach k together', () => {
    expect(merge([slice('a', 0, 3), slice('b', 3, 6), slice('c', 10, 16)])).toEqual([
      ['c', 6, 6],
      [null, 6, 6],
    ]);
  });

  it('count a device in several of them once before deciding', () => {
    expect(merge([slice('a', 0, 3), slice('b', 0, 3), slice('c', 10, 16)])).toEqual([[null, 12, 9]]);
  });
});
