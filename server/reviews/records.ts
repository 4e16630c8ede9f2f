/** Owns what every act on a review starts from and leaves: the review with who may act on it, its event, its audit row. */
import { isAdmin, isReviewer, requireAdmin, requireReviewer } from '../accounts/access.ts';
import type { DeveloperViewer, Viewer } from '../accounts/viewer.ts';
import type { AuditAction } from '../audit/actions.ts';
import { type ActOrigin, actorOf } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Prisma, Review } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { JsonObject } from '../platform/json.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import type { Versions } from '../versions/service.ts';

export const REVIEW_STATES = ['QUEUED', 'CLAIMED', 'DECIDED', 'CANCELLED'] as const;
export const REVIEW_KINDS = ['MANUAL', 'APPEAL', 'SAMPLE'] as const;
export const REVIEW_DECISIONS = ['APPROVED', 'REJECTED'] as const;
export type ReviewKind = (typeof REVIEW_KINDS)[number];

/** Characters of what is said with a decision or an appeal. */
export const MAX_FEEDBACK = 8000;

export const WITH_VERSION = {
  version: { include: { app: { include: { members: { select: { developerId: true, role: true } } } } } },
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

/** The review for an act of a reviewer; what they may not decide is not there for them. */
export async function loadFor(
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

/** Tells of the review in the log. */
export function emitFor(
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
    details: { versionId: review.versionId, round: review.round, ...details },
  });
}
