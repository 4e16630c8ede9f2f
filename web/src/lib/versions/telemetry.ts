// Arranges the counts of the telemetry API for charts. Pure.

type Point = { date?: string | null; type?: string | null; count: string | number };

/** One sum for each of `days` (YYYY-MM-DD), zero where nothing was counted; of one `type` of event, or of all. */
export function perDay(series: readonly Point[], days: readonly string[], type?: string): number[] {
  const sums = new Map<string, number>();
  for (const point of series) {
    if (point.date && (type === undefined || point.type === type))
      sums.set(point.date, (sums.get(point.date) ?? 0) + Number(point.count));
  }
  return days.map((day) => sums.get(day) ?? 0);
}

/** The sum of each type of event, the greatest first. */
export function perType(series: readonly Point[]): { type: string; count: number }[] {
  const sums = new Map<string, number>();
  for (const { type, count } of series) if (type) sums.set(type, (sums.get(type) ?? 0) + Number(count));
  return [...sums]
    .map(([type, count]) => ({ type, count }))
    .sort((a, b) => b.count - a.count || a.type.localeCompare(b.type));
}

/** The devices of one `type` of event on each of `days`; those of several types cannot be added up. */
export function perDayDevices(
  series: readonly (Point & { devices: number })[],
  days: readonly string[],
  type: string,
): number[] {
  const byDay = new Map(series.filter((point) => point.type === type).map(({ date, devices }) => [date, devices]));
  return days.map((day) => byDay.get(day) ?? 0);
}

/** How much of a series belongs to no single day, because too few devices had it. */
export function mergedCount(series: readonly Point[], type?: string): number {
  return series
    .filter((point) => !point.date && (type === undefined || point.type === type))
    .reduce((sum, { count }) => sum + Number(count), 0);
}
