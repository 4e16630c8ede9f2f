// The days that a chart covers, as the page's address names them. Pure.
import { lastDays } from '#lib/format/time.ts';

export const PRESETS = [7, 14, 30, 90] as const;
export const CUSTOM = 'custom';
/** What the API answers at most. */
export const MAX_DAYS = 400;
const DEFAULT_DAYS = 30;
const DAY_MS = 86_400_000;

export type ChosenRange = {
  /** The number of days up to today, or `custom`. */
  choice: string;
  /** Each day as YYYY-MM-DD in UTC, oldest first. */
  days: readonly string[];
};

/** Reads one search parameter of an address. */
type Search = (name: string) => string | null;

/** The range that an address asks for: `from` and `to` where both are days in order, else `days`, else the last 30. */
export function rangeOf(search: Search, nowMs: number): ChosenRange {
  const between = daysBetween(search('from') ?? '', search('to') ?? '');
  if (between !== null) return { choice: CUSTOM, days: between };
  const asked = Number(search('days'));
  const length = PRESETS.find((each) => each === asked) ?? DEFAULT_DAYS;
  return { choice: String(length), days: lastDays(length, nowMs) };
}

/** Each day from `from` to `to`; null unless both are days, in order, and at most 400 of them. */
export function daysBetween(from: string, to: string): string[] | null {
  const [first, last] = [startOf(from), startOf(to)];
  if (first === null || last === null || last < first) return null;
  const count = (last - first) / DAY_MS + 1;
  return count > MAX_DAYS ? null : lastDays(count, last);
}

/** The search parameters that choose a preset, or the days shown now to start a choice of one's own from. */
export function searchOf(choice: string, days: readonly string[]): Record<'days' | 'from' | 'to', string | null> {
  if (choice === CUSTOM) return { days: null, from: days[0] ?? null, to: days.at(-1) ?? null };
  return { days: choice === String(DEFAULT_DAYS) ? null : choice, from: null, to: null };
}

function startOf(day: string): number | null {
  const at = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== day ? null : at;
}
