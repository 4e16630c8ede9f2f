/** Owns who may see and take reviews and reports, as query conditions and predicates. It reads no database. */
import { isAdmin, isReviewer } from '../accounts/access.ts';
import type { Viewer } from '../accounts/viewer.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { OPEN_STATES } from './kinds.ts';

const NOTHING = { id: { in: [] } };

/** Whether the viewer acts for the platform on reviews at all. */
export function isOfPlatform(viewer: Viewer): boolean {
  return isReviewer(viewer) || isAdmin(viewer);
}

/** The reviews that exist for the viewer: for reviewers and admins those of apps they are no member of. */
export function visibleReviews(viewer: Viewer): Prisma.ReviewWhereInput {
  if (viewer.kind === 'anonymous' || !isOfPlatform(viewer)) return NOTHING;
  return { version: { app: { members: { none: { developerId: viewer.developerId } } } } };
}

/** The reports that exist for the viewer: their own, and for reviewers and admins those of apps they are no member of. */
export function visibleReports(viewer: Viewer): Prisma.ReportWhereInput {
  if (viewer.kind === 'anonymous' || viewer.credential.kind === 'API_KEY') return NOTHING;
  const { developerId } = viewer;
  const own: Prisma.ReportWhereInput = { reporterId: developerId };
  return isOfPlatform(viewer) ? { OR: [own, { app: { members: { none: { developerId } } } }] } : own;
}

/** What `whyNotTake` looks at; `version.reviews` are all reviews of the version. */
export interface ReviewFacts {
  readonly id: string;
  readonly kind: string;
  readonly round: number;
  readonly version: {
    readonly app: { readonly members: readonly { readonly developerId: string }[] };
    readonly reviews: readonly {
      readonly id: string;
      readonly round: number;
      readonly decidedById: string | null;
      readonly approvals: readonly { readonly reviewerId: string }[];
    }[];
  };
}

/** What a version's reviews are read with: for who may take one, and for how many approvals there are. */
export const VERSION_REVIEWS = {
  orderBy: { id: 'desc' },
  take: 50,
  select: {
    id: true,
    kind: true,
    state: true,
    round: true,
    decidedById: true,
    approvalsNeeded: true,
    approvals: { select: { reviewerId: true } },
  },
} as const satisfies Prisma.AppVersion$reviewsArgs;

/** Who may not take the review: members of the app, who approved in this round, and for an appeal who decided before. */
export function barredFrom(review: ReviewFacts): { members: Set<string>; deciders: Set<string> } {
  const approvers = review.version.reviews
    .filter(({ id }) => id === review.id)
    .flatMap(({ approvals }) => approvals.map(({ reviewerId }) => reviewerId));
  const earlier =
    review.kind === 'APPEAL'
      ? review.version.reviews
          .filter(({ round }) => round < review.round)
          .flatMap(({ decidedById }) => decidedById ?? [])
      : [];
  return {
    members: new Set(review.version.app.members.map(({ developerId }) => developerId)),
    deciders: new Set([...approvers, ...earlier]),
  };
}

/** Why an account may not take the review, whatever its roles are; null where nothing stands against it. */
export function whyNotTake(review: ReviewFacts, developerId: string): 'OWN_APP' | 'SECOND_REVIEWER_NEEDED' | null {
  const { members, deciders } = barredFrom(review);
  if (members.has(developerId)) return 'OWN_APP';
  return deciders.has(developerId) ? 'SECOND_REVIEWER_NEEDED' : null;
}

/** Whether any of these reviewers may take the review. */
export function anyMayTake(review: ReviewFacts, reviewerIds: readonly string[]): boolean {
  const { members, deciders } = barredFrom(review);
  return reviewerIds.some((id) => !members.has(id) && !deciders.has(id));
}

/**
 * The open reviews that none of these reviewers may take: the same rules as `whyNotTake`. `appIds` are the apps that each is
 * a member of, given so that the many who have none cost no look-up.
 */
export function nobodyMayTake(
  reviewers: readonly { readonly id: string; readonly appIds: readonly string[] }[],
): Prisma.ReviewWhereInput {
  return {
    state: { in: [...OPEN_STATES] },
    AND: reviewers.map(({ id, appIds }) => ({
      OR: [
        { approvals: { some: { reviewerId: id } } },
        { kind: 'APPEAL', version: { reviews: { some: { decidedById: id } } } },
        ...(appIds.length === 0 ? [] : [{ version: { appId: { in: [...appIds] } } }]),
      ],
    })),
  };
}
