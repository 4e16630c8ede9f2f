/** Owns the reviews as a whole, put together from their parts: the only writer of reviews, approvals and comments. */
import { createAppeals } from './appeals.ts';
import { createClaims } from './claims.ts';
import { createComments } from './comments.ts';
import { createConclusion } from './conclusion.ts';
import { createDecisions } from './decisions.ts';
import { createReviewQueue } from './queue.ts';
import type { ReviewsOptions } from './records.ts';

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
    position: queue.position,
    ...createClaims(options),
    ...createDecisions({ ...options, comments }),
    appeal,
    comment: comments.comment,
  };
}
