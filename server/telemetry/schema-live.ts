/** Owns the GraphQL subscription to an app's telemetry as it comes in. It counts nothing itself; the service does. */
import { DomainError, notFound } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import type { GraphContext } from '../graphql/context.ts';
import { requireTelemetryReader } from './access.ts';
import type { LiveCounts } from './live.ts';
import { TELEMETRY_APP } from './schema.ts';

const TelemetryLiveType = builder.objectRef<LiveCounts>('TelemetryLive').implement({
  description: 'What came in since the last message. A batch that a device sent twice counts twice here.',
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime', description: 'When this was counted.' }),
    events: t.expose('events', { type: 'BigInt', description: 'Events, crashes among them.' }),
    crashes: t.expose('crashes', { type: 'BigInt', description: 'Crash reports.' }),
    reports: t.exposeInt('reports', { description: 'Batches and crash reports.' }),
    versions: t.stringList({
      description:
        'The versions they came from, as far as each has 5 devices in this message; `other` for the rest, if that has 5 too.',
      resolve: ({ versions }) => [...versions],
    }),
  }),
});

/** Throws as `requireTelemetryReader` does, by the app as it is now. */
async function requireReader({ db, viewer }: Pick<GraphContext, 'db' | 'viewer'>, appId: string): Promise<void> {
  const app = await db.prisma.app.findUnique({ where: { id: appId }, select: TELEMETRY_APP });
  if (app === null) throw notFound('The app');
  requireTelemetryReader(viewer, app);
}

builder.subscriptionField('telemetryLive', (t) =>
  t.field({
    type: TelemetryLiveType,
    description:
      'What devices report about an app, at most once a second and only when there is something. For whom: as `App.telemetry`; it ends when the viewer may no longer read it.',
    args: { appId: t.arg.globalID({ required: true, description: 'The app.' }) },
    subscribe: async (_parent, { appId }, context) => {
      if (appId.typename !== 'App') throw notFound('The app');
      await requireReader(context, appId.id);
      return context.services.telemetry.follow(appId.id, async () => {
        try {
          await requireReader(context, appId.id);
          return true;
        } catch (error) {
          if (error instanceof DomainError) return false;
          throw error;
        }
      });
    },
    resolve: (counts) => counts,
  }),
);
