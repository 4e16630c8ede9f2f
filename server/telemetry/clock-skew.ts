/** Owns the correction of a device's wrong clock by the time it says it sent at. Pure. */

/** Less than this is the time on the way, not a wrong clock. */
export const MIN_SKEW_MS = 60_000;
/** A clock off by more is not corrected: the stamp may as well be made up. A wrong time zone is off by at most 14 hours. */
export const MAX_SKEW_MS = 86_400_000;

/**
 * Milliseconds to add to every time of a report that was sent at `sentAtMs` by the device's clock and received at
 * `receivedAtMs` by ours: their difference if it is over a minute and at most a day, else 0 (also for NaN).
 */
export function clockShiftMs(sentAtMs: number, receivedAtMs: number): number {
  const skew = receivedAtMs - sentAtMs;
  return Math.abs(skew) > MIN_SKEW_MS && Math.abs(skew) <= MAX_SKEW_MS ? skew : 0;
}
