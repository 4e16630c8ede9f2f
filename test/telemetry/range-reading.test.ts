/** How many days of rows are read at once. */
import { expect, it } from 'vitest';
import { eachRow } from '../../server/telemetry/range-reading.ts';

/** Reads days 0 to 19, of which each has `rowsOf` rows; answers which were read at once, and the days of the rows in order. */
async function read(rowsOf: (day: number) => number, mostDays?: number) {
  const spans: [number, number][] = [];
  const days: number[] = [];
  const rows = (from: number, to: number) => {
    spans.push([from, to]);
    return Array.from({ length: to - from + 1 }, (_, n) => from + n).flatMap((day) =>
      Array<number>(rowsOf(day)).fill(day),
    );
  };
  await eachRow({ from: 0, to: 19 }, rows, (day) => days.push(day), mostDays);
  return { spans, days };
}

it('hands over each row once, the oldest day first, and reads few rows of several days at once', async () => {
  const { spans, days } = await read(() => 3);
  expect(days).toEqual(Array.from({ length: 60 }, (_, n) => Math.floor(n / 3)));
  expect(spans).toEqual([
    [0, 0],
    [1, 2],
    [3, 6],
    [7, 10],
    [11, 14],
    [15, 18],
    [19, 19],
  ]);
});

it('reads many rows a day at a time, and goes back to that where days of many follow days of few', async () => {
  expect((await read(() => 400)).spans).toHaveLength(20);
  const { spans, days } = await read((day) => (day < 10 ? 1 : 400));
  expect(spans.slice(-9).every(([from, to]) => from === to)).toBe(true);
  expect(days).toHaveLength(10 + 4_000);
});

it('reads no more days at once than it may', async () => {
  expect((await read(() => 1, 1)).spans).toHaveLength(20);
});
