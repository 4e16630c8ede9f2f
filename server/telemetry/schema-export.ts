/** Owns the GraphQL types of a developer's export of telemetry and its field on App. It queries nothing itself; the service does. */
import { builder } from '../graphql/builder.ts';
import { requireTelemetryReader } from './access.ts';
import type { EXPORT_FORMATS } from './export.ts';
import type { TelemetryFile } from './readings.ts';
import { DateRangeInput, TELEMETRY_APP, TELEMETRY_COST } from './schema.ts';

const FormatEnum = builder.enumType('TelemetryExportFormat', {
  description: 'How an export of telemetry is written.',
  values: {
    CSV: { description: 'RFC 4180, with a line of column names.' },
    JSON: { description: 'An array of objects.' },
  } satisfies Record<(typeof EXPORT_FORMATS)[number], { description: string }>,
});

const ExportType = builder.objectRef<TelemetryFile>('TelemetryExport').implement({
  description:
    'Counts by day, version and event type, to be kept elsewhere: `date`, `version`, `type`, `count`, `devices`. Days of a version and type with fewer than 5 devices are one row without a date.',
  fields: (t) => ({
    mediaType: t.exposeString('mediaType', { description: 'Such as `text/csv`.' }),
    rows: t.exposeInt('rows', { description: 'How many rows it has.' }),
    content: t.exposeString('content', { description: 'The file.' }),
  }),
});

builder.prismaObjectFields('App', (t) => ({
  telemetryExport: t.field({
    type: ExportType,
    description: 'The counts of a range as a file; at most 50,000 rows. For whom: as `telemetry`.',
    select: TELEMETRY_APP,
    complexity: 5 * TELEMETRY_COST,
    args: {
      range: t.arg({ type: DateRangeInput, required: true, description: 'Which days.' }),
      format: t.arg({ type: FormatEnum, description: 'CSV when left out.' }),
    },
    resolve: (app, { range, format }, { viewer, services }) => {
      requireTelemetryReader(viewer, app);
      return services.telemetry.exported(app.id, range, format ?? 'CSV');
    },
  }),
}));
