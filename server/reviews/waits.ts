/** Owns the median wait for a decision: read at most once a minute, however many ask. */

import { DECIDING_KINDS } from './kinds.ts';
import type { ReviewsOptions } from './records.ts';

const DAY_MS = 24 * 3_600_000;
/** The median wait is that of so many days. */
const MEDIAN_DAYS = 30;
/** Decisions that are read for it, the newest: over 160 a day before any is left out. */
const MAX_DECISIONS = 5_000;
const KEPT_MS = 60_000;

/** Answers the median seconds from queueing to the last decision; null before there is one. */
export function createWaits({ db, clock }: Pick<ReviewsOptions, 'db' | 'clock'>): () => Promise<number | null> {
  let kept: { readonly median: Promise<number | null>; readonly untilMs: number } | null = null;

  async function read(): Promise<number | null> {
    const decided = await db.prisma.review.findMany({
      where: {
        state: 'DECIDED',
        kind: { in: [...DECIDING_KINDS] },
        decidedAt: { gte: new Date(clock.ms() - MEDIAN_DAYS * DAY_MS) },
      },
      select: { queuedAt: true, decidedAt: true },
      orderBy: { decidedAt: 'desc' },
      take: MAX_DECISIONS,
    });
    const waits = decided
      .map((each) => (each.decidedAt?.getTime() ?? 0) - each.queuedAt.getTime())
      .sort((a, b) => a - b);
    const median = waits[Math.floor(waits.length / 2)];
    return median === undefined ? null : Math.round(median / 1000);
  }

  return () => {
    if (kept === null || clock.ms() >= kept.untilMs) {
      const median = read();
      kept = { median, untilMs: clock.ms() + KEPT_MS };
      // A failed read is nobody's answer but its askers'.
      median.catch(() => {
        kept = null;
      });
    }
    return kept.median;
  };
}
