/** Owns reading the times that devices send. Pure. */
import { z } from 'zod';
import { DAY_MS } from './limits.ts';

/** A time with its offset, as RFC 3339 writes it. */
export const instant = z.iso.datetime({ offset: true, error: 'must be a time such as 2026-01-31T12:00:00Z' }).max(40);

const [ZERO, DASH, COLON, DOT, CAPITAL_T, CAPITAL_Z] = [0x30, 0x2d, 0x3a, 0x2e, 0x54, 0x5a];
/** Characters of a UTC time with seconds, and with milliseconds. */
export const [SHORT_LENGTH, LONG_LENGTH] = [20, 24];
const DAYS_IN_MONTH = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/**
 * Milliseconds since 1970 of an RFC 3339 time, NaN for anything else. What nearly every device sends, UTC with seconds or
 * milliseconds, is read digit by digit; the rest by the schema.
 */
export function instantMs(text: string): number {
  if (text.length === SHORT_LENGTH || text.length === LONG_LENGTH) {
    const ms = utcMs(text, 0, text.length);
    if (!Number.isNaN(ms)) return ms;
  }
  return instant.safeParse(text).success ? Date.parse(text) : Number.NaN;
}

/**
 * The `length` characters from `from` on as `YYYY-MM-DDTHH:MM:SSZ` (SHORT_LENGTH) or `YYYY-MM-DDTHH:MM:SS.mmmZ`
 * (LONG_LENGTH), in milliseconds since 1970; NaN for anything else.
 */
export function utcMs(text: string, from: number, length: number): number {
  const short = length === SHORT_LENGTH;
  const marked =
    text.charCodeAt(from + 4) === DASH &&
    text.charCodeAt(from + 7) === DASH &&
    text.charCodeAt(from + 10) === CAPITAL_T &&
    text.charCodeAt(from + 13) === COLON &&
    text.charCodeAt(from + 16) === COLON &&
    (short || text.charCodeAt(from + 19) === DOT) &&
    text.charCodeAt(from + length - 1) === CAPITAL_Z;
  if (!marked) return Number.NaN;
  const year = digits(text, from, 4);
  const month = digits(text, from + 5, 2);
  const day = digits(text, from + 8, 2);
  const hour = digits(text, from + 11, 2);
  const minute = digits(text, from + 14, 2);
  const second = digits(text, from + 17, 2);
  const fraction = short ? 0 : digits(text, from + 20, 3);
  const lastDay = month === 2 && isLeap(year) ? 29 : (DAYS_IN_MONTH[month] ?? 0);
  const isDay = year >= 0 && day >= 1 && day <= lastDay;
  const isTime = hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 59;
  if (!isDay || !isTime || fraction < 0) return Number.NaN;
  return dayMs(year, month, day) + hour * 3_600_000 + minute * 60_000 + second * 1_000 + fraction;
}

/** The number that the digits from `at` on write, or -1. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i += 1) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days from 1970 by the civil calendar (Hinnant, "chrono-compatible low-level date algorithms"), as milliseconds. */
function dayMs(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return (era * 146_097 + dayOfEra - 719_468) * DAY_MS;
}
