/** Owns the GraphQL mutations of apps and of the chain of keys that may sign them. It writes through the service only. */
import { builder } from '../graphql/builder.ts';
import { AppNode, CategoryEnum } from './schema.ts';

const AppPayload = (name: string, description: string) =>
  builder.objectRef<{ appId: string }>(name).implement({
    description,
    fields: (t) => ({
      app: t.prismaField({
        type: AppNode,
        description: 'The app as it is now.',
        resolve: (query, { appId }, _args, { db }) =>
          db.prisma.app.findUniqueOrThrow({ ...query, where: { id: appId } }),
      }),
    }),
  });

const CreateAppInput = builder.inputType('CreateAppInput', {
  description: 'A new app.',
  fields: (t) => ({
    packageId: t.string({ required: true, description: 'Reverse DNS name in lower case, for ever.' }),
    name: t.string({ required: true, description: '1 to 50 characters.' }),
    summary: t.string({ description: 'One line, up to 80 characters.' }),
    description: t.string({ description: 'Plain text, up to 4,000 characters.' }),
    category: t.field({ type: CategoryEnum, description: 'Shelf of the store.' }),
    tags: t.stringList({ description: 'Up to 10 search words of a-z, 0-9 and -.' }),
    idempotencyKey: t.string({
      description: 'A repeat with the same key and input within 24 h gets the first answer.',
    }),
  }),
});

builder.mutationField('createApp', (t) =>
  t.field({
    type: AppPayload('CreateAppPayload', 'The app that was made.'),
    errors: {},
    description: 'Makes a draft app that you own.',
    args: { input: t.arg({ type: CreateAppInput, required: true, description: 'What to make.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      const { idempotencyKey, ...given } = input;
      const app = await services.apps.create(viewer, withoutNulls(given), caller, idempotencyKey);
      return { appId: app.id };
    },
  }),
);

const UpdateListingInput = builder.inputType('UpdateListingInput', {
  description: 'What the store shows. Fields left out stay as they are.',
  fields: (t) => ({
    appId: t.globalID({ required: true, description: 'The app.' }),
    name: t.string({ description: '1 to 50 characters.' }),
    summary: t.string({ description: 'One line, up to 80 characters.' }),
    description: t.string({ description: 'Plain text, up to 4,000 characters.' }),
    category: t.field({ type: CategoryEnum, description: 'Shelf of the store; null takes it off its shelf.' }),
    tags: t.stringList({ description: 'Up to 10 search words of a-z, 0-9 and -.' }),
    homepage: t.field({ type: 'URL', description: 'An https URL; null removes it.' }),
  }),
});

builder.mutationField('updateListing', (t) =>
  t.field({
    type: AppPayload('UpdateListingPayload', 'The app as it is now.'),
    errors: {},
    description: 'Changes what the store shows about an app.',
    args: { input: t.arg({ type: UpdateListingInput, required: true, description: 'What to change.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      const { appId, category, homepage, ...texts } = input;
      // Null empties a category or home page; for the rest it means "leave it".
      const listing = { ...withoutNulls(texts), category, homepage };
      const app = await services.apps.updateListing(viewer, appId.id, listing, caller);
      return { appId: app.id };
    },
  }),
);

const DeleteAppInput = builder.inputType('DeleteAppInput', {
  description: 'Which app to delete.',
  fields: (t) => ({ appId: t.globalID({ required: true, description: 'The app.' }) }),
});
const DeleteAppPayload = builder.objectRef<{ deletedAppId: string }>('DeleteAppPayload').implement({
  description: 'What was deleted.',
  fields: (t) => ({ deletedAppId: t.exposeID('deletedAppId', { description: 'The id that no longer exists.' }) }),
});
builder.mutationField('deleteApp', (t) =>
  t.field({
    type: DeleteAppPayload,
    errors: {},
    description: 'Deletes an app that never submitted a version.',
    args: { input: t.arg({ type: DeleteAppInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      await services.apps.delete(viewer, input.appId.id, caller);
      return { deletedAppId: Buffer.from(`App:${input.appId.id}`).toString('base64') };
    },
  }),
);

const PinSigningKeysInput = builder.inputType('PinSigningKeysInput', {
  description: 'A signed link of the chain of keys that may sign an app; `mosis keys pin` makes it.',
  fields: (t) => ({
    appId: t.globalID({ required: true, description: 'The app.' }),
    serial: t.int({ required: true, description: 'One more than the newest link; 1 for the first.' }),
    keyIds: t.stringList({ required: true, description: 'The whole new set.' }),
    signerKeyId: t.string({ required: true, description: 'Key that signed the link.' }),
    publicKey: t.string({ required: true, description: "Base64 of the signer's raw public key." }),
    signature: t.string({ required: true, description: 'Base64 of the signature.' }),
  }),
});
builder.mutationField('pinSigningKeys', (t) =>
  t.field({
    type: AppPayload('PinSigningKeysPayload', 'The app as it is now.'),
    errors: {},
    description: 'Changes which keys may sign an app.',
    args: { input: t.arg({ type: PinSigningKeysInput, required: true, description: 'The signed link.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      const { appId, ...link } = input;
      const app = await services.apps.pin(viewer, appId.id, link, caller);
      return { appId: app.id };
    },
  }),
);

/** Drops fields that are null, for inputs where null means "not given"; the service parses the rest. */
function withoutNulls(given: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== undefined));
}
