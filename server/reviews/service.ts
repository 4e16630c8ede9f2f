/** Owns the reviews as a whole, put together from their parts: the only writer of reviews, approvals, comments and reports. */
import { createAppeals } from './appeals.ts';
import { createClaims } from './claims.ts';
import { createComments } from './comments.ts';
import { createConclusion } from './conclusion.ts';
import { createDecisions } from './decisions.ts';
import { createReviewQueue } from './queue.ts';
import { activeReviewers, type ReviewsOptions } from './records.ts';
import { createReports } from './reports.ts';

export type Reviews = ReturnType<typeof createReviews>;

/** What checks, edges and jobs call. */
export function createReviews(options: ReviewsOptions) {
  const queue = createReviewQueue(options);
  const comments = createComments(options);
  const { conclude } = createConclusion({ ...options, queue });
  const { appeal } = createAppeals({ ...options, queue, comments });
  return {
    conclude,
    cancel: queue.cancel,
    openBeside: queue.openBeside,
    position: queue.position,
    isLapsed: queue.isLapsed,
    waitingSeconds: queue.waitingSeconds,
    /** Ids of the accounts that review; whom a review can wait for. */
    reviewers: () => activeReviewers(options.db.prisma),
    ...createClaims(options),
    ...createDecisions({ ...options, comments, queue }),
    ...createReports({ ...options, queue }),
    appeal,
    comment: comments.comment,
  };
}
