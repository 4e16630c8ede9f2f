/** Owns the GraphQL types of telemetry and its fields on App. It queries nothing itself; the service does. */
import { builder } from '../graphql/builder.ts';
import { requireTelemetryReader } from './access.ts';
import type { REJECTION_REASONS, RejectionReason } from './bodies.ts';
import { EVENT_TYPES, type EventType } from './events-schema.ts';
import type { DropReason, LossCount } from './losses.ts';
import { METRICS, type Metric } from './metrics.ts';
import type { PercentilePoint } from './percentiles.ts';
import type { LostEvents } from './readings.ts';
import type { TELEMETRY_GROUPS, TelemetryCount, TelemetryPoint, TelemetryTotals, VersionHealth } from './reports.ts';
import { PercentilePointType, TelemetryMetric } from './schema-percentiles.ts';
import type { Telemetry } from './service.ts';

/** Reading and merging sketches costs more than a column. */
export const TELEMETRY_COST = 20;

const TelemetryEventType = builder.enumType('TelemetryEventType', {
  description: 'Every event a device can send, by the name it has on the wire.',
  values: Object.fromEntries(
    EVENT_TYPES.map(({ name, category }) => [
      name,
      { value: name, description: `${name.replaceAll('_', ' ')} (${category})` },
    ]),
  ) as { [Type in EventType]: { value: Type; description: string } },
});

const TelemetryGroupEnum = builder.enumType('TelemetryGroup', {
  description: 'What a series is split by, besides the event type.',
  values: {
    DAY: { description: 'One point for each UTC day.' },
    VERSION: { description: 'One point for each version.' },
    TYPE: { description: 'Nothing further: one point for each event type.' },
  } satisfies Record<(typeof TELEMETRY_GROUPS)[number], { description: string }>,
});

/** Days that a query over telemetry spans. */
export const DateRangeInput = builder.inputType('DateRange', {
  description: 'UTC days, both included; at most 400.',
  fields: (t) => ({
    from: t.field({ type: 'Date', required: true, description: 'The first day.' }),
    to: t.field({ type: 'Date', required: true, description: 'The last day.' }),
  }),
});

const TelemetryFilterInput = builder.inputType('TelemetryFilter', {
  description: 'Narrows a series. Days of one version with fewer than 5 devices are merged into one point.',
  fields: (t) => ({
    version: t.string({ description: 'Only this version.' }),
    type: t.field({ type: TelemetryEventType, description: 'Only this event type.' }),
  }),
});

const TelemetryCountType = builder.objectRef<TelemetryCount>('TelemetryCount').implement({
  description: 'How often one type of event happened over the range.',
  fields: (t) => ({
    type: t.expose('type', { type: TelemetryEventType, description: 'The event type.' }),
    count: t.expose('count', { type: 'BigInt', description: 'Events.' }),
    devices: t.exposeInt('devices', { description: 'Different devices, with a standard error of 1.6 %.' }),
  }),
});

const TelemetryPointType = builder.objectRef<TelemetryPoint>('TelemetryPoint').implement({
  description: 'One point of a series.',
  fields: (t) => ({
    type: t.expose('type', { type: TelemetryEventType, description: 'The event type.' }),
    date: t.expose('date', {
      type: 'Date',
      nullable: true,
      description: 'The UTC day; null when not grouped by day, and in a merged point.',
    }),
    version: t.exposeString('version', {
      nullable: true,
      description: 'The version, or `other`; null when the series is not split by version.',
    }),
    count: t.expose('count', { type: 'BigInt', description: 'Events.' }),
    devices: t.exposeInt('devices', { description: 'Different devices, with a standard error of 1.6 %.' }),
    merged: t.exposeBoolean('merged', {
      description: 'Whether this stands for several slices with too few devices to show alone.',
    }),
  }),
});

const VersionHealthType = builder.objectRef<VersionHealth>('VersionHealth').implement({
  description: 'How one version does over the range.',
  fields: (t) => ({
    version: t.exposeString('version', { description: 'The version, or `other` for those never published.' }),
    activeDevices: t.exposeInt('activeDevices', { description: 'Devices that sent anything.' }),
    crashes: t.expose('crashes', { type: 'BigInt', description: 'Crashes.' }),
    crashDevices: t.exposeInt('crashDevices', { description: 'Devices with a crash.' }),
    crashFreeDevices: t.exposeFloat('crashFreeDevices', {
      nullable: true,
      description: 'Share of active devices without a crash, 0 to 1; null without active devices.',
    }),
    installs: t.exposeInt('installs', { description: 'Devices that installed it.' }),
  }),
});

const DropReasonEnum = builder.enumType('TelemetryDropReason', {
  description: 'Why a device dropped events before it sent them.',
  values: {
    QUEUE_FULL: { value: 'queue_full', description: 'Too much waited while there was no network; the oldest went.' },
    TOO_OLD: { value: 'too_old', description: 'First sent over seven days ago: the server may have forgotten it.' },
    REFUSED: { value: 'refused', description: 'The server refused the whole report.' },
    DAMAGED: { value: 'damaged', description: 'The file could not be read again.' },
  } as const satisfies Record<string, { value: DropReason; description: string }>,
});

const RejectionReasonEnum = builder.enumType('TelemetryRejectionReason', {
  description: 'Why the server did not count an event of a batch.',
  values: {
    MALFORMED: { description: 'Not an event at all.' },
    TYPE_UNKNOWN: { description: 'An event type that does not exist.' },
    DATA_INVALID: { description: 'Data that does not fit the type.' },
    TIME_INVALID: { description: 'A time that is none.' },
    TOO_OLD: { description: 'Over 90 days old.' },
    IN_FUTURE: { description: 'Over 5 minutes ahead of the server, after correcting the device’s clock.' },
    CONSENT_MISSING: { description: 'A usage event in a batch without consent.' },
  } satisfies Record<(typeof REJECTION_REASONS)[number], { description: string }>,
});

const DroppedCountType = builder.objectRef<LossCount<DropReason>>('DroppedCount').implement({
  description: 'Events that devices dropped for one reason.',
  fields: (t) => ({
    reason: t.expose('reason', { type: DropReasonEnum, description: 'Why.' }),
    count: t.expose('count', { type: 'BigInt', description: 'Events.' }),
  }),
});

const RejectedCountType = builder.objectRef<LossCount<RejectionReason>>('RejectedCount').implement({
  description: 'Events that the server rejected for one reason.',
  fields: (t) => ({
    reason: t.expose('reason', { type: RejectionReasonEnum, description: 'Why.' }),
    count: t.expose('count', { type: 'BigInt', description: 'Events.' }),
  }),
});

interface TelemetryShape {
  readonly totals: () => Promise<TelemetryTotals>;
  readonly series: () => Promise<TelemetryPoint[]>;
  readonly versions: () => Promise<VersionHealth[]>;
  readonly percentiles: (metrics: readonly Metric[]) => Promise<PercentilePoint[]>;
  readonly lost: () => LostEvents;
}

const TelemetryType = builder.objectRef<TelemetryShape>('Telemetry').implement({
  description: 'What devices reported about an app over a range of days, as of about a second ago.',
  fields: (t) => ({
    totals: t.field({
      type: [TelemetryCountType],
      description: 'By event type.',
      resolve: async ({ totals }) => [...(await totals()).byType],
    }),
    series: t.field({
      type: [TelemetryPointType],
      description: 'By event type and what was asked for.',
      resolve: ({ series }) => series(),
    }),
    versions: t.field({
      type: [VersionHealthType],
      description: 'Each version, most active devices first.',
      resolve: ({ versions }) => versions(),
    }),
    percentiles: t.field({
      type: [PercentilePointType],
      description:
        'Percentiles of what devices measured, grouped and narrowed to a version as `series` is; days and versions with fewer than 5 devices are merged, and one version with fewer has none.',
      args: {
        metrics: t.arg({ type: [TelemetryMetric], description: 'Which ones; all when left out.' }),
      },
      resolve: ({ percentiles }, { metrics }) => percentiles(metrics ?? METRICS),
    }),
    dropped: t.field({
      type: [DroppedCountType],
      description:
        'Events that devices dropped before sending them, by reason and over days of receipt, as devices tell.',
      resolve: ({ lost }) => [...lost().dropped],
    }),
    rejected: t.field({
      type: [RejectedCountType],
      description: 'Events that were sent and not counted, by reason and over days of receipt.',
      resolve: ({ lost }) => [...lost().rejected],
    }),
    activeDevices: t.int({
      description: 'Devices that sent anything.',
      resolve: async ({ totals }) => (await totals()).activeDevices,
    }),
    crashes: t.field({
      type: 'BigInt',
      description: 'Crashes.',
      resolve: async ({ totals }) => (await totals()).crashes,
    }),
    installs: t.int({
      description: 'Devices that installed the app.',
      resolve: async ({ totals }) => (await totals()).installs,
    }),
    crashFreeDevices: t.float({
      nullable: true,
      description: 'Share of active devices without a crash, 0 to 1; null without active devices.',
      resolve: async ({ totals }) => (await totals()).crashFreeDevices,
    }),
  }),
});

/** What `requireTelemetryReader` needs of an app. */
export const TELEMETRY_APP = { id: true, members: { select: { developerId: true, role: true } } } as const;

builder.prismaObjectFields('App', (t) => ({
  telemetry: t.field({
    type: TelemetryType,
    description: 'What devices reported. For members of the app, by a session or a key with the scope TELEMETRY_READ.',
    select: TELEMETRY_APP,
    complexity: TELEMETRY_COST,
    args: {
      range: t.arg({ type: DateRangeInput, required: true, description: 'Which days.' }),
      groupBy: t.arg({ type: TelemetryGroupEnum, description: 'How `series` is split; by day when left out.' }),
      filter: t.arg({
        type: TelemetryFilterInput,
        description: 'What `series` is narrowed to; nothing when left out.',
      }),
    },
    resolve: (app, { range, groupBy, filter }, { viewer, services }) => {
      requireTelemetryReader(viewer, app);
      const telemetry: Telemetry = services.telemetry;
      const narrowed = {
        ...(filter?.version == null ? {} : { version: filter.version }),
        ...(filter?.type == null ? {} : { type: filter.type }),
      };
      const report = telemetry.report(app.id, range);
      return {
        totals: report.totals,
        series: () => report.series(groupBy ?? 'DAY', narrowed),
        versions: report.versions,
        percentiles: (metrics) => telemetry.percentiles(app.id, range, metrics, groupBy ?? 'DAY', narrowed),
        lost: () => telemetry.lost(app.id, range),
      };
    },
  }),
}));
