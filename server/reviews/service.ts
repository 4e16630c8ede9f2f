/**
 * Owns reviews, approvals and comments: the only writer of their tables. It decides what follows from the checks, keeps the
 * queue and its leases, and fences every decision on state, round, claim and lease. States are moved by versions/service.
 */
import { isAdmin, isReviewer, isSignedIn, requireAdmin, requireReviewer } from '../accounts/access.ts';
import type { DeveloperViewer, Viewer } from '../accounts/viewer.ts';
import { requireRole, roleOn } from '../apps/access.ts';
import { onlyText } from '../apps/inputs.ts';
import type { AuditAction } from '../audit/actions.ts';
import { type ActOrigin, actorOf, SYSTEM_ACTOR } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Prisma, Review } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import { isUniqueViolation } from '../platform/db/errors.ts';
import type { Ids } from '../platform/ids.ts';
import type { JsonObject } from '../platform/json.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import type { CheckSummary } from '../validation/check-records.ts';
import type { SubmittedVersion } from '../validation/service.ts';
import { MEMBER_ACTS } from '../versions/access.ts';
import type { Versions } from '../versions/service.ts';
import { stateConflict } from '../versions/transition.ts';
import { type ReviewReason, reasonsToReview } from './policy.ts';
import { readReviewSettings } from './settings.ts';

export const REVIEW_STATES = ['QUEUED', 'CLAIMED', 'DECIDED', 'CANCELLED'] as const;
export const REVIEW_KINDS = ['MANUAL', 'APPEAL', 'SAMPLE'] as const;
export const REVIEW_DECISIONS = ['APPROVED', 'REJECTED'] as const;
export type ReviewKind = (typeof REVIEW_KINDS)[number];

const MAX_FEEDBACK = 8000;
const MAX_COMMENT = 4000;
const HOUR_MS = 3_600_000;

const WITH_VERSION = {
  version: { include: { app: { include: { members: { select: { developerId: true, role: true } } } } } },
} as const;
type ReviewWithVersion = Prisma.ReviewGetPayload<{ include: typeof WITH_VERSION }>;

export interface DecisionInput {
  readonly reviewId: string;
  readonly claimId: string;
  readonly feedback: string;
  readonly policyRefs: readonly string[];
  readonly findingComments: readonly { readonly findingId: string; readonly body: string }[];
}

interface ReviewsOptions {
  readonly db: Database;
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  /** A number in [0, 1): which automatic approvals are sampled. */
  readonly random: () => number;
  readonly versions: () => Versions;
}

export type Reviews = ReturnType<typeof createReviews>;

export function createReviews({ db, work, clock, ids, random, versions }: ReviewsOptions) {
  async function policyReasons(tx: Tx, version: SubmittedVersion, summary: CheckSummary): Promise<ReviewReason[]> {
    const row = await tx.appVersion.findUniqueOrThrow({ where: { id: version.id }, include: { app: true } });
    const [publishedApps, lastApproved, openReports, upheld] = await Promise.all([
      tx.app.count({ where: { developerId: row.app.developerId, firstPublishedAt: { not: null } } }),
      tx.appVersion.findFirst({
        where: { appId: version.appId, state: { in: ['APPROVED', 'PUBLISHED', 'UNPUBLISHED'] } },
        orderBy: { versionCode: 'desc' },
      }),
      tx.report.count({ where: { appId: version.appId, state: 'OPEN' } }),
      tx.report.count({ where: { appId: version.appId, state: 'UPHELD' } }),
    ]);
    return reasonsToReview({
      hasPublishedApp: publishedApps > 0,
      permissions: row.permissions as string[],
      lastApprovedPermissions: lastApproved === null ? null : (lastApproved.permissions as string[]),
      warnings: summary.warnings,
      crashed: summary.crashed,
      openReports,
      reportUpheld: upheld > 0,
    });
  }

  async function queue(
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
  }

  /** The review for an act of a reviewer; what they may not decide is not there for them. */
  async function loadFor(
    tx: Tx,
    viewer: Viewer,
    reviewId: string,
  ): Promise<{ review: ReviewWithVersion; reviewer: DeveloperViewer }> {
    const reviewer = isAdmin(viewer) ? requireAdmin(viewer) : requireReviewer(viewer);
    const review = await tx.review.findUnique({ where: { id: reviewId }, include: WITH_VERSION });
    if (review === null) throw notFound('The review');
    if (!isReviewer(viewer)) await requireNoReviewer(tx, review);
    if (review.version.app.members.some((member) => member.developerId === reviewer.developerId)) {
      throw new DomainError('OWN_APP', 'You are a member of this app. Somebody else must review it.');
    }
    if (review.kind === 'APPEAL' && (await decidedBefore(tx, review, reviewer.developerId))) {
      throw new DomainError(
        'SECOND_REVIEWER_NEEDED',
        'You decided this version before. Its appeal needs another reviewer.',
      );
    }
    return { review, reviewer };
  }

  /** An admin who is no reviewer takes an appeal only where nobody else can (docs/ARCHITECTURE.md, Permissions). */
  async function requireNoReviewer(tx: Tx, review: ReviewWithVersion): Promise<void> {
    const earlier = await tx.review.findMany({
      where: { versionId: review.versionId, round: { lt: review.round }, decidedById: { not: null } },
      select: { decidedById: true },
    });
    const excluded = [
      ...review.version.app.members.map((member) => member.developerId),
      ...earlier.flatMap(({ decidedById }) => decidedById ?? []),
    ];
    const able = await tx.developer.count({ where: { reviewer: true, status: 'ACTIVE', id: { notIn: excluded } } });
    if (review.kind !== 'APPEAL' || able > 0)
      throw new DomainError('FORBIDDEN', 'Only a reviewer who is signed in to the portal can do this.');
  }

  async function decidedBefore(tx: Tx, review: Review, developerId: string): Promise<boolean> {
    const count = await tx.review.count({
      where: { versionId: review.versionId, round: { lt: review.round }, decidedById: developerId },
    });
    return count > 0;
  }

  /** Throws CLAIM_LOST unless the viewer's claim with this id still holds. */
  function requireClaim(review: Review, reviewer: DeveloperViewer, claimId: string): void {
    const holds =
      review.state === 'CLAIMED' &&
      review.claimedById === reviewer.developerId &&
      review.claimId === claimId &&
      review.leaseExpiresAt !== null &&
      review.leaseExpiresAt > clock.now();
    if (!holds) throw claimLost(review);
  }

  function emitFor(
    unit: Unit,
    review: ReviewWithVersion,
    type: Parameters<Unit['emit']>[0]['type'],
    actorId: string | null,
    payload: JsonObject,
  ): void {
    unit.emit({
      type,
      appId: review.version.appId,
      versionId: review.versionId,
      actorId,
      payload: { reviewId: review.id, ...payload },
    });
  }

  function note(
    unit: Unit,
    review: ReviewWithVersion,
    action: AuditAction,
    who: { viewer: Viewer; origin: ActOrigin },
    details: JsonObject = {},
  ): void {
    unit.audit({
      ...actorOf(who.viewer, who.origin),
      action,
      resourceType: 'review',
      resourceId: review.id,
      details: { versionId: review.versionId, round: review.round, ...details },
    });
  }

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

  return {
    /** What follows from finished checks: refusal, a person, or approval; in the transaction that ends the check job. */
    async conclude(unit: Unit, submitted: SubmittedVersion, summary: CheckSummary): Promise<void> {
      const version = await versions().load(unit.tx, submitted.id);
      const base = { appId: version.appId, versionId: version.id };
      const now = clock.now();
      if (summary.errors > 0) {
        const reason = `The checks found ${summary.errors} ${summary.errors === 1 ? 'error' : 'errors'}.`;
        await versions().move(unit, version, 'failChecks', { decidedAt: now, stateReason: reason });
        unit.emit({ ...base, type: 'CHECKS_FAILED', payload: { errors: summary.errors, warnings: summary.warnings } });
        unit.emit({ ...base, type: 'REJECTED', payload: { by: 'CHECKS', feedback: reason } });
        unit.audit({
          ...SYSTEM_ACTOR,
          action: 'review.reject',
          resourceType: 'version',
          resourceId: version.id,
          details: { by: 'CHECKS', errors: summary.errors },
        });
        return;
      }
      unit.emit({ ...base, type: 'CHECKS_PASSED', payload: { warnings: summary.warnings } });
      const reasons = await policyReasons(unit.tx, submitted, summary);
      if (reasons.length > 0) {
        await versions().move(unit, version, 'requireReview', { reviewReasons: reasons });
        await queue(unit, version, { round: version.round, kind: 'MANUAL', reasons });
        return;
      }
      await versions().move(unit, version, 'passChecks', { decidedAt: now });
      unit.emit({ ...base, type: 'APPROVED', payload: { by: 'CHECKS' } });
      unit.audit({
        ...SYSTEM_ACTOR,
        action: 'review.approve',
        resourceType: 'version',
        resourceId: version.id,
        details: { by: 'CHECKS' },
      });
      const { sampleShare } = await readReviewSettings(unit.tx);
      if (random() < sampleShare)
        await queue(unit, version, { round: version.round, kind: 'SAMPLE', reasons: ['SAMPLE'] });
    },

    /** Ends the open reviews of a version that leaves the queue. */
    async cancel(unit: Unit, versionId: string): Promise<void> {
      await unit.tx.review.updateMany({
        where: { versionId, state: { in: ['QUEUED', 'CLAIMED'] } },
        data: { state: 'CANCELLED', claimId: null, leaseExpiresAt: null },
      });
    },

    /** Takes a waiting review for the viewer, or one whose lease has lapsed. Throws CONFLICT when somebody holds it. */
    async claim(viewer: Viewer, reviewId: string, origin: ActOrigin): Promise<string> {
      await work(async (unit) => {
        const { review, reviewer } = await loadFor(unit.tx, viewer, reviewId);
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
        emitFor(unit, review, 'CLAIMED', reviewer.developerId, {});
        note(unit, review, 'review.claim', { viewer, origin });
      });
      return reviewId;
    },

    /** Holds the claim for another lease. Throws CLAIM_LOST. */
    async renew(viewer: Viewer, reviewId: string, claimId: string): Promise<string> {
      await work(async (unit) => {
        const { review, reviewer } = await loadFor(unit.tx, viewer, reviewId);
        requireClaim(review, reviewer, claimId);
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
        requireClaim(review, reviewer, claimId);
        await unit.tx.review.update({
          where: { id: reviewId },
          data: { state: 'QUEUED', claimId: null, claimedById: null, claimedAt: null, leaseExpiresAt: null },
        });
        emitFor(unit, review, 'RELEASED', reviewer.developerId, {});
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
          await unit.tx.review.update({
            where: { id: review.id },
            data: { state: 'QUEUED', claimId: null, claimedById: null, claimedAt: null, leaseExpiresAt: null },
          });
          emitFor(unit, review, 'RELEASED', null, { lapsed: true });
        }
        return lapsed.length;
      });
    },

    /** Approves what the viewer has claimed. Throws CLAIM_LOST or STATE_CONFLICT. */
    async approve(
      viewer: Viewer,
      input: { reviewId: string; claimId: string; note: string },
      origin: ActOrigin,
    ): Promise<string> {
      const text = onlyText(input.note, 'input.note', MAX_FEEDBACK);
      await work(async (unit) => {
        const { review, reviewer } = await loadFor(unit.tx, viewer, input.reviewId);
        requireClaim(review, reviewer, input.claimId);
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
        requireClaim(review, reviewer, input.claimId);
        const version = await loadVersion(unit, review);
        await endReview(unit, review, reviewer, { decision: 'REJECTED', feedback, policyRefs: input.policyRefs });
        for (const comment of input.findingComments) {
          await addComment(unit, {
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

    /** Asks another reviewer to look at a rejection again, once a version. Throws APPEAL_NOT_POSSIBLE or STATE_CONFLICT. */
    async appeal(viewer: Viewer, versionId: string, reason: string, origin: ActOrigin): Promise<string> {
      const text = onlyText(reason, 'input.reason', MAX_FEEDBACK, 1);
      await work(async (unit) => {
        const version = await unit.tx.appVersion.findUnique({
          where: { id: versionId },
          include: { app: { include: { members: true } } },
        });
        const developer = requireRole(viewer, version?.app ?? null, MEMBER_ACTS.appeal);
        const loaded = await versions().load(unit.tx, versionId);
        if (loaded.state !== 'REJECTED') throw stateConflict('appeal', loaded.state);
        if (loaded.appealed)
          throw new DomainError(
            'APPEAL_NOT_POSSIBLE',
            'This version was appealed before; a version can be appealed once. Fix it and upload a new one.',
          );
        const formatErrors = await unit.tx.checkRun.count({
          where: { versionId, errors: { gt: 0 }, check: { in: ['archive', 'manifest', 'contents', 'signature'] } },
        });
        if (formatErrors > 0)
          throw new DomainError(
            'APPEAL_NOT_POSSIBLE',
            'Format errors cannot be appealed: no device could install the package. Fix it and upload a new version.',
          );
        const round = loaded.round + 1;
        await versions().move(unit, loaded, 'appeal', {
          round,
          appealed: true,
          reviewReasons: ['APPEAL'],
          stateReason: null,
        });
        await addComment(unit, {
          versionId,
          findingId: null,
          authorId: developer.developerId,
          side: 'DEVELOPER',
          body: text,
        });
        unit.emit({
          type: 'APPEALED',
          appId: loaded.appId,
          versionId,
          actorId: developer.developerId,
          payload: { message: text, round },
        });
        await queue(unit, loaded, { round, kind: 'APPEAL', reasons: ['APPEAL'] });
        unit.audit({
          ...actorOf(viewer, origin),
          action: 'version.appeal',
          resourceType: 'version',
          resourceId: versionId,
        });
      });
      return versionId;
    },

    /** Adds to the conversation about a version, by a member of its app or by a reviewer who is none. */
    async comment(
      viewer: Viewer,
      input: { versionId: string; findingId: string | null; body: string },
      origin: ActOrigin,
    ): Promise<string> {
      const body = onlyText(input.body, 'input.body', MAX_COMMENT, 1);
      return work(async (unit) => {
        const version = await unit.tx.appVersion.findUnique({
          where: { id: input.versionId },
          include: { app: { include: { members: true } } },
        });
        if (version === null) throw notFound('The version');
        const isMember = roleOn(viewer, version.app) !== null;
        if (!isMember && isSignedIn(viewer) && (!isReviewer(viewer) || version.claimedCode === null))
          throw notFound('The version');
        const author = isMember ? requireRole(viewer, version.app, MEMBER_ACTS.appeal) : requireReviewer(viewer);
        const side = isMember ? 'DEVELOPER' : 'REVIEWER';
        const id = await addComment(unit, {
          versionId: version.id,
          findingId: input.findingId,
          authorId: author.developerId,
          side,
          body,
        });
        unit.emit({
          type: 'COMMENTED',
          appId: version.appId,
          versionId: version.id,
          actorId: author.developerId,
          payload: { commentId: id, side },
        });
        unit.audit({
          ...actorOf(viewer, origin),
          action: 'review.comment',
          resourceType: 'version',
          resourceId: version.id,
        });
        return id;
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
      const since = new Date(clock.ms() - 30 * 24 * HOUR_MS);
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
      return {
        position: ahead + 1,
        dueAt: review.dueAt,
        medianWaitSeconds: median === undefined ? null : Math.round(median / 1000),
      };
    },
  };

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

  async function addComment(
    unit: Unit,
    given: {
      versionId: string;
      findingId: string | null;
      authorId: string;
      side: 'DEVELOPER' | 'REVIEWER';
      body: string;
    },
  ): Promise<string> {
    const body = onlyText(given.body, 'input.body', MAX_COMMENT, 1);
    if (given.findingId !== null) {
      const known = await unit.tx.versionFinding.count({ where: { id: given.findingId, versionId: given.versionId } });
      if (known === 0) throw notFound('The finding');
    }
    const id = ids.next();
    await unit.tx.comment.create({ data: { id, ...given, body, createdAt: clock.now() } });
    return id;
  }
}

function claimLost(review: Review): DomainError {
  return new DomainError(
    'CLAIM_LOST',
    'Your claim on this review has ended: it lapsed, was released, or somebody decided. Look at the queue again.',
    { currentState: review.state },
  );
}
