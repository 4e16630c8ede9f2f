/** Owns the GraphQL view of the installation: what it is, its jobs and its audit log. It changes nothing. */
import { ViewerType } from '../accounts/schema-types.ts';
import { memberApps } from '../apps/access.ts';
import { AppNode } from '../apps/schema.ts';
import { AUDIT_VIAS, type AuditVia } from '../audit/actions.ts';
import { EventType, visibleEvents } from '../events/schema.ts';
import { EVENT_TYPES } from '../events/types.ts';
import { builder } from '../graphql/builder.ts';
import { JOB_STATES, type JobState } from '../jobs/types.ts';
import { PLATFORM_VERSION } from './version.ts';

/** What a person wants to hear of: not each check's start and end. */
const NOTABLE_TYPES = EVENT_TYPES.filter(
  (type) => type !== 'CHECK_STARTED' && type !== 'CHECK_FINISHED' && type !== 'FINDING',
);

const Platform = builder.objectRef<object>('Platform').implement({
  description: 'This installation.',
  fields: (t) => ({
    version: t.string({ description: 'Version of the server.', resolve: () => PLATFORM_VERSION }),
    publicUrl: t.field({
      type: 'URL',
      description: 'The origin everybody uses.',
      resolve: (_platform, _args, { publicUrl }) => publicUrl,
    }),
    maxPackageBytes: t.field({
      type: 'BigInt',
      description: 'Largest package it takes, in bytes.',
      resolve: (_platform, _args, { services }) => services.limits.maxPackageBytes,
    }),
    setupNeeded: t.boolean({
      description: 'Whether the first admin is still to be made.',
      resolve: (_platform, _args, { services }) => services.accounts.setup.needed(),
    }),
    platformKeyId: t.string({
      description: 'Key that signs what is published.',
      resolve: (_platform, _args, { services }) => services.platformKey.keyId,
    }),
  }),
});

builder.queryField('platform', (t) =>
  t.field({ type: Platform, description: 'This installation.', resolve: () => ({}) }),
);

builder.objectFields(ViewerType, (t) => ({
  apps: t.prismaConnection({
    type: AppNode,
    cursor: 'id',
    description: 'Apps you are a member of, last changed first.',
    resolve: (query, viewer, _args, { db }) =>
      db.prisma.app.findMany({ ...query, where: memberApps(viewer), orderBy: [{ updatedAt: 'desc' }, { id: 'desc' }] }),
  }),
  recentEvents: t.field({
    type: [EventType],
    description: 'What last happened to your apps, newest first; single checks and findings are left out.',
    args: { first: t.arg.int({ defaultValue: 20, description: 'At most 50.' }) },
    complexity: ({ first }) => ({ field: 1, multiplier: Math.min(first ?? 20, 50) / 2 }),
    resolve: async (viewer, { first }, context) => {
      const { db, services } = context;
      const apps = await db.prisma.app.findMany({ where: memberApps(viewer), select: { id: true } });
      if (apps.length === 0) return [];
      const events = await services.events.newest({
        filter: { appIds: apps.map(({ id }) => id), types: NOTABLE_TYPES },
        limit: Math.max(1, Math.min(first ?? 20, 50)),
      });
      return visibleEvents(context, events, true);
    },
  }),
}));

const JobStateEnum = builder.enumType('JobState', {
  description: 'How far a job is.',
  values: {
    READY: { description: 'Waits for its time or for a worker.' },
    RUNNING: { description: 'A worker holds it.' },
    DONE: { description: 'Ended well.' },
    DEAD: { description: 'Failed at its every try.' },
  } satisfies Record<JobState, object>,
});

const AuditViaEnum = builder.enumType('AuditVia', {
  description: 'What an act came with.',
  values: {
    SESSION: { description: 'A session in the portal.' },
    CLI: { description: 'A session of the command line.' },
    API_KEY: { description: 'An API key.' },
    SYSTEM: { description: 'The platform itself, or a visitor.' },
    OPERATOR: { description: 'The operator of the installation.' },
  } satisfies Record<AuditVia, object>,
});

export const JobType = builder.prismaNode('Job', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'Job',
  id: { field: 'id', description: 'Global id.' },
  description: 'One piece of work in the queue. Admins only.',
  findUnique: (id, { viewer }) => ({ id: viewer.kind === 'developer' && viewer.admin ? id : '' }),
  fields: (t) => ({
    kind: t.exposeString('kind', { description: 'Which work.' }),
    key: t.exposeString('key', { description: 'Jobs with the same key are the same job.' }),
    state: t.field({
      type: JobStateEnum,
      description: 'How far it is.',
      resolve: ({ state }) => JOB_STATES.find((known) => known === state) ?? 'DEAD',
    }),
    attempt: t.exposeInt('attempt', { description: 'Tries so far.' }),
    maxAttempts: t.exposeInt('maxAttempts', { description: 'Tries before it is dead.' }),
    runAt: t.expose('runAt', { type: 'DateTime', description: 'Not before.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was asked for.' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ended; null before.',
    }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'Why the last try failed; null where none did.',
    }),
  }),
});

builder.queryField('jobs', (t) =>
  t.prismaConnection({
    type: JobType,
    cursor: 'id',
    authScopes: { admin: true },
    description: 'The job queue, newest first. Admins only.',
    args: { state: t.arg({ type: JobStateEnum, description: 'Only these.' }) },
    resolve: (query, _parent, { state }, { db }) =>
      db.prisma.job.findMany({
        ...query,
        where: state == null ? {} : { state },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      }),
  }),
);

const AuditEntryType = builder.prismaNode('AuditLog', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'AuditEntry',
  id: { field: 'id', description: 'Global id.' },
  description: 'One act of a person, a key or the system. Admins only.',
  findUnique: (id, { viewer }) => ({ id: viewer.kind === 'developer' && viewer.admin ? id : '' }),
  fields: (t) => ({
    actorId: t.exposeString('actorId', {
      nullable: true,
      description: 'Account that acted; null for the system and for visitors.',
    }),
    actorName: t.string({
      nullable: true,
      description: 'Its name; null for the system and for visitors.',
      resolve: async ({ actorId }, _args, { db }) =>
        actorId === null
          ? null
          : ((await db.prisma.developer.findUnique({ where: { id: actorId }, select: { name: true } }))?.name ?? null),
    }),
    via: t.field({
      type: AuditViaEnum,
      description: 'What the act came with.',
      resolve: ({ via }) => AUDIT_VIAS.find((known) => known === via) ?? 'SYSTEM',
    }),
    action: t.exposeString('action', { description: 'What was done: `version.publish`.' }),
    resourceType: t.exposeString('resourceType', { description: 'Kind of thing it was done to.' }),
    resourceId: t.exposeString('resourceId', { nullable: true, description: 'Which one; null where none.' }),
    details: t.string({ description: 'What changed, as JSON.', resolve: ({ details }) => JSON.stringify(details) }),
    ip: t.exposeString('ip', { nullable: true, description: 'Address; null once blanked.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When.' }),
  }),
});

builder.queryField('auditLog', (t) =>
  t.prismaConnection({
    type: AuditEntryType,
    cursor: 'id',
    authScopes: { admin: true },
    description: 'The audit log, newest first. Admins only.',
    args: {
      actorId: t.arg.string({ description: 'Only acts of this account.' }),
      resourceId: t.arg.string({ description: 'Only acts on this thing.' }),
    },
    resolve: (query, _parent, { actorId, resourceId }, { db }) =>
      db.prisma.auditLog.findMany({
        ...query,
        where: { ...(actorId == null ? {} : { actorId }), ...(resourceId == null ? {} : { resourceId }) },
        orderBy: [{ at: 'desc' }, { id: 'desc' }],
      }),
  }),
);
