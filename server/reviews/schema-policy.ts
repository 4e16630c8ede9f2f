/** Owns the review policy in GraphQL: what is in force, and its change by admins. It writes through settings/service only. */
import { builder } from '../graphql/builder.ts';
import type { JsonObject } from '../platform/json.ts';
import { revisionOf } from '../settings/stored.ts';
import type { PolicyRule } from './policy-rules.ts';
import { REVIEW_SETTINGS, REVIEW_SETTINGS_KEY, type ReviewSettings, readReviewSettings } from './settings.ts';

export const PolicyRuleType = builder.objectRef<PolicyRule>('PolicyRule').implement({
  description: 'A rule of the review policy that decisions refer to.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Short and stable: `PRIVACY-1`.' }),
    title: t.exposeString('title', { description: 'Its name.' }),
    text: t.exposeString('text', {
      description: 'What it asks for; empty for a code that the policy no longer has.',
    }),
  }),
});

const ReviewPolicyType = builder.objectRef<ReviewSettings>('ReviewPolicy').implement({
  description: 'How versions are reviewed: settings that admins change.',
  fields: (t) => ({
    serviceLevelHours: t.exposeInt('serviceLevelHours', { description: 'Hours from submission to the due time.' }),
    leaseMinutes: t.exposeInt('leaseMinutes', { description: 'Minutes a claim holds without being renewed.' }),
    sampleShare: t.exposeFloat('sampleShare', {
      description: 'Share of automatic approvals that a reviewer looks at afterwards, 0 to 1.',
    }),
    secondApproval: t.exposeBoolean('secondApproval', {
      description: 'Whether a dangerous permission that is asked for the first time needs two approvals.',
    }),
    reportsToReview: t.exposeInt('reportsToReview', {
      description: 'Different accounts whose open reports call a reviewer.',
    }),
    rules: t.field({
      type: [PolicyRuleType],
      description: 'What decisions can refer to, in order.',
      resolve: ({ rules }) => rules,
    }),
    revision: t.string({
      description: 'Names what is in force; give it with a change to be refused where somebody changed it since.',
      resolve: (_policy, _args, { db }) => revisionOf(db.prisma, REVIEW_SETTINGS_KEY),
    }),
  }),
});

builder.queryField('reviewPolicy', (t) =>
  t.field({
    type: ReviewPolicyType,
    authScopes: { $any: { reviewer: true, admin: true } },
    description: 'The review policy in force. Reviewers and admins only.',
    resolve: (_parent, _args, { db }) => readReviewSettings(db.prisma),
  }),
);

const PolicyRuleInput = builder.inputType('PolicyRuleInput', {
  description: 'A rule of the review policy.',
  fields: (t) => ({
    code: t.string({ required: true, description: '1 to 20 of A-Z, 0-9, dot and hyphen, once in the policy.' }),
    title: t.string({ required: true, description: '1 to 100 characters.' }),
    text: t.string({ required: true, description: '1 to 2,000 characters.' }),
  }),
});
const UpdateReviewPolicyInput = builder.inputType('UpdateReviewPolicyInput', {
  description: 'What to change; what is left out stays.',
  fields: (t) => ({
    serviceLevelHours: t.int({ description: '1 to 720.' }),
    leaseMinutes: t.int({ description: '1 to 240; claims that are held keep theirs until they are renewed.' }),
    sampleShare: t.float({ description: '0 to 1.' }),
    secondApproval: t.boolean({ description: 'Counts for versions that are queued from now on.' }),
    reportsToReview: t.int({ description: '1 to 100.' }),
    rules: t.field({
      type: [PolicyRuleInput],
      description: 'All rules, in order, up to 60; they replace the ones before.',
    }),
    revision: t.string({
      description: '`ReviewPolicy.revision` as you read it: refused with CONFLICT where somebody changed it since.',
    }),
  }),
});
const UpdateReviewPolicyPayload = builder.objectRef<object>('UpdateReviewPolicyPayload').implement({
  description: 'The policy in force.',
  fields: (t) => ({
    policy: t.field({
      type: ReviewPolicyType,
      description: 'The policy as it is now.',
      resolve: (_payload, _args, { db }) => readReviewSettings(db.prisma),
    }),
  }),
});

builder.mutationField('updateReviewPolicy', (t) =>
  t.field({
    type: UpdateReviewPolicyPayload,
    errors: {},
    authScopes: { admin: true },
    description: 'Changes the review policy; the change is kept and can be rolled back. Admins only.',
    args: { input: t.arg({ type: UpdateReviewPolicyInput, required: true, description: 'What to change.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      const { revision = null, rules, ...numbers } = input;
      const given = Object.entries(numbers).flatMap(([name, value]) => (value == null ? [] : [[name, value] as const]));
      const listed = rules?.map(({ code, title, text }) => ({ code, title, text }));
      const fields: JsonObject = { ...Object.fromEntries(given), ...(listed === undefined ? {} : { rules: listed }) };
      await services.settings.change(viewer, REVIEW_SETTINGS, { fields, revision }, caller);
      return {};
    },
  }),
);
