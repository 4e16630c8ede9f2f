/** Owns the GraphQL type of failed updates and its field on App. It queries nothing itself; the service does. */
import { builder } from '../graphql/builder.ts';
import { requireTelemetryReader } from './access.ts';
import { DateRangeInput, TELEMETRY_APP, TELEMETRY_COST } from './schema.ts';
import type { FailedUpdates } from './update-failures.ts';

const UpdateFailureType = builder.objectRef<FailedUpdates>('UpdateFailure').implement({
  description: 'Updates to one version that failed for one reason. The version before runs on where an update fails.',
  fields: (t) => ({
    versionCode: t.exposeInt('versionCode', {
      nullable: true,
      description: 'What devices could not be updated to; null for all that are shown together.',
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description:
        'The error code that devices gave, such as `DOWNLOAD_CORRUPT`; null for all that are shown together.',
    }),
    count: t.expose('count', { type: 'BigInt', description: 'How often.' }),
    devices: t.exposeInt('devices', { description: 'On how many devices, with a standard error of 1.6 %.' }),
  }),
});

builder.prismaObjectFields('App', (t) => ({
  updateFailures: t.field({
    type: [UpdateFailureType],
    description:
      'Updates that failed, by version and reason, most devices first; those of fewer than 5 devices are shown together. For whom: as `telemetry`.',
    select: TELEMETRY_APP,
    complexity: TELEMETRY_COST,
    args: { range: t.arg({ type: DateRangeInput, required: true, description: 'Which days.' }) },
    resolve: (app, { range }, { viewer, services }) => {
      requireTelemetryReader(viewer, app);
      return services.telemetry.updateFailures(app.id, range);
    },
  }),
}));
