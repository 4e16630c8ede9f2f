/** Owns the GraphQL types of reviews and comments, and the queue. It writes nothing. */
import { isAdmin, isReviewer, requireReviewer } from '../accounts/access.ts';
import { roleOn } from '../apps/access.ts';
import { builder } from '../graphql/builder.ts';
import { FindingType } from '../versions/check-types.ts';
import { VersionNode } from '../versions/schema.ts';
import { REVIEW_REASONS } from './policy.ts';
import { ReviewReasonEnum } from './reason-type.ts';
import { REVIEW_DECISIONS, REVIEW_KINDS, REVIEW_STATES } from './records.ts';

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
