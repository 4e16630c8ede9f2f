/** Owns the decisions of reviewers: each is fenced on state, round, claim and lease. States are moved by versions/service. */
import type { DeveloperViewer, Viewer } from '../accounts/viewer.ts';
import { onlyText } from '../apps/inputs.ts';
import type { ActOrigin } from '../audit/actor.ts';
import { DomainError } from '../errors.ts';
import { isUniqueViolation } from '../platform/db/errors.ts';
import type { Unit } from '../unit-of-work.ts';
import { stateConflict } from '../versions/transition.ts';
import { claimLost, requireClaim } from './claims.ts';
import type { Comments } from './comments.ts';
import { emitFor, loadFor, MAX_FEEDBACK, note, type ReviewsOptions, type ReviewWithVersion } from './records.ts';

export interface DecisionInput {
  readonly reviewId: string;
  readonly claimId: string;
  readonly feedback: string;
  readonly policyRefs: readonly string[];
  readonly findingComments: readonly { readonly findingId: string; readonly body: string }[];
}

interface DecisionsOptions extends Pick<ReviewsOptions, 'work' | 'clock' | 'ids' | 'versions'> {
  readonly comments: Comments;
}

export function createDecisions({ work, clock, ids, versions, comments }: DecisionsOptions) {
  /** Ends the review, fenced on the claim in the statement itself: of two decisions at once one finds it ended. */
  async function endReview(
    unit: Unit,
    review: ReviewWithVersion,
    reviewer: DeveloperViewer,
    facts: { decision: 'APPROVED' | 'REJECTED'; feedback: string | null; policyRefs: readonly string[] },
  ): Promise<void> {
    const now = clock.now();
    const ended = await unit.tx.review.updateMany({
      where: {
        id: review.id,
        state: 'CLAIMED',
        claimId: review.claimId,
        claimedById: reviewer.developerId,
        leaseExpiresAt: { gt: now },
      },
      data: {
        state: 'DECIDED',
        decision: facts.decision,
        feedback: facts.feedback,
        policyRefs: [...facts.policyRefs],
        decidedById: reviewer.developerId,
        decidedAt: now,
        leaseExpiresAt: null,
      },
    });
    if (ended.count === 0) throw claimLost(review);
  }

  async function loadVersion(unit: Unit, review: ReviewWithVersion) {
    const version = await versions().load(unit.tx, review.versionId);
    const wanted = review.kind === 'SAMPLE' ? ['APPROVED', 'PUBLISHED', 'UNPUBLISHED'] : ['IN_REVIEW'];
    if (!wanted.includes(version.state) || (review.kind !== 'SAMPLE' && version.round !== review.round)) {
      throw stateConflict('approve', version.state);
    }
    return version;
  }

  async function approveOnce(unit: Unit, review: ReviewWithVersion, reviewer: DeveloperViewer): Promise<void> {
    try {
      await unit.tx.approval.create({
        data: {
          id: ids.next(),
          reviewId: review.id,
          versionId: review.versionId,
          round: review.round,
          reviewerId: reviewer.developerId,
          createdAt: clock.now(),
        },
      });
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new DomainError('CONFLICT', 'You have approved this version in this round already.');
    }
  }

  return {
    /** Approves what the viewer has claimed. Throws CLAIM_LOST or STATE_CONFLICT. */
    async approve(
      viewer: Viewer,
      input: { reviewId: string; claimId: string; note: string },
      origin: ActOrigin,
    ): Promise<string> {
      const text = onlyText(input.note, 'input.note', MAX_FEEDBACK);
      await work(async (unit) => {
        const { review, reviewer } = await loadFor(unit.tx, viewer, input.reviewId);
        requireClaim(review, reviewer, input.claimId, clock.now());
        const version = await loadVersion(unit, review);
        await endReview(unit, review, reviewer, {
          decision: 'APPROVED',
          feedback: text === '' ? null : text,
          policyRefs: [],
        });
        await approveOnce(unit, review, reviewer);
        if (review.kind !== 'SAMPLE') {
          await versions().move(unit, version, 'approve', { decidedAt: clock.now(), stateReason: null });
          emitFor(unit, review, 'APPROVED', reviewer.developerId, {
            by: 'REVIEWER',
            ...(text === '' ? {} : { message: text }),
          });
        }
        note(unit, review, 'review.approve', { viewer, origin });
      });
      return input.reviewId;
    },

    /** Rejects what the viewer has claimed; feedback is required, for it is what the developer works with. */
    async reject(viewer: Viewer, input: DecisionInput, origin: ActOrigin): Promise<string> {
      const feedback = onlyText(input.feedback, 'input.feedback', MAX_FEEDBACK);
      if (feedback === '')
        throw new DomainError(
          'FEEDBACK_REQUIRED',
          'Say what is wrong and what would make it right: a rejection needs feedback.',
        );
      await work(async (unit) => {
        const { review, reviewer } = await loadFor(unit.tx, viewer, input.reviewId);
        requireClaim(review, reviewer, input.claimId, clock.now());
        const version = await loadVersion(unit, review);
        await endReview(unit, review, reviewer, { decision: 'REJECTED', feedback, policyRefs: input.policyRefs });
        for (const comment of input.findingComments) {
          await comments.add(unit, {
            versionId: version.id,
            findingId: comment.findingId,
            authorId: reviewer.developerId,
            side: 'REVIEWER',
            body: comment.body,
          });
        }
        const facts = { decidedAt: clock.now(), stateReason: feedback };
        if (review.kind !== 'SAMPLE') await versions().move(unit, version, 'reject', facts);
        else if (version.state === 'APPROVED') await versions().move(unit, version, 'rejectSample', facts);
        else await versions().move(unit, version, 'suspendSample', { stateReason: feedback });
        const type = review.kind === 'SAMPLE' && version.state !== 'APPROVED' ? 'SUSPENDED' : 'REJECTED';
        emitFor(unit, review, type, reviewer.developerId, {
          by: 'REVIEWER',
          feedback,
          policyRefs: [...input.policyRefs],
        });
        note(unit, review, 'review.reject', { viewer, origin }, { policyRefs: [...input.policyRefs] });
      });
      return input.reviewId;
    },
  };
}
