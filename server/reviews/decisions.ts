/** Owns the decisions of reviewers: each is fenced on state, round, claim and lease. States are moved by versions/service. */
import type { DeveloperViewer, Viewer } from '../accounts/viewer.ts';
import { onlyText } from '../apps/inputs.ts';
import type { ActOrigin } from '../audit/actor.ts';
import { DomainError } from '../errors.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { isUniqueViolation } from '../platform/db/errors.ts';
import type { JsonObject } from '../platform/json.ts';
import type { Unit } from '../unit-of-work.ts';
import { APPROVED_STATES } from '../versions/states.ts';
import { stateConflict } from '../versions/transition.ts';
import { barredFrom } from './access.ts';
import { claimLost, requireClaim, UNCLAIMED } from './claims.ts';
import type { Comments } from './comments.ts';
import { standsBeside } from './kinds.ts';
import type { ReviewQueue } from './queue.ts';
import {
  emitFor,
  emitMove,
  loadFor,
  MAX_FEEDBACK,
  note,
  type ReviewsOptions,
  type ReviewWithVersion,
} from './records.ts';
import { settleReports } from './report-records.ts';
import { readReviewSettings, requireKnownRules } from './settings.ts';

export interface DecisionInput {
  readonly reviewId: string;
  readonly claimId: string;
  readonly feedback: string;
  readonly policyRefs: readonly string[];
  readonly findingComments: readonly { readonly findingId: string; readonly body: string }[];
}

interface DecisionsOptions extends Pick<ReviewsOptions, 'work' | 'clock' | 'ids' | 'versions'> {
  readonly comments: Comments;
  readonly queue: ReviewQueue;
}

export function createDecisions({ work, clock, ids, versions, comments, queue }: DecisionsOptions) {
  /** Writes the review, fenced on the claim in the statement itself: of two decisions at once one finds it ended. */
  async function endClaim(
    unit: Unit,
    review: ReviewWithVersion,
    reviewer: DeveloperViewer,
    data: Prisma.ReviewUncheckedUpdateManyInput,
  ): Promise<void> {
    const ended = await unit.tx.review.updateMany({
      where: {
        id: review.id,
        state: 'CLAIMED',
        claimId: review.claimId,
        claimedById: reviewer.developerId,
        leaseExpiresAt: { gt: clock.now() },
      },
      data,
    });
    if (ended.count === 0) throw claimLost(review);
  }

  function decided(
    reviewer: DeveloperViewer,
    facts: { decision: 'APPROVED' | 'REJECTED'; feedback: string | null; policyRefs: readonly string[] },
  ): Prisma.ReviewUncheckedUpdateManyInput {
    return {
      ...facts,
      policyRefs: [...facts.policyRefs],
      state: 'DECIDED',
      decidedById: reviewer.developerId,
      decidedAt: clock.now(),
      leaseExpiresAt: null,
    };
  }

  async function loadVersion(unit: Unit, review: ReviewWithVersion, act: 'approve' | 'reject') {
    const version = await versions().load(unit.tx, review.versionId);
    const beside = standsBeside(review.kind);
    const wanted: readonly string[] = beside ? APPROVED_STATES : ['IN_REVIEW'];
    if (!wanted.includes(version.state) || (!beside && version.round !== review.round))
      throw stateConflict(act, version.state);
    return version;
  }

  /** Notes the approval; answers how many different reviewers have approved in this round. */
  async function addApproval(
    unit: Unit,
    review: ReviewWithVersion,
    reviewer: DeveloperViewer,
    text: string,
  ): Promise<number> {
    const { id: reviewId, versionId, round } = review;
    const data = { id: ids.next(), reviewId, versionId, round, reviewerId: reviewer.developerId };
    try {
      await unit.tx.approval.create({ data: { ...data, note: text === '' ? null : text, createdAt: clock.now() } });
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new DomainError('SECOND_REVIEWER_NEEDED', 'You have approved this version in this round already.');
    }
    return unit.tx.approval.count({ where: { reviewId } });
  }

  /**
   * Whether anybody is left who could give the next approval. On a platform of one reviewer nobody is: a version must not wait
   * for ever for a second pair of eyes that does not exist.
   */
  async function somebodyElse(unit: Unit, review: ReviewWithVersion, reviewer: DeveloperViewer): Promise<boolean> {
    const { members, deciders } = barredFrom(review);
    const others = await unit.tx.developer.count({
      where: {
        status: 'ACTIVE',
        OR: [{ reviewer: true }, { admin: true }],
        id: { notIn: [...members, ...deciders, reviewer.developerId] },
      },
    });
    return others > 0;
  }

  /** Approves what a version waits for: for good, or in part where another reviewer must approve it too. */
  async function approveWaiting(
    unit: Unit,
    review: ReviewWithVersion,
    reviewer: DeveloperViewer,
    text: string,
  ): Promise<JsonObject> {
    const version = await loadVersion(unit, review, 'approve');
    const given = await addApproval(unit, review, reviewer, text);
    const said = text === '' ? {} : { message: text };
    const alone = given < review.approvalsNeeded && !(await somebodyElse(unit, review, reviewer));
    if (given < review.approvalsNeeded && !alone) {
      await endClaim(unit, review, reviewer, UNCLAIMED);
      emitFor(unit, review, 'APPROVAL_ADDED', reviewer.developerId, {
        approvals: given,
        approvalsNeeded: review.approvalsNeeded,
        ...said,
      });
      return { approvals: given, approvalsNeeded: review.approvalsNeeded };
    }
    const feedback = text === '' ? null : text;
    await endClaim(unit, review, reviewer, decided(reviewer, { decision: 'APPROVED', feedback, policyRefs: [] }));
    await versions().move(unit, version, 'approve', { decidedAt: clock.now(), stateReason: null });
    emitFor(unit, review, 'APPROVED', reviewer.developerId, { by: 'REVIEWER', ...said });
    if (review.approvalsNeeded === 1) return {};
    return { approvals: given, approvalsNeeded: review.approvalsNeeded, ...(alone ? { nobodyElse: true } : {}) };
  }

  /** Leaves a version as it is after another look; what users had reported before the look is dismissed with it. */
  async function approveBeside(
    unit: Unit,
    review: ReviewWithVersion,
    reviewer: DeveloperViewer,
    text: string,
  ): Promise<JsonObject> {
    await loadVersion(unit, review, 'approve');
    const feedback = text === '' ? null : text;
    await endClaim(unit, review, reviewer, decided(reviewer, { decision: 'APPROVED', feedback, policyRefs: [] }));
    emitMove(unit, review, 'APPROVED', reviewer.developerId, {});
    if (review.kind !== 'REPORT') return {};
    const reports = await settleReports(unit.tx, review.version.appId, {
      state: 'DISMISSED',
      decidedById: reviewer.developerId,
      decisionNote: feedback,
      decidedAt: clock.now(),
      // What came after the claim was not there to be looked at.
      ...(review.claimedAt === null ? {} : { until: review.claimedAt }),
    });
    return { reports };
  }

  async function addComments(
    unit: Unit,
    versionId: string,
    reviewer: DeveloperViewer,
    findingComments: DecisionInput['findingComments'],
  ): Promise<void> {
    for (const { findingId, body } of findingComments) {
      const author = { authorId: reviewer.developerId, side: 'REVIEWER' } as const;
      await comments.add(unit, { versionId, findingId, body, ...author });
    }
  }

  /** Takes the version back: rejected while nobody has it, suspended once it was in the store. */
  async function takeBack(
    unit: Unit,
    review: ReviewWithVersion,
    reviewer: DeveloperViewer,
    feedback: string,
  ): Promise<{ type: 'REJECTED' | 'SUSPENDED'; details: JsonObject }> {
    const version = await loadVersion(unit, review, 'reject');
    const facts = { decidedAt: clock.now(), stateReason: feedback };
    const beside = standsBeside(review.kind);
    if (!beside) await versions().move(unit, version, 'reject', facts);
    else if (version.state === 'APPROVED') await versions().move(unit, version, 'rejectSample', facts);
    else await versions().move(unit, version, 'suspendSample', { stateReason: feedback });
    // Other looks beside the state have nothing left to take back.
    await queue.cancel(unit, version.id);
    const type = beside && version.state !== 'APPROVED' ? 'SUSPENDED' : 'REJECTED';
    if (review.kind !== 'REPORT') return { type, details: {} };
    const reports = await settleReports(unit.tx, version.appId, {
      state: 'UPHELD',
      decidedById: reviewer.developerId,
      decisionNote: feedback,
      decidedAt: clock.now(),
    });
    return { type, details: { reports } };
  }

  return {
    /**
     * Approves what the viewer has claimed. Where two approvals are needed, the first puts the review back into the queue
     * for another reviewer. Throws CLAIM_LOST or STATE_CONFLICT.
     */
    async approve(
      viewer: Viewer,
      input: { reviewId: string; claimId: string; note: string },
      origin: ActOrigin,
    ): Promise<string> {
      const text = onlyText(input.note, 'input.note', MAX_FEEDBACK);
      await work(async (unit) => {
        const { review, reviewer } = await loadFor(unit.tx, viewer, input.reviewId);
        requireClaim(review, reviewer, input.claimId, clock.now());
        const act = standsBeside(review.kind) ? approveBeside : approveWaiting;
        const details = await act(unit, review, reviewer, text);
        note(unit, review, 'review.approve', { viewer, origin }, details);
      });
      return input.reviewId;
    },

    /**
     * Rejects what the viewer has claimed, whatever others approved; feedback is required, for it is what the developer
     * works with. Throws CLAIM_LOST, STATE_CONFLICT, FEEDBACK_REQUIRED, or VALIDATION for unknown policy references.
     */
    async reject(viewer: Viewer, input: DecisionInput, origin: ActOrigin): Promise<string> {
      const feedback = onlyText(input.feedback, 'input.feedback', MAX_FEEDBACK);
      if (feedback === '')
        throw new DomainError(
          'FEEDBACK_REQUIRED',
          'Say what is wrong and what would make it right: a rejection needs feedback.',
        );
      const policyRefs = [...new Set(input.policyRefs)];
      await work(async (unit) => {
        const { review, reviewer } = await loadFor(unit.tx, viewer, input.reviewId);
        requireClaim(review, reviewer, input.claimId, clock.now());
        requireKnownRules(await readReviewSettings(unit.tx), input.policyRefs, 'input.policyRefs');
        await endClaim(unit, review, reviewer, decided(reviewer, { decision: 'REJECTED', feedback, policyRefs }));
        await addComments(unit, review.versionId, reviewer, input.findingComments);
        const { type, details } = await takeBack(unit, review, reviewer, feedback);
        emitFor(unit, review, type, reviewer.developerId, { by: 'REVIEWER', feedback, policyRefs });
        note(unit, review, 'review.reject', { viewer, origin }, { policyRefs, ...details });
      });
      return input.reviewId;
    },
  };
}
