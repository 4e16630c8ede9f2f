/** Owns the GraphQL mutations that move, change and delete versions. It writes through the service only. */
import { AppNode } from '../apps/schema.ts';
import { builder } from '../graphql/builder.ts';
import { versionPayload } from './schema.ts';

const repeatable = {
  description: 'A repeat with the same key and input within 24 h gets the first answer.',
};

const SubmitVersionInput = builder.inputType('SubmitVersionInput', {
  description: 'Which draft.',
  fields: (t) => ({
    versionId: t.globalID({ required: true, description: 'The version.' }),
    idempotencyKey: t.string(repeatable),
  }),
});
builder.mutationField('submitVersion', (t) =>
  t.field({
    type: versionPayload('SubmitVersionPayload'),
    errors: {},
    description:
      'Sends a draft to the checks and, where the policy asks for it, to a reviewer. Its version code is spent.',
    args: { input: t.arg({ type: SubmitVersionInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      versionId: await services.versions.submit(viewer, input.versionId.id, caller, input.idempotencyKey),
    }),
  }),
);

for (const [name, act, description] of [
  ['withdrawVersion', 'withdraw', 'Takes a version back before it is published; a submitted code stays spent.'],
  ['unpublishVersion', 'unpublish', 'Takes a version out of the store.'],
] as const) {
  const cased = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const Input = builder.inputType(`${cased}Input`, {
    description: 'Which version.',
    fields: (t) => ({ versionId: t.globalID({ required: true, description: 'The version.' }) }),
  });
  builder.mutationField(name, (t) =>
    t.field({
      type: versionPayload(`${cased}Payload`),
      errors: {},
      description,
      args: { input: t.arg({ type: Input, required: true, description: 'Which one.' }) },
      resolve: async (_parent, { input }, { services, viewer, caller }) => ({
        versionId: await services.versions[act](viewer, input.versionId.id, caller),
      }),
    }),
  );
}

for (const [name, act, description] of [
  [
    'suspendVersion',
    'suspend',
    'Takes a published version out of the store, as a reviewer or admin, with a reason its developer is shown.',
  ],
  ['reinstateVersion', 'reinstate', 'Puts a suspended version back, as a reviewer or admin.'],
] as const) {
  const cased = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const Input = builder.inputType(`${cased}Input`, {
    description: 'Which version, and why.',
    fields: (t) => ({
      versionId: t.globalID({ required: true, description: 'The version.' }),
      reason: t.string({ required: true, description: 'Shown to its developer; 1 to 2,000 characters.' }),
    }),
  });
  builder.mutationField(name, (t) =>
    t.field({
      type: versionPayload(`${cased}Payload`),
      errors: {},
      description,
      args: { input: t.arg({ type: Input, required: true, description: 'Which one, and why.' }) },
      resolve: async (_parent, { input }, { services, viewer, caller }) => ({
        versionId: await services.versions[act](viewer, input.versionId.id, input.reason, caller),
      }),
    }),
  );
}

const UpdateDraftInput = builder.inputType('UpdateDraftInput', {
  description: 'New release notes.',
  fields: (t) => ({
    versionId: t.globalID({ required: true, description: 'A draft or approved version.' }),
    releaseNotes: t.string({ required: true, description: 'Plain text, up to 4,000 characters.' }),
  }),
});
builder.mutationField('updateDraft', (t) =>
  t.field({
    type: versionPayload('UpdateDraftPayload'),
    errors: {},
    description: 'Changes the release notes while a version is a draft or approved.',
    args: { input: t.arg({ type: UpdateDraftInput, required: true, description: 'What to change.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      versionId: await services.versions.updateDraft(viewer, input.versionId.id, input.releaseNotes, caller),
    }),
  }),
);

const DeleteDraftInput = builder.inputType('DeleteDraftInput', {
  description: 'Which draft.',
  fields: (t) => ({ versionId: t.globalID({ required: true, description: 'The draft.' }) }),
});
const DeleteDraftPayload = builder.objectRef<{ appId: string }>('DeleteDraftPayload').implement({
  description: 'The app the draft belonged to.',
  fields: (t) => ({
    app: t.prismaField({
      type: AppNode,
      description: 'The app as it is now.',
      resolve: (query, { appId }, _args, { db }) => db.prisma.app.findUniqueOrThrow({ ...query, where: { id: appId } }),
    }),
  }),
});
builder.mutationField('deleteDraft', (t) =>
  t.field({
    type: DeleteDraftPayload,
    errors: {},
    description: 'Deletes a draft and its bytes.',
    args: { input: t.arg({ type: DeleteDraftInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      appId: await services.versions.deleteDraft(viewer, input.versionId.id, caller),
    }),
  }),
);

const UnpublishAppInput = builder.inputType('UnpublishAppInput', {
  description: 'Which app.',
  fields: (t) => ({ appId: t.globalID({ required: true, description: 'The app.' }) }),
});
const UnpublishAppPayload = builder.objectRef<{ appId: string }>('UnpublishAppPayload').implement({
  description: 'The app as it is now.',
  fields: (t) => ({
    app: t.prismaField({
      type: AppNode,
      description: 'The app as it is now.',
      resolve: (query, { appId }, _args, { db }) => db.prisma.app.findUniqueOrThrow({ ...query, where: { id: appId } }),
    }),
  }),
});
builder.mutationField('unpublishApp', (t) =>
  t.field({
    type: UnpublishAppPayload,
    errors: {},
    description: 'Takes every published version of an app out of the store, in one step.',
    args: { input: t.arg({ type: UnpublishAppInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      appId: await services.versions.unpublishAll(viewer, input.appId.id, caller),
    }),
  }),
);
