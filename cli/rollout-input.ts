/** Owns how tracks, shares of devices and steps are written on the command line. It asks the server nothing. */
import { usageError } from './errors.ts';

export const TRACK_CHOICES = ['stable', 'beta'] as const;

/** What `--schedule` looks like, for the help. */
export const SCHEDULE_HELP = 'Steps that raise it, such as 20@24h,50@3d,100@2026-03-01T09:00:00Z';

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The track of an option; stable where none is given. */
export function trackOf(option: string | undefined): 'STABLE' | 'BETA' {
  return option === 'beta' ? 'BETA' : 'STABLE';
}

/** A share such as `5`, `5%` or `0.25`. Throws a usage error for what is none. */
export function percentOf(text: string, help: string): number {
  const percent = Number(text.replace(/ ?%$/, ''));
  if (/^\d{1,3}(\.\d{1,2})? ?%?$/.test(text) && percent > 0 && percent <= 100) return percent;
  throw usageError(`A share is more than 0 and at most 100 %, with two decimals at most; not "${text}".`, help);
}

/** Steps such as `20@24h,100@2026-03-01T09:00:00Z`: after a span from now, or at a time. Throws a usage error. */
export function stepsOf(text: string, nowMs: number, help: string): { at: string; percent: number }[] {
  return text.split(',').map((step) => {
    const [percent = '', when = '', more] = step.trim().split('@');
    if (more !== undefined || when === '')
      throw usageError(`A step is PERCENT@WHEN, such as 20@24h; not "${step}".`, help);
    return { at: new Date(timeOf(when, nowMs, help)).toISOString(), percent: percentOf(percent, help) };
  });
}

function timeOf(text: string, nowMs: number, help: string): number {
  const span = /^(\d{1,5})([mhd])$/.exec(text);
  if (span !== null) return nowMs + Number(span[1]) * (UNIT_MS[span[2] ?? 'm'] ?? 0);
  const at = Date.parse(text);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(at)) return at;
  throw usageError(
    `When is a span such as 90m, 24h or 3d, or a time such as 2026-03-01T09:00:00Z; not "${text}".`,
    help,
  );
}
