// Release health: shares with Wilson intervals, from daily rows alone.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DailyRow } from '../../server/telemetry/aggregate-reader.ts';
import type { EventType } from '../../server/telemetry/events-schema.ts';
import { releaseHealthOf, wilson } from '../../server/telemetry/release-health.ts';
import { Sketch } from '../../server/telemetry/sketch.ts';

function rowOf(version: string, type: EventType, count: number, devices: readonly number[], day = 20_000): DailyRow {
  const sketch = new Sketch();
  for (const device of devices) {
    const hash = Buffer.alloc(16);
    hash.writeUInt32BE(Math.imul(device + 1, 0x9e3779b1) >>> 0, 0);
    hash.writeUInt32BE(Math.imul(device + 1, 0x85ebca6b) >>> 0, 4);
    sketch.add(hash);
  }
  return { version, type, count, day, devices: sketch };
}
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('the Wilson interval', () => {
  // Agresti and Coull 1998; Newcombe 1998, table I.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
    [20, 20, 0.8389, 1],
  ])('of %i in %i is that of the literature', (hits, trials, low, high) => {
    expect(wilson(hits, trials)).toEqual({
      value: hits / trials,
      low: expect.closeTo(low, 4),
      high: expect.closeTo(high, 4),
    });
  });

  it('holds the share, stays within 0 and 1, and narrows with more trials', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (trials, part) => {
          const hits = Math.round(part * trials);
          const share = wilson(hits, trials);
          const wider = wilson(hits, trials) ?? { low: 0, high: 0 };
          const closer = wilson(hits * 4, trials * 4) ?? { low: 0, high: 1 };
          expect(share).not.toBeNull();
          if (share === null) return;
          expect(share.low).toBeGreaterThanOrEqual(0);
          expect(share.high).toBeLessThanOrEqual(1);
          expect(share.low).toBeLessThanOrEqual(share.value);
          expect(share.high).toBeGreaterThanOrEqual(share.value);
          expect(closer.high - closer.low).toBeLessThan(wider.high - wider.low);
        },
      ),
    );
  });

  it('is nothing without trials, and no more hits than trials are believed', () => {
    expect(wilson(0, 0)).toBeNull();
    expect(wilson(5, 3)?.value).toBe(1);
    expect(wilson(-2, 3)?.value).toBe(0);
  });
});

describe('release health', () => {
  it('counts devices over days once, sessions and crashes by version, and adoption of all devices', () => {
    const rows = [
      rowOf('1.0.0', 'app_start', 300, range(0, 30)),
      rowOf('1.0.0', 'app_start', 100, range(0, 30), 20_001),
      rowOf('1.0.0', 'app_crash', 20, range(0, 3)),
      rowOf('1.1.0', 'app_start', 50, range(20, 40)),
      rowOf('1.1.0', 'frame_time', 500, range(20, 40)),
    ];
    expect(releaseHealthOf(rows)).toMatchObject([
      {
        version: '1.0.0',
        activeDevices: 30,
        adoption: 0.75,
        sessions: 400,
        crashes: 20,
        crashDevices: 3,
        crashFreeDevices: { value: 0.9 },
        crashFreeSessions: { value: 0.95 },
      },
      {
        version: '1.1.0',
        activeDevices: 20,
        adoption: 0.5,
        sessions: 50,
        crashes: 0,
        crashFreeDevices: { value: 1, high: 1 },
        crashFreeSessions: { value: 1 },
      },
    ]);
  });

  it('is nothing for a range without rows', () => {
    expect(releaseHealthOf([])).toEqual([]);
  });
});
