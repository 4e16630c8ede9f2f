/** Owns the retention policy in GraphQL: what is in force, and its change by admins. It writes through settings/service only. */
import { builder } from '../graphql/builder.ts';
import { revisionOf } from '../settings/stored.ts';
import {
  PACKAGE_RETENTION,
  PACKAGE_RETENTION_KEY,
  type PackageRetention,
  readPackageRetention,
} from './package-retention-settings.ts';

const PackageRetentionPolicyType = builder.objectRef<PackageRetention>('PackageRetentionPolicy').implement({
  description: 'How long packages stay stored that no device is led to. By default for ever.',
  fields: (t) => ({
    supersededDays: t.exposeInt('supersededDays', {
      nullable: true,
      description:
        'Days after a newer version took the place of a published one for every device; null keeps its package. The newest three, those in the signed metadata, and those of a rollout or rollback stay in any case.',
    }),
    neverPublishedDays: t.exposeInt('neverPublishedDays', {
      nullable: true,
      description:
        'Days after the last act on a version that was approved or withdrawn and never published; null keeps them.',
    }),
    rejectedDays: t.exposeInt('rejectedDays', {
      nullable: true,
      description:
        'Days after the last act on a rejected version, which cannot be appealed after that; null keeps them.',
    }),
    revision: t.string({
      description: 'Names what is in force; give it with a change to be refused where somebody changed it since.',
      resolve: (_policy, _args, { db }) => revisionOf(db.prisma, PACKAGE_RETENTION_KEY),
    }),
  }),
});

builder.queryField('packageRetentionPolicy', (t) =>
  t.field({
    type: PackageRetentionPolicyType,
    authScopes: { admin: true },
    description: 'How long packages stay stored that no device is led to. Admins only.',
    resolve: (_parent, _args, { db }) => readPackageRetention(db.prisma),
  }),
);

const UpdatePackageRetentionInput = builder.inputType('UpdatePackageRetentionInput', {
  description: 'What to change; what is left out stays, and null keeps the packages.',
  fields: (t) => ({
    supersededDays: t.int({ description: '7 to 3,650, or null.' }),
    neverPublishedDays: t.int({ description: '7 to 3,650, or null.' }),
    rejectedDays: t.int({ description: '7 to 3,650, or null.' }),
    revision: t.string({
      description:
        '`PackageRetentionPolicy.revision` as you read it: refused with CONFLICT where somebody changed it since.',
    }),
  }),
});
const UpdatePackageRetentionPayload = builder.objectRef<object>('UpdatePackageRetentionPayload').implement({
  description: 'The policy in force.',
  fields: (t) => ({
    policy: t.field({
      type: PackageRetentionPolicyType,
      description: 'The policy as it is now.',
      resolve: (_payload, _args, { db }) => readPackageRetention(db.prisma),
    }),
  }),
});

builder.mutationField('updatePackageRetention', (t) =>
  t.field({
    type: UpdatePackageRetentionPayload,
    errors: {},
    authScopes: { admin: true },
    description:
      'Changes how long packages stay stored that no device is led to. They are removed each night; `mosis-admin retention --dry-run` counts them before. Admins only.',
    args: { input: t.arg({ type: UpdatePackageRetentionInput, required: true, description: 'What to change.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      const { revision, ...values } = input;
      // Null is a value here: it keeps the packages.
      const given = Object.entries(values).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      );
      await services.settings.change(
        viewer,
        PACKAGE_RETENTION,
        { fields: Object.fromEntries(given), revision: revision ?? null },
        caller,
      );
      return {};
    },
  }),
);
