/** Owns the retention of telemetry in GraphQL: what is in force, and its change by admins. It writes through settings/service only. */
import { builder } from '../graphql/builder.ts';
import { revisionOf } from '../settings/stored.ts';
import {
  readTelemetryRetention,
  TELEMETRY_RETENTION,
  TELEMETRY_RETENTION_KEY,
  type TelemetryRetention,
} from './retention-settings.ts';

const TelemetryRetentionPolicyType = builder.objectRef<TelemetryRetention>('TelemetryRetentionPolicy').implement({
  description: 'How long telemetry is kept.',
  fields: (t) => ({
    rawDays: t.exposeInt('rawDays', {
      description: 'Days that every raw event is kept; they go by whole months of receipt, so up to 32 days later.',
    }),
    aggregateDays: t.exposeInt('aggregateDays', {
      nullable: true,
      description:
        'Days that counts, percentiles and crash groups not seen since are kept; null keeps them. They hold no device.',
    }),
    revision: t.string({
      description: 'Names what is in force; give it with a change to be refused where somebody changed it since.',
      resolve: (_policy, _args, { db }) => revisionOf(db.prisma, TELEMETRY_RETENTION_KEY),
    }),
  }),
});

builder.queryField('telemetryRetentionPolicy', (t) =>
  t.field({
    type: TelemetryRetentionPolicyType,
    authScopes: { admin: true },
    description: 'How long telemetry is kept. Admins only.',
    resolve: (_parent, _args, { db }) => readTelemetryRetention(db.prisma),
  }),
);

const UpdateTelemetryRetentionInput = builder.inputType('UpdateTelemetryRetentionInput', {
  description: 'What to change; what is left out stays.',
  fields: (t) => ({
    rawDays: t.int({ description: '90 to 365.' }),
    aggregateDays: t.int({ description: '400 to 3,650; null keeps them.' }),
    revision: t.string({
      description:
        '`TelemetryRetentionPolicy.revision` as you read it: refused with CONFLICT where somebody changed it since.',
    }),
  }),
});
const UpdateTelemetryRetentionPayload = builder.objectRef<object>('UpdateTelemetryRetentionPayload').implement({
  description: 'The rules in force.',
  fields: (t) => ({
    policy: t.field({
      type: TelemetryRetentionPolicyType,
      description: 'The rules as they are now.',
      resolve: (_payload, _args, { db }) => readTelemetryRetention(db.prisma),
    }),
  }),
});

builder.mutationField('updateTelemetryRetention', (t) =>
  t.field({
    type: UpdateTelemetryRetentionPayload,
    errors: {},
    authScopes: { admin: true },
    description:
      'Changes how long telemetry is kept; within the hour what is older goes for good, and the audit log says what. Admins only.',
    args: { input: t.arg({ type: UpdateTelemetryRetentionInput, required: true, description: 'What to change.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      const { revision = null, rawDays, aggregateDays } = input;
      const fields = {
        ...(rawDays == null ? {} : { rawDays }),
        // Null is a value here: it keeps the aggregates.
        ...(aggregateDays === undefined ? {} : { aggregateDays }),
      };
      await services.settings.change(viewer, TELEMETRY_RETENTION, { fields, revision }, caller);
      return {};
    },
  }),
);
