// Times as people read them. Pure: the current time is always an argument.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
const FULL = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
const CLOCK = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const SHORT_CLOCK = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const DAY = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
const DAY_YEAR = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });

/** "just now", "5 min. ago", "in 3 hr.", and the date from a week on. */
export function relativeTime(iso: string, nowMs: number): string {
  const diffMs = Date.parse(iso) - nowMs;
  const sizeMs = Math.abs(diffMs);
  if (sizeMs < 45_000) return 'just now';
  if (sizeMs < HOUR_MS) return RELATIVE.format(Math.round(diffMs / MINUTE_MS), 'minute');
  if (sizeMs < DAY_MS) return RELATIVE.format(Math.round(diffMs / HOUR_MS), 'hour');
  if (sizeMs < 7 * DAY_MS) return RELATIVE.format(Math.round(diffMs / DAY_MS), 'day');
  const sameYear = new Date(iso).getFullYear() === new Date(nowMs).getFullYear();
  return (sameYear ? DAY : DAY_YEAR).format(new Date(iso));
}

/** The full date and time in the reader's zone. */
export function absoluteTime(iso: string): string {
  return FULL.format(new Date(iso));
}

/** "14:02:11" in the reader's zone. */
export function clockTime(iso: string): string {
  return CLOCK.format(new Date(iso));
}

/** "today 14:00", "tomorrow 14:00", "yesterday 14:00" or "3 Aug 14:00". */
export function dayAndTime(iso: string, nowMs: number): string {
  return `${dayName(iso, nowMs)} ${SHORT_CLOCK.format(new Date(iso))}`;
}

/** "today", "tomorrow", "yesterday" or "3 Aug". */
export function dayName(iso: string, nowMs: number): string {
  const at = new Date(iso);
  const days = Math.round((startOfDay(at) - startOfDay(new Date(nowMs))) / DAY_MS);
  const words: Record<number, string> = { [-1]: 'yesterday', 0: 'today', 1: 'tomorrow' };
  return words[days] ?? DAY.format(at);
}

/** "3 Aug" for a date without a time. */
export function shortDate(isoDate: string): string {
  const [year = 1970, month = 1, day = 1] = isoDate.split('-').map(Number);
  return DAY.format(new Date(year, month - 1, day));
}

/** A length of time: "0.4 s", "12 s", "5 min", "3 h", "2 d". */
export function duration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < MINUTE_MS) return `${Math.round(ms / 1000)} s`;
  if (ms < HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  if (ms < 2 * DAY_MS) return `${Math.round(ms / HOUR_MS)} h`;
  return `${Math.round(ms / DAY_MS)} d`;
}

/** The last `count` days up to `nowMs` as YYYY-MM-DD in UTC, oldest first. */
export function lastDays(count: number, nowMs: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    new Date(nowMs - (count - 1 - index) * DAY_MS).toISOString().slice(0, 10),
  );
}

function startOfDay(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}
