/** Owns the GraphQL types of reviews and comments, the queue, and the mutations of reviewers. It writes through the service only. */
import { isAdmin, isReviewer, requireReviewer } from '../accounts/access.ts';
import { roleOn } from '../apps/access.ts';
import { onlyText } from '../apps/inputs.ts';
import { invalidField } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { FindingType } from '../versions/check-types.ts';
import { VersionNode, versionPayload } from '../versions/schema.ts';
import { REVIEW_REASONS } from './policy.ts';
import { ReviewReasonEnum } from './reason-type.ts';
import { REVIEW_DECISIONS, REVIEW_KINDS, REVIEW_STATES } from './service.ts';

const ReviewStateEnum = builder.enumType('ReviewState', {
  description: 'Where a review is.',
  values: {
    QUEUED: { description: 'Waits for a reviewer.' },
    CLAIMED: { description: 'A reviewer holds it.' },
    DECIDED: { description: 'Ended with a decision.' },
    CANCELLED: { description: 'Ended because the version left the queue.' },
  } satisfies Record<(typeof REVIEW_STATES)[number], object>,
});
const ReviewKindEnum = builder.enumType('ReviewKind', {
  description: 'What a review is about.',
  values: {
    MANUAL: { description: 'The policy asked for a person.' },
    APPEAL: { description: 'Another look at a rejection.' },
    SAMPLE: { description: 'A look afterwards at an automatic approval.' },
  } satisfies Record<(typeof REVIEW_KINDS)[number], object>,
});
const ReviewDecisionEnum = builder.enumType('ReviewDecision', {
  description: 'What a reviewer decided.',
  values: {
    APPROVED: { description: 'May be published.' },
    REJECTED: { description: 'Refused, with feedback.' },
  } satisfies Record<(typeof REVIEW_DECISIONS)[number], object>,
});

export interface QueuePosition {
  readonly position: number;
  readonly dueAt: Date;
  readonly medianWaitSeconds: number | null;
}
export const QueuePositionType = builder.objectRef<QueuePosition>('QueuePosition').implement({
  description: 'Where a version waits.',
  fields: (t) => ({
    position: t.exposeInt('position', { description: '1 is next.' }),
    dueAt: t.expose('dueAt', { type: 'DateTime', description: 'By when the platform means to decide.' }),
    medianWaitSeconds: t.exposeInt('medianWaitSeconds', {
      nullable: true,
      description: 'Median of the last 30 days; null before there is one.',
    }),
  }),
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

export const ReviewNode = builder.prismaNode('Review', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'Review',
  id: { field: 'id', description: 'Global id.' },
  description: 'One round of a person looking at a version. Reviewers and admins only.',
  findUnique: (id, { viewer }) => ({ id: isReviewer(viewer) || isAdmin(viewer) ? id : '' }),
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
      resolve: ({ queuedAt, decidedAt }) =>
        Math.max(0, Math.round(((decidedAt ?? new Date()).getTime() - queuedAt.getTime()) / 1000)),
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
  queue: t.field({
    type: QueuePositionType,
    nullable: true,
    description: 'Place in the review queue; null when it does not wait.',
    complexity: 5,
    resolve: (version, _args, { services }) =>
      version.state === 'IN_REVIEW' ? services.reviews.position(version.id) : null,
  }),
  comments: t.relation('comments', {
    type: CommentType,
    description: 'The conversation about it, oldest first.',
    query: { orderBy: { createdAt: 'asc' }, take: 200 },
  }),
  review: t.prismaField({
    type: ReviewNode,
    nullable: true,
    description: 'The open review, for reviewers; null for everybody else and where none is open.',
    resolve: (query, version, _args, { db, viewer }) =>
      isReviewer(viewer) || isAdmin(viewer)
        ? db.prisma.review.findFirst({
            ...query,
            where: { versionId: version.id, state: { in: ['QUEUED', 'CLAIMED'] } },
          })
        : null,
  }),
}));

builder.queryField('reviewQueue', (t) =>
  t.prismaConnection({
    type: ReviewNode,
    cursor: 'id',
    authScopes: { reviewer: true },
    description: 'Reviews that wait or are held, by due time; never of apps you are a member of.',
    args: { mine: t.arg.boolean({ description: 'Only those you hold.' }) },
    resolve: (query, _parent, { mine }, { db, viewer }) => {
      const { developerId } = requireReviewer(viewer);
      return db.prisma.review.findMany({
        ...query,
        where: {
          state: mine === true ? 'CLAIMED' : { in: ['QUEUED', 'CLAIMED'] },
          ...(mine === true ? { claimedById: developerId } : {}),
          version: { app: { members: { none: { developerId } } } },
        },
        orderBy: [{ dueAt: 'asc' }, { id: 'asc' }],
      });
    },
  }),
);

const reviewPayload = (name: string) =>
  builder.objectRef<{ reviewId: string }>(name).implement({
    description: 'The review as it is now.',
    fields: (t) => ({
      review: t.prismaField({
        type: ReviewNode,
        description: 'The review as it is now.',
        resolve: (query, { reviewId }, _args, { db }) =>
          db.prisma.review.findUniqueOrThrow({ ...query, where: { id: reviewId } }),
      }),
    }),
  });

const ClaimReviewInput = builder.inputType('ClaimReviewInput', {
  description: 'Which review.',
  fields: (t) => ({ reviewId: t.globalID({ required: true, description: 'The review.' }) }),
});
builder.mutationField('claimReview', (t) =>
  t.field({
    type: reviewPayload('ClaimReviewPayload'),
    errors: {},
    authScopes: { $any: { reviewer: true, admin: true } },
    description: 'Takes a waiting review for 30 minutes.',
    args: { input: t.arg({ type: ClaimReviewInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      reviewId: await services.reviews.claim(viewer, input.reviewId.id, caller),
    }),
  }),
);

const claimInput = (name: string) =>
  builder.inputType(name, {
    description: 'A claim of yours.',
    fields: (t) => ({
      reviewId: t.globalID({ required: true, description: 'The review.' }),
      claimId: t.string({ required: true, description: 'The claim, as `Review.claimId` gave it.' }),
    }),
  });
builder.mutationField('renewClaim', (t) =>
  t.field({
    type: reviewPayload('RenewClaimPayload'),
    errors: {},
    authScopes: { $any: { reviewer: true, admin: true } },
    description: 'Holds a claim for another lease.',
    args: { input: t.arg({ type: claimInput('RenewClaimInput'), required: true, description: 'Which claim.' }) },
    resolve: async (_parent, { input }, { services, viewer }) => ({
      reviewId: await services.reviews.renew(viewer, input.reviewId.id, input.claimId),
    }),
  }),
);
builder.mutationField('releaseReview', (t) =>
  t.field({
    type: reviewPayload('ReleaseReviewPayload'),
    errors: {},
    authScopes: { $any: { reviewer: true, admin: true } },
    description: 'Puts a claimed review back into the queue.',
    args: { input: t.arg({ type: claimInput('ReleaseReviewInput'), required: true, description: 'Which claim.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      reviewId: await services.reviews.release(viewer, input.reviewId.id, input.claimId, caller),
    }),
  }),
);

const ApproveReviewInput = builder.inputType('ApproveReviewInput', {
  description: 'An approval.',
  fields: (t) => ({
    reviewId: t.globalID({ required: true, description: 'The review.' }),
    claimId: t.string({ required: true, description: 'Your claim.' }),
    note: t.string({ description: 'Shown to the developer; optional.' }),
  }),
});
builder.mutationField('approveReview', (t) =>
  t.field({
    type: reviewPayload('ApproveReviewPayload'),
    errors: {},
    authScopes: { $any: { reviewer: true, admin: true } },
    description: 'Approves the version you have claimed.',
    args: { input: t.arg({ type: ApproveReviewInput, required: true, description: 'The decision.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      reviewId: await services.reviews.approve(
        viewer,
        { reviewId: input.reviewId.id, claimId: input.claimId, note: input.note ?? '' },
        caller,
      ),
    }),
  }),
);

const MAX_POLICY_REFS = 20;
const MAX_FINDING_COMMENTS = 50;

const FindingCommentInput = builder.inputType('FindingCommentInput', {
  description: 'What a reviewer says about one finding.',
  fields: (t) => ({
    findingId: t.id({ required: true, description: 'The finding.' }),
    body: t.string({ required: true, description: 'Plain text, 1 to 4,000 characters.' }),
  }),
});
const RejectReviewInput = builder.inputType('RejectReviewInput', {
  description: 'A rejection.',
  fields: (t) => ({
    reviewId: t.globalID({ required: true, description: 'The review.' }),
    claimId: t.string({ required: true, description: 'Your claim.' }),
    feedback: t.string({
      required: true,
      description: 'What is wrong and what would make it right; shown to the developer.',
    }),
    policyRefs: t.stringList({ description: 'Policies it refers to, up to 20.' }),
    findingComments: t.field({ type: [FindingCommentInput], description: 'Comments on single findings, up to 50.' }),
  }),
});
builder.mutationField('rejectReview', (t) =>
  t.field({
    type: reviewPayload('RejectReviewPayload'),
    errors: {},
    authScopes: { $any: { reviewer: true, admin: true } },
    description: 'Rejects the version you have claimed, with feedback.',
    args: { input: t.arg({ type: RejectReviewInput, required: true, description: 'The decision.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      reviewId: await services.reviews.reject(
        viewer,
        {
          reviewId: input.reviewId.id,
          claimId: input.claimId,
          feedback: input.feedback,
          policyRefs: atMost(MAX_POLICY_REFS, input.policyRefs, 'input.policyRefs').map((ref, index) =>
            onlyText(ref, `input.policyRefs.${index}`, 100, 1),
          ),
          findingComments: atMost(MAX_FINDING_COMMENTS, input.findingComments, 'input.findingComments'),
        },
        caller,
      ),
    }),
  }),
);

function atMost<Item>(most: number, list: readonly Item[] | null | undefined, path: string): readonly Item[] {
  if ((list?.length ?? 0) > most) throw invalidField(path, `must be at most ${most}`);
  return list ?? [];
}

const AppealRejectionInput = builder.inputType('AppealRejectionInput', {
  description: 'Why the rejection was wrong.',
  fields: (t) => ({
    versionId: t.globalID({ required: true, description: 'The rejected version.' }),
    reason: t.string({ required: true, description: 'Plain text, 1 to 8,000 characters.' }),
  }),
});
builder.mutationField('appealRejection', (t) =>
  t.field({
    type: versionPayload('AppealRejectionPayload'),
    errors: {},
    description: 'Asks another reviewer to look at a rejection, once a version.',
    args: { input: t.arg({ type: AppealRejectionInput, required: true, description: 'Which version, and why.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      versionId: await services.reviews.appeal(viewer, input.versionId.id, input.reason, caller),
    }),
  }),
);

const CommentOnVersionInput = builder.inputType('CommentOnVersionInput', {
  description: 'A message about a version.',
  fields: (t) => ({
    versionId: t.globalID({ required: true, description: 'The version.' }),
    findingId: t.id({ description: 'The finding it is about; left out for the version as a whole.' }),
    body: t.string({ required: true, description: 'Plain text, 1 to 4,000 characters.' }),
  }),
});
const CommentOnVersionPayload = builder.objectRef<{ commentId: string }>('CommentOnVersionPayload').implement({
  description: 'The comment.',
  fields: (t) => ({
    comment: t.prismaField({
      type: CommentType,
      description: 'The comment.',
      resolve: (query, { commentId }, _args, { db }) =>
        db.prisma.comment.findUniqueOrThrow({ ...query, where: { id: commentId } }),
    }),
  }),
});
builder.mutationField('commentOnVersion', (t) =>
  t.field({
    type: CommentOnVersionPayload,
    errors: {},
    description: 'Adds to the conversation about a version.',
    args: { input: t.arg({ type: CommentOnVersionInput, required: true, description: 'The message.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      commentId: await services.reviews.comment(
        viewer,
        { versionId: input.versionId.id, findingId: input.findingId ?? null, body: input.body },
        caller,
      ),
    }),
  }),
);
