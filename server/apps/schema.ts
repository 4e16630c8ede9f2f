/** Owns the GraphQL types of apps and their mutations. It reads with the conditions of access.ts and writes through the service only. */
import { hasScope } from '../accounts/access.ts';
import { builder } from '../graphql/builder.ts';
import { visibleVersions } from '../versions/access.ts';
import { APP_STATUSES, includesRole, MEMBER_ROLES, memberApps, roleOn, visibleApps } from './access.ts';
import { CATEGORIES } from './inputs.ts';

export const AppStatusEnum = builder.enumType('AppStatus', {
  description: 'Where an app is in its life.',
  values: {
    DRAFT: { description: 'Nothing was ever published.' },
    PUBLISHED: { description: 'In the store.' },
    UNPUBLISHED: { description: 'Taken out of the store by its owner.' },
    SUSPENDED: { description: 'Hidden by an admin, with a reason.' },
  } satisfies Record<(typeof APP_STATUSES)[number], object>,
});

export const MemberRoleEnum = builder.enumType('AppMemberRole', {
  description: 'What a member may do on an app.',
  values: {
    VIEWER: { description: 'Read.' },
    MAINTAINER: { description: 'Also upload, submit and edit the listing.' },
    OWNER: { description: 'Everything, including publishing, pins and deletion.' },
  } satisfies Record<(typeof MEMBER_ROLES)[number], object>,
});

export const CategoryEnum = builder.enumType('Category', {
  description: 'Shelf of the store.',
  values: Object.fromEntries(
    CATEGORIES.map((name) => [name, { value: name, description: `${name.charAt(0)}${name.slice(1).toLowerCase()}.` }]),
  ) as { [Name in (typeof CATEGORIES)[number]]: { value: Name; description: string } },
});

const PublicDeveloper = builder.objectRef<{ name: string }>('PublicDeveloper').implement({
  description: 'What everybody may know of an account.',
  fields: (t) => ({ name: t.exposeString('name', { description: 'Display name.' }) }),
});

builder.prismaObject('AppMember', {
  name: 'AppMember',
  description: 'An account with a role on an app.',
  fields: (t) => ({
    developer: t.field({
      type: PublicDeveloper,
      description: 'Who it is.',
      select: { developer: { select: { name: true } } },
      resolve: (member) => member.developer,
    }),
    role: t.field({
      type: MemberRoleEnum,
      description: 'What they may do.',
      resolve: (member) => MEMBER_ROLES.find((role) => role === member.role) ?? 'VIEWER',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Since when.' }),
  }),
});

const MEMBERS = { id: true, members: { select: { developerId: true, role: true } } } as const;

export const AppNode = builder.prismaNode('App', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'App',
  id: { field: 'id', description: 'Global id.' },
  description: 'An app as its developers and reviewers see it. The public view is StoreApp.',
  findUnique: (id, { viewer }) => ({ id, AND: [visibleApps(viewer)] }),
  fields: (t) => ({
    packageId: t.exposeString('packageId', { description: 'Reverse DNS name, unique for ever.' }),
    name: t.exposeString('name', { description: 'Display name in the store.' }),
    summary: t.exposeString('summary', { description: 'One line.' }),
    description: t.exposeString('description', { description: 'Plain text, up to 4,000 characters.' }),
    category: t.field({
      type: CategoryEnum,
      nullable: true,
      description: 'Shelf of the store; null while none is chosen.',
      resolve: (app) => CATEGORIES.find((name) => name === app.category) ?? null,
    }),
    tags: t.stringList({ description: 'Search words.', resolve: (app) => app.tags as string[] }),
    homepage: t.expose('homepage', { type: 'URL', nullable: true, description: 'Null where none is given.' }),
    status: t.field({
      type: AppStatusEnum,
      description: 'Where the app is in its life.',
      resolve: (app) => APP_STATUSES.find((status) => status === app.status) ?? 'DRAFT',
    }),
    statusReason: t.exposeString('statusReason', {
      nullable: true,
      description: 'Why it is suspended; null otherwise.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When anything about it last changed.' }),
    publishedAt: t.expose('firstPublishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'First publication; null before.',
    }),
    highestVersionCode: t.exposeInt('highestCode', {
      description: 'Highest version code ever submitted; 0 before the first.',
    }),
    members: t.relation('members', { description: 'Who works on it.', query: { orderBy: { createdAt: 'asc' } } }),
    versions: t.relatedConnection('versions', {
      cursor: 'id',
      description: 'Versions, highest code first.',
      query: (_args, { viewer }) => ({
        where: visibleVersions(viewer),
        orderBy: [{ versionCode: 'desc' }, { id: 'desc' }],
      }),
    }),
    pinnedKeyIds: t.stringList({
      description: 'Keys that may sign it; empty before the first link of its chain.',
      select: { pins: { orderBy: { serial: 'desc' }, take: 1 } },
      resolve: (app) => (app.pins[0]?.keyIds as string[] | undefined) ?? [],
    }),
    pinSerial: t.int({
      description: 'Serial of the newest link of the pin chain; 0 before the first.',
      select: { pins: { orderBy: { serial: 'desc' }, take: 1 } },
      resolve: (app) => app.pins[0]?.serial ?? 0,
    }),
    viewerRole: t.field({
      type: MemberRoleEnum,
      nullable: true,
      description: 'Your role; null for reviewers and admins who are no members.',
      select: MEMBERS,
      resolve: (app, _args, { viewer }) => roleOn(viewer, app),
    }),
    viewerCanUpload: t.boolean({
      description: 'Whether you may upload and submit versions.',
      select: MEMBERS,
      resolve: (app, _args, { viewer }) => {
        const role = roleOn(viewer, app);
        return role !== null && includesRole(role, 'MAINTAINER') && hasScope(viewer, 'versions:write');
      },
    }),
    viewerCanEdit: t.boolean({
      description: 'Whether you may change the listing.',
      select: MEMBERS,
      resolve: (app, _args, { viewer }) => {
        const role = roleOn(viewer, app);
        return role !== null && includesRole(role, 'MAINTAINER') && hasScope(viewer, 'apps:write');
      },
    }),
    icon: t.field({
      type: 'URL',
      nullable: true,
      description: 'Icon of the newest version that has one, in pixels of the square; null without a version.',
      args: { size: t.arg.int({ defaultValue: 64, description: '32, 64 or 128.' }) },
      select: (_args, { viewer }) => ({
        packageId: true,
        versions: {
          where: visibleVersions(viewer),
          orderBy: { versionCode: 'desc' as const },
          take: 1,
          select: { versionCode: true, manifest: true },
        },
      }),
      resolve: (app, { size }, { publicUrl }) => {
        const version = app.versions[0];
        const icons = (version?.manifest as { icons?: Record<string, string> } | undefined)?.icons ?? {};
        const wanted = String(size ?? 64);
        return version === undefined || icons[wanted] === undefined
          ? null
          : `${publicUrl}/v1/assets/${app.packageId}/${version.versionCode}/icon-${wanted}.png`;
      },
    }),
  }),
});

builder.queryField('app', (t) =>
  t.prismaField({
    type: AppNode,
    nullable: true,
    description: 'An app by its package id; null where it does not exist for the viewer.',
    args: { packageId: t.arg.string({ required: true, description: 'Reverse DNS name.' }) },
    resolve: (query, _parent, { packageId }, { db, viewer }) =>
      db.prisma.app.findFirst({ ...query, where: { packageId, AND: [visibleApps(viewer)] } }),
  }),
);

/** The apps of the viewer, for Viewer.apps. */
export function viewerAppsCondition(viewer: Extract<import('../accounts/viewer.ts').Viewer, { kind: 'developer' }>) {
  return memberApps(viewer);
}

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
