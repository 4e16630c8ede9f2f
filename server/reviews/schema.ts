/** Owns the GraphQL types of reviews and comments, and the queue. It writes nothing. */
import { isAdmin, isReviewer } from '../accounts/access.ts';
import { roleOn } from '../apps/access.ts';
import { builder } from '../graphql/builder.ts';
import type { GraphContext } from '../graphql/context.ts';
import { FindingType } from '../versions/check-types.ts';
import { VersionNode } from '../versions/schema.ts';
import { anyMayTake, isOfPlatform, type ReviewFacts, VERSION_REVIEWS, visibleReviews, whyNotTake } from './access.ts';
import { OPEN_STATES, REVIEW_DECISIONS, REVIEW_KINDS, REVIEW_STATES } from './kinds.ts';
import { REVIEW_REASONS } from './policy.ts';
import { ReviewReasonEnum } from './reason-type.ts';

const ReviewStateEnum = builder.enumType('ReviewState', {
  description: 'Where a review is.',
  values: {
    QUEUED: { description: 'Waits for a reviewer.' },
    CLAIMED: { description: 'A reviewer holds it.' },
    DECIDED: { description: 'Ended with a decision.' },
    CANCELLED: { description: 'Ended because the version left the queue.' },
  } satisfies Record<(typeof REVIEW_STATES)[number], object>,
});
export const ReviewKindEnum = builder.enumType('ReviewKind', {
  description: 'What a review is about.',
  values: {
    MANUAL: { description: 'The policy asked for a person.' },
    APPEAL: { description: 'Another look at a rejection.' },
    SAMPLE: { description: 'A look afterwards at an automatic approval.' },
    REPORT: { description: 'Users reported the app; a look at what is in the store.' },
    RESCAN: { description: 'Newer checks found something in what was approved.' },
  } satisfies Record<(typeof REVIEW_KINDS)[number], object>,
});
const ReviewDecisionEnum = builder.enumType('ReviewDecision', {
  description: 'What a reviewer decided.',
  values: {
    APPROVED: { description: 'May be published.' },
    REJECTED: { description: 'Refused, with feedback.' },
  } satisfies Record<(typeof REVIEW_DECISIONS)[number], object>,
});

export const CommentType = builder.prismaObject('Comment', {
  name: 'Comment',
  description: 'One message about a version.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Names the comment.' }),
    side: t.field({
      type: SideEnum(),
      description: 'Whose side wrote it.',
      resolve: ({ side }) => (side === 'REVIEWER' ? 'REVIEWER' : 'DEVELOPER'),
    }),
    authorName: t.string({
      description: 'Who wrote it; developers see a reviewer as "a reviewer".',
      select: {
        authorId: true,
        author: { select: { name: true } },
        version: { select: { app: { select: { id: true, members: { select: { developerId: true, role: true } } } } } },
      },
      resolve: (comment, _args, { viewer }) => {
        const isOwn = viewer.kind === 'developer' && viewer.developerId === comment.authorId;
        const mayKnow =
          isOwn || ((isReviewer(viewer) || isAdmin(viewer)) && roleOn(viewer, comment.version.app) === null);
        return comment.side === 'REVIEWER' && !mayKnow ? 'a reviewer' : comment.author.name;
      },
    }),
    body: t.exposeString('body', { description: 'Plain text.' }),
    finding: t.relation('finding', {
      type: FindingType,
      nullable: true,
      description: 'The finding it is about; null for the version as a whole.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When.' }),
  }),
});

function SideEnum() {
  return builder.enumType('CommentSide', {
    description: 'Whose side wrote a comment.',
    values: { DEVELOPER: { description: 'A member of the app.' }, REVIEWER: { description: 'A reviewer.' } },
  });
}

const ApprovalType = builder.prismaObject('Approval', {
  name: 'Approval',
  description: 'One approval of a version in a round; a review may need two, of different reviewers.',
  fields: (t) => ({
    reviewerName: t.string({
      description: 'Who approved.',
      select: { reviewer: { select: { name: true } } },
      resolve: ({ reviewer }, _args, { viewer }) => (isOfPlatform(viewer) ? reviewer.name : 'a reviewer'),
    }),
    note: t.exposeString('note', { nullable: true, description: 'What they said; null where nothing.' }),
    at: t.expose('createdAt', { type: 'DateTime', description: 'When.' }),
  }),
});

/** Reviewers of the platform, asked for once an operation. */
const reviewersOf = new WeakMap<GraphContext, Promise<string[]>>();

/** Whether the viewer could claim the review now: what services/claims would answer, as a flag. */
async function canClaim(
  context: GraphContext,
  review: ReviewFacts & { readonly state: string; readonly leaseExpiresAt: Date | null },
): Promise<boolean> {
  const { viewer, services } = context;
  if (viewer.kind === 'anonymous' || !isOfPlatform(viewer)) return false;
  const free = review.state === 'QUEUED' || services.reviews.isLapsed(review);
  if (!free || whyNotTake(review, viewer.developerId) !== null) return false;
  if (isReviewer(viewer)) return true;
  const reviewers = reviewersOf.get(context) ?? services.reviews.reviewers();
  reviewersOf.set(context, reviewers);
  return !anyMayTake(review, await reviewers);
}

export const ReviewNode = builder.prismaNode('Review', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'Review',
  id: { field: 'id', description: 'Global id.' },
  description: 'One round of a person looking at a version. Reviewers and admins only.',
  findUnique: (id, { viewer }) => ({ id, AND: [visibleReviews(viewer)] }),
  fields: (t) => ({
    version: t.relation('version', { type: VersionNode, description: 'What is reviewed.' }),
    round: t.exposeInt('round', { description: '1, and one more for an appeal.' }),
    kind: t.field({
      type: ReviewKindEnum,
      description: 'What it is about.',
      resolve: ({ kind }) => REVIEW_KINDS.find((known) => known === kind) ?? 'MANUAL',
    }),
    state: t.field({
      type: ReviewStateEnum,
      description: 'Where it is.',
      resolve: ({ state }) => REVIEW_STATES.find((known) => known === state) ?? 'QUEUED',
    }),
    reasons: t.field({
      type: [ReviewReasonEnum],
      description: 'Why a person looks.',
      resolve: ({ reasons }) => REVIEW_REASONS.filter((reason) => (reasons as string[]).includes(reason)),
    }),
    queuedAt: t.expose('queuedAt', { type: 'DateTime', description: 'Since when it waits.' }),
    dueAt: t.expose('dueAt', { type: 'DateTime', description: 'By when to decide.' }),
    claimId: t.string({
      nullable: true,
      description: 'Names your claim in a decision; null while it is not yours.',
      resolve: (review, _args, { viewer }) =>
        viewer.kind === 'developer' && review.claimedById === viewer.developerId ? review.claimId : null,
    }),
    claimedByViewer: t.boolean({
      description: 'Whether you hold it.',
      resolve: (review, _args, { viewer }) =>
        review.state === 'CLAIMED' && viewer.kind === 'developer' && review.claimedById === viewer.developerId,
    }),
    leaseExpiresAt: t.expose('leaseExpiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the claim lapses; null while nobody holds it.',
    }),
    waitingSeconds: t.int({
      description: 'How long it has waited, or waited until its decision.',
      resolve: (review, _args, { services }) => services.reviews.waitingSeconds(review),
    }),
    approvalsNeeded: t.exposeInt('approvalsNeeded', { description: 'How many different reviewers must approve it.' }),
    approvals: t.relation('approvals', {
      type: ApprovalType,
      description: 'Who has approved it so far, oldest first.',
      // Never more than it needs.
      complexity: { field: 1, multiplier: 2 },
      query: { orderBy: { createdAt: 'asc' } },
    }),
    viewerCanClaim: t.boolean({
      description: 'Whether you may claim it now.',
      select: {
        version: {
          select: { app: { select: { members: { select: { developerId: true } } } }, reviews: VERSION_REVIEWS },
        },
      },
      resolve: (review, _args, context) => canClaim(context, review),
    }),
    decision: t.field({
      type: ReviewDecisionEnum,
      nullable: true,
      description: 'What was decided; null before.',
      resolve: ({ decision }) => REVIEW_DECISIONS.find((known) => known === decision) ?? null,
    }),
    feedback: t.exposeString('feedback', {
      nullable: true,
      description: 'What the developer was told; null where nothing.',
    }),
    policyRefs: t.stringList({
      description: 'Policies it refers to.',
      resolve: ({ policyRefs }) => policyRefs as string[],
    }),
    decidedAt: t.expose('decidedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was decided; null before.',
    }),
  }),
});

builder.prismaObjectFields(VersionNode, (t) => ({
  comments: t.relation('comments', {
    type: CommentType,
    description: 'The conversation about it, the newest 200, oldest first.',
    query: { orderBy: [{ createdAt: 'asc' }, { id: 'asc' }], take: -200 },
  }),
  review: t.prismaField({
    type: ReviewNode,
    nullable: true,
    description:
      'The open review that is due first, for reviewers and admins who are no members of the app; null for everybody else and where none is open.',
    resolve: (query, version, _args, { db, viewer }) =>
      isOfPlatform(viewer)
        ? db.prisma.review.findFirst({
            ...query,
            where: { versionId: version.id, state: { in: [...OPEN_STATES] }, AND: [visibleReviews(viewer)] },
            orderBy: [{ dueAt: 'asc' }, { id: 'asc' }],
          })
        : null,
  }),
}));
