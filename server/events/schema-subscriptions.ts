/** Owns the live GraphQL subscriptions to the event log, with replay. What a viewer may not see is left out event by event. */
import { isAdmin, isReviewer } from '../accounts/access.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { memberApps, visibleApps } from '../apps/access.ts';
import { DomainError, notFound } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import type { GraphContext } from '../graphql/context.ts';
import { visibleVersions } from '../versions/access.ts';
import { EventType, seesConfidential } from './schema.ts';
import type { Events } from './service.ts';
import { type EventRecord, isConfidential } from './types.ts';

const afterArg = {
  type: 'EventCursor',
  description: 'Replays what came after this cursor first, in order, then goes on live.',
} as const;

/** Follows the log until the client stops; each event is shown only if the viewer may still see what it is about. */
async function* follow(
  { services, db, viewer }: GraphContext,
  given: {
    after: string | null | undefined;
    filter: Parameters<Events['stream']>[0]['filter'];
    maySee: (event: EventRecord, db: GraphContext['db']) => Promise<boolean>;
  },
): AsyncGenerator<EventRecord, void, undefined> {
  const abort = new AbortController();
  try {
    const stream = services.events.stream({
      after: given.after ?? undefined,
      ...(given.filter === undefined ? {} : { filter: given.filter }),
      signal: abort.signal,
    });
    for await (const event of stream) {
      if (isConfidential(event.type) && !(await seesConfidential({ db, viewer }, event.appId))) continue;
      if (await given.maySee(event, db)) yield event;
    }
  } finally {
    abort.abort();
  }
}

async function seesVersion(db: GraphContext['db'], viewer: Viewer, versionId: string): Promise<boolean> {
  return (await db.prisma.appVersion.count({ where: { id: versionId, AND: [visibleVersions(viewer)] } })) > 0;
}

async function seesApp(db: GraphContext['db'], viewer: Viewer, appId: string): Promise<boolean> {
  return (await db.prisma.app.count({ where: { id: appId, AND: [visibleApps(viewer)] } })) > 0;
}

builder.subscriptionField('versionEvents', (t) =>
  t.field({
    type: EventType,
    description: 'What happens to a version, live. Ends with NOT_FOUND for a version the viewer may not see.',
    args: {
      versionId: t.arg.globalID({ required: true, description: 'The version.' }),
      after: t.arg(afterArg),
    },
    subscribe: async function* (_parent, { versionId, after }, context) {
      const { viewer, db } = context;
      if (versionId.typename !== 'Version' || !(await seesVersion(db, viewer, versionId.id)))
        throw notFound('The version');
      yield* follow(context, {
        after,
        filter: { versionId: versionId.id },
        maySee: () => seesVersion(db, viewer, versionId.id),
      });
    },
    resolve: (event) => event,
  }),
);

builder.subscriptionField('appEvents', (t) =>
  t.field({
    type: EventType,
    description: 'What happens to an app and its versions, live.',
    args: { appId: t.arg.globalID({ required: true, description: 'The app.' }), after: t.arg(afterArg) },
    subscribe: async function* (_parent, { appId, after }, context) {
      const { viewer, db } = context;
      if (appId.typename !== 'App' || !(await seesApp(db, viewer, appId.id))) throw notFound('The app');
      const maySee = (event: EventRecord) =>
        event.versionId === null ? seesApp(db, viewer, appId.id) : seesVersion(db, viewer, event.versionId);
      yield* follow(context, { after, filter: { appId: appId.id }, maySee });
    },
    resolve: (event) => event,
  }),
);

const QUEUE_TYPES = [
  'QUEUED',
  'CLAIMED',
  'RELEASED',
  'APPROVAL_ADDED',
  'APPROVED',
  'REJECTED',
  'APPEALED',
  'WITHDRAWN',
  'SUSPENDED',
  'LOOKED_INTO',
] as const;

builder.subscriptionField('reviewQueueEvents', (t) =>
  t.field({
    type: EventType,
    description: 'What happens in the review queue, live; for reviewers and admins.',
    args: { after: t.arg(afterArg) },
    subscribe: async function* (_parent, { after }, context) {
      const { viewer, db } = context;
      if (!isReviewer(viewer) && !isAdmin(viewer))
        throw new DomainError(
          'FORBIDDEN',
          'Only a reviewer or admin who is signed in to the portal can follow the queue.',
        );
      const maySee = (event: EventRecord) =>
        event.versionId === null ? Promise.resolve(false) : seesVersion(db, viewer, event.versionId);
      yield* follow(context, { after, filter: { types: QUEUE_TYPES }, maySee });
    },
    resolve: (event) => event,
  }),
);

builder.subscriptionField('viewerEvents', (t) =>
  t.field({
    type: EventType,
    description:
      'What happens to any app of the viewer, live; apps they join later are not followed until they connect again.',
    args: { after: t.arg(afterArg) },
    subscribe: async function* (_parent, { after }, context) {
      const { viewer, db } = context;
      if (viewer.kind === 'anonymous')
        throw new DomainError('UNAUTHENTICATED', 'Sign in first: this needs an account.');
      const apps = await db.prisma.app.findMany({ where: memberApps(viewer), select: { id: true } });
      const maySee = (event: EventRecord) =>
        event.versionId === null ? seesApp(db, viewer, event.appId) : seesVersion(db, viewer, event.versionId);
      yield* follow(context, { after, filter: { appIds: apps.map(({ id }) => id) }, maySee });
    },
    resolve: (event) => event,
  }),
);
