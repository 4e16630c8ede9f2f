/** Owns what every act on a review starts from and leaves: the review with who may act on it, its event, its audit row. */
import { isAdmin, isReviewer, requireAdmin, requireReviewer } from '../accounts/access.ts';
import type { DeveloperViewer, Viewer } from '../accounts/viewer.ts';
import type { AuditAction } from '../audit/actions.ts';
import { type ActOrigin, actorOf } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import type { EventType } from '../events/types.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { JsonObject } from '../platform/json.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import type { Versions } from '../versions/service.ts';
import { anyMayTake, VERSION_REVIEWS, whyNotTake } from './access.ts';
import { standsBeside } from './kinds.ts';

/** Characters of what is said with a decision or an appeal. */
export const MAX_FEEDBACK = 8000;

export const WITH_VERSION = {
  version: {
    include: { app: { include: { members: { select: { developerId: true, role: true } } } }, reviews: VERSION_REVIEWS },
  },
} as const;
export type ReviewWithVersion = Prisma.ReviewGetPayload<{ include: typeof WITH_VERSION }>;

/** What the parts of the reviews work with. */
export interface ReviewsOptions {
  readonly db: Database;
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  /** A number in [0, 1): which automatic approvals are sampled. */
  readonly random: () => number;
  readonly versions: () => Versions;
}

/** The review for an act under a claim: the claim itself is compared by the act. Throws NOT_FOUND, FORBIDDEN or OWN_APP. */
export async function loadFor(
  tx: Tx,
  viewer: Viewer,
  reviewId: string,
): Promise<{ review: ReviewWithVersion; reviewer: DeveloperViewer }> {
  const reviewer = isAdmin(viewer) ? requireAdmin(viewer) : requireReviewer(viewer);
  const review = await tx.review.findUnique({ where: { id: reviewId }, include: WITH_VERSION });
  if (review === null) throw notFound('The review');
  if (review.version.app.members.some((member) => member.developerId === reviewer.developerId)) {
    throw new DomainError('OWN_APP', 'You are a member of this app. Somebody else must review it.');
  }
  return { review, reviewer };
}

/**
 * The review for somebody who wants to take it. Throws what `loadFor` throws, SECOND_REVIEWER_NEEDED for who has approved it
 * or decided what is appealed against, FORBIDDEN for an admin while any reviewer could take it.
 */
export async function loadToTake(
  tx: Tx,
  viewer: Viewer,
  reviewId: string,
): Promise<{ review: ReviewWithVersion; reviewer: DeveloperViewer }> {
  const { review, reviewer } = await loadFor(tx, viewer, reviewId);
  if (whyNotTake(review, reviewer.developerId) !== null) {
    throw new DomainError(
      'SECOND_REVIEWER_NEEDED',
      review.kind === 'APPEAL'
        ? 'You decided or approved this version before. Its appeal needs another reviewer.'
        : 'You have approved this version. It needs the approval of another reviewer too.',
    );
  }
  // An admin takes only what would wait for ever otherwise (docs/ARCHITECTURE.md, Permissions).
  if (!isReviewer(viewer) && anyMayTake(review, await activeReviewers(tx))) {
    throw new DomainError(
      'FORBIDDEN',
      'A reviewer can take this review. An admin takes only what no reviewer may decide.',
    );
  }
  return { review, reviewer };
}

/** Ids of the accounts that review. */
export async function activeReviewers(tx: Tx | Database['prisma']): Promise<string[]> {
  const rows = await tx.developer.findMany({ where: { reviewer: true, status: 'ACTIVE' }, select: { id: true } });
  return rows.map(({ id }) => id);
}

/** Tells of the review in the log. */
export function emitFor(
  unit: Unit,
  review: ReviewWithVersion,
  type: EventType,
  actorId: string | null,
  payload: JsonObject,
): void {
  const { version, versionId, id: reviewId } = review;
  unit.emit({ type, appId: version.appId, versionId, actorId, payload: { reviewId, ...payload } });
}

/** Tells that the review itself moved on; of one beside the state reviewers alone are told, for its version stands as it is. */
export function emitMove(
  unit: Unit,
  review: Pick<ReviewWithVersion, 'id' | 'kind' | 'versionId'> & { readonly version: { readonly appId: string } },
  type: 'QUEUED' | 'CLAIMED' | 'RELEASED' | 'APPROVED',
  actorId: string | null,
  payload: JsonObject,
): void {
  const { version, versionId, kind, id: reviewId } = review;
  const beside = standsBeside(kind);
  unit.emit({
    type: beside ? 'LOOKED_INTO' : type,
    appId: version.appId,
    versionId,
    actorId,
    payload: { reviewId, ...payload, ...(beside ? { kind, move: type } : {}) },
  });
}

/** Notes the act in the audit log. */
export function note(
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
    details: { versionId: review.versionId, round: review.round, kind: review.kind, ...details },
  });
}
