/** Owns the GraphQL types of release health and their field on App. It queries nothing itself; the service does. */
import { builder } from '../graphql/builder.ts';
import { requireTelemetryReader } from './access.ts';
import type { ReleaseHealth, Share } from './release-health.ts';
import { DateRangeInput, TELEMETRY_APP, TELEMETRY_COST } from './schema.ts';

const ShareType = builder.objectRef<Share>('Share').implement({
  description: 'A share from 0 to 1 with its 95 % Wilson interval: the fewer it is counted from, the wider.',
  fields: (t) => ({
    value: t.exposeFloat('value', { description: 'As counted.' }),
    low: t.exposeFloat('low', { description: 'Lower end of the interval.' }),
    high: t.exposeFloat('high', { description: 'Upper end of the interval.' }),
  }),
});

const ReleaseHealthType = builder.objectRef<ReleaseHealth>('ReleaseHealth').implement({
  description: 'How one version does over a range of days.',
  fields: (t) => ({
    version: t.exposeString('version', { description: 'The version, or `other` for those never published.' }),
    activeDevices: t.exposeInt('activeDevices', { description: 'Devices that sent anything under it.' }),
    adoption: t.exposeFloat('adoption', {
      description: 'Share of all active devices that used it, 0 to 1; a device that updated counts for both versions.',
    }),
    sessions: t.expose('sessions', { type: 'BigInt', description: 'Starts of the app.' }),
    crashes: t.expose('crashes', { type: 'BigInt', description: 'Crashes.' }),
    crashDevices: t.exposeInt('crashDevices', { description: 'Devices with a crash.' }),
    crashFreeDevices: t.expose('crashFreeDevices', {
      type: ShareType,
      nullable: true,
      description: 'Devices without a crash; null without devices.',
    }),
    crashFreeSessions: t.expose('crashFreeSessions', {
      type: ShareType,
      nullable: true,
      description: 'Sessions without a crash; null without sessions.',
    }),
  }),
});

builder.prismaObjectFields('App', (t) => ({
  releaseHealth: t.field({
    type: [ReleaseHealthType],
    description: 'How each version does, most active devices first. For whom: as `telemetry`.',
    select: TELEMETRY_APP,
    complexity: TELEMETRY_COST,
    args: { range: t.arg({ type: DateRangeInput, required: true, description: 'Which days.' }) },
    resolve: (app, { range }, { viewer, services }) => {
      requireTelemetryReader(viewer, app);
      return services.telemetry.releaseHealth(app.id, range);
    },
  }),
}));
