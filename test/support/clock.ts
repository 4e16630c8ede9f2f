// Owns the clock of the tests: it stands still until a test moves it.
import type { Clock } from '../../server/platform/clock.ts';

export type TestClock = Clock & {
  /** Moves the time forward by so many milliseconds. */
  advance(ms: number): void;
  /** Sets the time. */
  set(at: Date): void;
};

/** A clock that stands at `start` (default 2026-01-05T12:00:00Z, a Monday). */
export function createTestClock(start: Date = new Date('2026-01-05T12:00:00.000Z')): TestClock {
  let nowMs = start.getTime();
  return {
    now: () => new Date(nowMs),
    ms: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
    set(at) {
      nowMs = at.getTime();
    },
  };
}
