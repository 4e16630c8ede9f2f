/** Owns who holds a review and until when: claims, their leases, and their return to the queue. */
import type { DeveloperViewer, Viewer } from '../accounts/viewer.ts';
import type { ActOrigin } from '../audit/actor.ts';
import { DomainError } from '../errors.ts';
import type { Review } from '../generated/prisma/client.ts';
import { emitMove, loadFor, loadToTake, note, type ReviewsOptions, WITH_VERSION } from './records.ts';
import { readReviewSettings } from './settings.ts';

/** Throws CLAIM_LOST unless the reviewer's claim with this id still holds at that time. */
export function requireClaim(review: Review, reviewer: DeveloperViewer, claimId: string, now: Date): void {
  const holds =
    review.state === 'CLAIMED' &&
    review.claimedById === reviewer.developerId &&
    review.claimId === claimId &&
    review.leaseExpiresAt !== null &&
    review.leaseExpiresAt > now;
  if (!holds) throw claimLost(review);
}

/** What somebody is told whose claim holds no more. */
export function claimLost(review: Review): DomainError {
  return new DomainError(
    'CLAIM_LOST',
    'Your claim on this review has ended: it lapsed, was released, or somebody decided. Look at the queue again.',
    { currentState: review.state },
  );
}

/** What a review is left with that nobody holds. */
export const UNCLAIMED = {
  state: 'QUEUED',
  claimId: null,
  claimedById: null,
  claimedAt: null,
  leaseExpiresAt: null,
} as const;

export function createClaims({ work, clock, ids }: Pick<ReviewsOptions, 'work' | 'clock' | 'ids'>) {
  return {
    /** Takes a waiting review for the viewer, or one whose lease has lapsed. Throws CONFLICT when somebody holds it. */
    async claim(viewer: Viewer, reviewId: string, origin: ActOrigin): Promise<string> {
      await work(async (unit) => {
        const { review, reviewer } = await loadToTake(unit.tx, viewer, reviewId);
        const { leaseMinutes } = await readReviewSettings(unit.tx);
        const now = clock.now();
        const claimed = await unit.tx.review.updateMany({
          where: { id: reviewId, OR: [{ state: 'QUEUED' }, { state: 'CLAIMED', leaseExpiresAt: { lte: now } }] },
          data: {
            state: 'CLAIMED',
            claimId: ids.next(),
            claimedById: reviewer.developerId,
            claimedAt: now,
            leaseExpiresAt: new Date(now.getTime() + leaseMinutes * 60_000),
          },
        });
        if (claimed.count === 0) {
          if (review.state === 'CLAIMED' && review.claimedById === reviewer.developerId) return;
          throw new DomainError(
            'CONFLICT',
            `The review is ${review.state} and cannot be claimed; take another from the queue.`,
            { currentState: review.state },
          );
        }
        emitMove(unit, review, 'CLAIMED', reviewer.developerId, {});
        note(unit, review, 'review.claim', { viewer, origin });
      });
      return reviewId;
    },

    /** Holds the claim for another lease. Throws CLAIM_LOST. */
    async renew(viewer: Viewer, reviewId: string, claimId: string): Promise<string> {
      await work(async (unit) => {
        const { review, reviewer } = await loadFor(unit.tx, viewer, reviewId);
        requireClaim(review, reviewer, claimId, clock.now());
        const { leaseMinutes } = await readReviewSettings(unit.tx);
        await unit.tx.review.update({
          where: { id: reviewId },
          data: { leaseExpiresAt: new Date(clock.ms() + leaseMinutes * 60_000) },
        });
      });
      return reviewId;
    },

    /** Puts a claimed review back into the queue. Throws CLAIM_LOST. */
    async release(viewer: Viewer, reviewId: string, claimId: string, origin: ActOrigin): Promise<string> {
      await work(async (unit) => {
        const { review, reviewer } = await loadFor(unit.tx, viewer, reviewId);
        requireClaim(review, reviewer, claimId, clock.now());
        await unit.tx.review.update({
          where: { id: reviewId },
          data: UNCLAIMED,
        });
        emitMove(unit, review, 'RELEASED', reviewer.developerId, {});
        note(unit, review, 'review.release', { viewer, origin });
      });
      return reviewId;
    },

    /** Gives claims whose lease has lapsed back to the queue; a scheduled job calls it. */
    async releaseLapsed(): Promise<number> {
      return work(async (unit) => {
        const lapsed = await unit.tx.review.findMany({
          where: { state: 'CLAIMED', leaseExpiresAt: { lte: clock.now() } },
          include: WITH_VERSION,
          take: 200,
        });
        for (const review of lapsed) {
          await unit.tx.review.update({ where: { id: review.id }, data: UNCLAIMED });
          emitMove(unit, review, 'RELEASED', null, { lapsed: true });
        }
        return lapsed.length;
      });
    },
  };
}
