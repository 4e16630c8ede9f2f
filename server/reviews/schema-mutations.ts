/** Owns the GraphQL mutations of reviewers, and those with which developers answer them. It writes through the service only. */
import { onlyText } from '../apps/inputs.ts';
import { invalidField } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { versionPayload } from '../versions/schema.ts';
import { CommentType, ReviewNode } from './schema.ts';

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
    description: 'Takes a waiting review, for 30 minutes unless the policy says otherwise.',
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
    description:
      'Approves the version you have claimed. Where two approvals are needed, the first puts it back into the queue for another reviewer.',
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
    policyRefs: t.stringList({ description: 'Codes of the rules of the review policy that it refers to, up to 20.' }),
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
    idempotencyKey: t.string({
      description: 'A repeat with the same key and input within 24 h gets the first answer.',
    }),
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
        input.idempotencyKey,
      ),
    }),
  }),
);
