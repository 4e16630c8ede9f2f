// Privacy of what developers see: what a slice shows, and what one answer less another shows (docs/ARCHITECTURE.md, Privacy).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DailyRow, DigestRow } from '../../server/telemetry/aggregate-reader.ts';
import { MIN_SLICE_DEVICES } from '../../server/telemetry/anonymity.ts';
import { bucketOf, Digest } from '../../server/telemetry/digest.ts';
import { createExport, exportText, MAX_EXPORT_ROWS } from '../../server/telemetry/export.ts';
import { percentilesOf } from '../../server/telemetry/percentiles.ts';
import { seriesOf } from '../../server/telemetry/reports.ts';
import { Sketch } from '../../server/telemetry/sketch.ts';

const FIRST_DAY = 20_000;
const [A, B] = ['1.0.0', '2.0.0'];

function sketchOf(devices: readonly number[]): Sketch {
  const sketch = new Sketch();
  for (const device of devices) {
    const hash = Buffer.alloc(16);
    hash.writeUInt32BE(Math.imul(device + 1, 0x9e3779b1) >>> 0, 0);
    hash.writeUInt32BE(Math.imul(device + 1, 0x85ebca6b) >>> 0, 4);
    sketch.add(hash);
  }
  return sketch;
}

/** Who was there: sets of devices by day and version. */
const slices = fc
  .uniqueArray(
    fc.record({
      day: fc.integer({ min: FIRST_DAY, max: FIRST_DAY + 5 }),
      version: fc.constantFrom(A, B, '3.0.0'),
      devices: fc.uniqueArray(fc.nat({ max: 30 }), { minLength: 1, maxLength: 12 }),
    }),
    { selector: ({ day, version }) => `${day} ${version}`, maxLength: 14 },
  )
  .map((all) => all.sort((a, b) => a.day - b.day));
type Who = { readonly day: number; readonly version: string; readonly devices: readonly number[] };

const dailyOf = ({ day, version, devices }: Who): DailyRow => ({
  day,
  version,
  type: 'app_start',
  count: devices.length,
  devices: sketchOf(devices),
});
function digestOf({ day, version, devices }: Who): DigestRow {
  const digest = new Digest();
  for (const device of devices) digest.add(bucketOf(100 + device));
  return { metric: 'launch_ms', day, version, digest, devices: sketchOf(devices) };
}
const devicesOf = (all: readonly Who[]) => new Set(all.flatMap(({ devices }) => devices)).size;
const sum = (points: readonly { readonly count: number }[]) => points.reduce((total, { count }) => total + count, 0);
const countOf = (all: readonly Who[]) => all.reduce((total, { devices }) => total + devices.length, 0);

describe('fewer than 5 devices', () => {
  it('are never a day of one version, nor what is left when the other days are taken off the version’s total', () => {
    fc.assert(
      fc.property(slices, (all) => {
        const ofA = all.filter(({ version }) => version === A);
        const points = seriesOf(ofA.map(dailyOf), 'DAY', { version: A });
        expect(sum(points)).toBe(countOf(ofA));
        for (const { devices, merged } of points) {
          // All that there is of a version is its total, which is always shown.
          const isTotal = merged && points.length === 1;
          expect(devices >= MIN_SLICE_DEVICES || isTotal).toBe(true);
        }
      }),
    );
  });

  it.each(['DAY', 'VERSION', 'TYPE'] as const)('give no percentiles, and none are left over, by %s', (groupBy) => {
    fc.assert(
      fc.property(slices, (all) => {
        const points = percentilesOf(all.map(digestOf), groupBy, undefined);
        expect(sum(points)).toBe(devicesOf(all) < MIN_SLICE_DEVICES ? 0 : countOf(all));
        for (const { devices } of points) expect(devices).toBeGreaterThanOrEqual(MIN_SLICE_DEVICES);
      }),
    );
  });

  it.each(['VERSION', 'TYPE'] as const)(
    'give no percentiles of one version that its grouping keeps, by %s',
    (groupBy) => {
      fc.assert(
        fc.property(slices, (all) => {
          const rows = all.map(digestOf);
          const alone = percentilesOf(rows, 'VERSION', undefined).filter(({ version }) => version === A);
          expect(percentilesOf(rows, groupBy, A)).toEqual(alone);
        }),
      );
    },
  );

  it('are not what the app has more than one version on a day, or on the days that are merged', () => {
    fc.assert(
      fc.property(slices, (all) => {
        const rows = all.map(digestOf);
        const ofA = all.filter(({ version }) => version === A);
        const points = percentilesOf(rows, 'DAY', A);
        expect([0, countOf(ofA)]).toContain(sum(points));
        const single = points.flatMap(({ date }) => (date === null ? [] : [Date.parse(date) / 86_400_000]));
        const merged = ofA.map(({ day }) => day).filter((day) => !single.includes(day));
        for (const days of points.length === 0 ? [] : [...single.map((day) => [day]), merged]) {
          const others = devicesOf(all.filter(({ day, version }) => days.includes(day) && version !== A));
          expect(others === 0 || others >= MIN_SLICE_DEVICES).toBe(true);
        }
        for (const { devices } of points) expect(devices).toBeGreaterThanOrEqual(MIN_SLICE_DEVICES);
        // The same day asked for as a range of its own tells no more.
        for (const day of single)
          expect(
            percentilesOf(
              rows.filter((row) => row.day === day),
              'TYPE',
              A,
            ),
          ).toHaveLength(1);
      }),
    );
  });

  it('are never a day of one version in a developer’s export, which is what the series show', () => {
    fc.assert(
      fc.property(slices, (all) => {
        const collected = createExport();
        for (const one of all) collected.add(dailyOf(one));
        const rows = collected.rows();
        expect(sum(rows)).toBe(countOf(all));
        for (const version of [A, B]) {
          const ofVersion = all.filter((one) => one.version === version);
          const points = seriesOf(ofVersion.map(dailyOf), 'DAY', { version });
          const shown = (list: readonly { date: string | null; count: number; devices: number }[]) =>
            list.map(({ date, count, devices }) => `${date} ${count} ${devices}`).sort();
          const exported = rows.filter((row) => row.version === version);
          // Of days with equally few devices either may be taken in.
          expect(exported).toHaveLength(points.length);
          expect(shown(exported).map((text) => text.split(' ').length)).toEqual(shown(points).map(() => 3));
          for (const { devices } of exported) expect(devices >= MIN_SLICE_DEVICES || exported.length === 1).toBe(true);
        }
      }),
    );
  });
});

describe('a developer’s export', () => {
  it('is CSV with a line of names, or JSON', () => {
    const collected = createExport();
    const who = [[0, 1, 2, 3, 4, 5], [7], [10, 11, 12, 13, 14]];
    for (const [index, devices] of who.entries())
      collected.add(dailyOf({ day: FIRST_DAY + index, version: A, devices }));
    // The day with one device takes in the one with the fewest.
    expect(exportText(collected.rows(), 'CSV')).toBe(
      'date,version,type,count,devices\r\n2024-10-04,1.0.0,app_start,6,6\r\n,1.0.0,app_start,6,6\r\n',
    );
    expect(JSON.parse(exportText(collected.rows(), 'JSON'))).toEqual([
      { date: '2024-10-04', version: '1.0.0', type: 'app_start', count: 6, devices: 6 },
      { date: null, version: '1.0.0', type: 'app_start', count: 6, devices: 6 },
    ]);
  });

  it('refuses more rows than a file should have', () => {
    const collected = createExport();
    const row = dailyOf({ day: FIRST_DAY, version: A, devices: [1, 2, 3, 4, 5] });
    for (let n = 0; n < MAX_EXPORT_ROWS; n += 1) collected.add(row);
    expect(() => collected.add(row)).toThrow('Ask for fewer days');
  });
});
