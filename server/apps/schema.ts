/** Owns the GraphQL types of apps and where they are reached from. It reads with the conditions of access.ts and writes nothing. */
import { hasScope } from '../accounts/access.ts';
import { builder } from '../graphql/builder.ts';
import { visibleVersions } from '../versions/access.ts';
import { APP_STATUSES, includesRole, MEMBER_ROLES, roleOn, visibleApps } from './access.ts';
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
      complexity: 3,
      select: { id: true, packageId: true },
      // A query of its own: as a relation, every version of every listed app would be read for the newest one.
      resolve: async (app, { size }, { db, viewer, publicUrl }) => {
        const version = await db.prisma.appVersion.findFirst({
          where: { appId: app.id, AND: [visibleVersions(viewer)] },
          orderBy: { versionCode: 'desc' },
          select: { versionCode: true, manifest: true },
        });
        const icons = (version?.manifest as { icons?: Record<string, string> } | undefined)?.icons ?? {};
        const wanted = String(size ?? 64);
        return version === null || icons[wanted] === undefined
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
