/** Owns the mutations by which admins change accounts. Rules are in the service. */
import { builder } from '../graphql/builder.ts';
import type { ChangedAccount } from './administration.ts';
import { Developer } from './schema-types.ts';

/** The payload of everything that answers with the changed account. */
function developerPayload(name: string, description: string) {
  return builder.objectRef<ChangedAccount>(name).implement({
    description,
    fields: (t) => ({
      developer: t.prismaField({
        type: Developer,
        description: 'The account as it is now.',
        resolve: (query, { developerId }, _, { db }) =>
          db.prisma.developer.findUniqueOrThrow({ ...query, where: { id: developerId } }),
      }),
    }),
  });
}

const SetRolesInput = builder.inputType('SetRolesInput', {
  description: 'The roles of an account.',
  fields: (t) => ({
    developerId: t.globalID({ for: Developer, required: true, description: 'Whose roles.' }),
    reviewer: t.boolean({ required: true, description: 'Whether it is a reviewer.' }),
    admin: t.boolean({ required: true, description: 'Whether it is an admin.' }),
  }),
});
builder.mutationField('setRoles', (t) =>
  t.field({
    type: developerPayload('SetRolesPayload', 'The roles have changed.'),
    errors: {},
    description: 'Sets both roles of an account. Only for admins in the portal; the last active admin stays one.',
    args: { input: t.arg({ type: SetRolesInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { viewer, services, caller }) =>
      services.accounts.setRoles(viewer, { ...input, developerId: input.developerId.id }, caller),
  }),
);

const SuspendAccountInput = builder.inputType('SuspendAccountInput', {
  description: 'The suspension of an account.',
  fields: (t) => ({
    developerId: t.globalID({ for: Developer, required: true, description: 'Which account.' }),
    reason: t.string({ required: true, description: 'Why; its owner reads it. At most 500 characters.' }),
  }),
});
builder.mutationField('suspendAccount', (t) =>
  t.field({
    type: developerPayload('SuspendAccountPayload', 'The account is suspended.'),
    errors: {},
    description: 'Shuts an account out at once: sessions end, keys stop. Only for admins in the portal.',
    args: { input: t.arg({ type: SuspendAccountInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { viewer, services, caller }) =>
      services.accounts.suspendAccount(viewer, { ...input, developerId: input.developerId.id }, caller),
  }),
);

const ReinstateAccountInput = builder.inputType('ReinstateAccountInput', {
  description: 'The end of a suspension.',
  fields: (t) => ({
    developerId: t.globalID({ for: Developer, required: true, description: 'Which account.' }),
    reason: t.string({ description: 'Why, for the audit log. At most 500 characters.' }),
  }),
});
builder.mutationField('reinstateAccount', (t) =>
  t.field({
    type: developerPayload('ReinstateAccountPayload', 'The account is active again.'),
    errors: {},
    description: 'Lets a suspended account in again. Only for admins in the portal.',
    args: { input: t.arg({ type: ReinstateAccountInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { viewer, services, caller }) =>
      services.accounts.reinstateAccount(viewer, { ...input, developerId: input.developerId.id }, caller),
  }),
);
