/** Owns how a version gets into the review queue, where it waits there, and how it leaves it undecided. */
import type { Unit } from '../unit-of-work.ts';
import type { ReviewReason } from './policy.ts';
import type { ReviewKind, ReviewsOptions } from './records.ts';
import { readReviewSettings } from './settings.ts';

const HOUR_MS = 3_600_000;
/** The median wait is that of so many days. */
const MEDIAN_DAYS = 30;

export type ReviewQueue = ReturnType<typeof createReviewQueue>;

export function createReviewQueue({ db, clock, ids }: Pick<ReviewsOptions, 'db' | 'clock' | 'ids'>) {
  /** Median seconds from queueing to decision; null before there is a decision. */
  async function medianWaitSeconds(): Promise<number | null> {
    const since = new Date(clock.ms() - MEDIAN_DAYS * 24 * HOUR_MS);
    const decided = await db.prisma.review.findMany({
      where: { state: 'DECIDED', kind: { not: 'SAMPLE' }, decidedAt: { gte: since } },
      select: { queuedAt: true, decidedAt: true },
      orderBy: { decidedAt: 'desc' },
      take: 1000,
    });
    const waits = decided
      .map((each) => (each.decidedAt?.getTime() ?? 0) - each.queuedAt.getTime())
      .sort((a, b) => a - b);
    const median = waits[Math.floor(waits.length / 2)];
    return median === undefined ? null : Math.round(median / 1000);
  }

  return {
    /** Opens a review of the version. A sample is told to nobody: the version goes its way meanwhile. */
    async add(
      unit: Unit,
      version: { id: string; appId: string },
      given: { round: number; kind: ReviewKind; reasons: readonly ReviewReason[] },
    ): Promise<void> {
      const settings = await readReviewSettings(unit.tx);
      const now = clock.now();
      const dueAt = new Date(now.getTime() + settings.serviceLevelHours * HOUR_MS);
      const review = await unit.tx.review.create({
        data: {
          id: ids.next(),
          versionId: version.id,
          round: given.round,
          kind: given.kind,
          state: 'QUEUED',
          reasons: [...given.reasons],
          policyRefs: [],
          queuedAt: now,
          dueAt,
        },
      });
      if (given.kind === 'SAMPLE') return;
      unit.emit({
        type: 'QUEUED',
        appId: version.appId,
        versionId: version.id,
        payload: { reviewId: review.id, reasons: [...given.reasons], dueAt: dueAt.toISOString() },
      });
    },

    /** Ends the open reviews of a version that leaves the queue. */
    async cancel(unit: Unit, versionId: string): Promise<void> {
      await unit.tx.review.updateMany({
        where: { versionId, state: { in: ['QUEUED', 'CLAIMED'] } },
        data: { state: 'CANCELLED', claimId: null, leaseExpiresAt: null },
      });
    },

    /** Place in the queue, when it is due, and the median wait of the last 30 days; null when the version does not wait. */
    async position(
      versionId: string,
    ): Promise<{ position: number; dueAt: Date; medianWaitSeconds: number | null } | null> {
      const review = await db.prisma.review.findFirst({
        where: { versionId, state: { in: ['QUEUED', 'CLAIMED'] }, kind: { not: 'SAMPLE' } },
      });
      if (review === null) return null;
      const ahead = await db.prisma.review.count({
        where: {
          state: { in: ['QUEUED', 'CLAIMED'] },
          kind: { not: 'SAMPLE' },
          OR: [{ dueAt: { lt: review.dueAt } }, { dueAt: review.dueAt, id: { lt: review.id } }],
        },
      });
      return { position: ahead + 1, dueAt: review.dueAt, medianWaitSeconds: await medianWaitSeconds() };
    },
  };
}
