/** Owns the guard's rules in GraphQL: what is in force, and its change by admins. It writes through settings/service only. */
import { builder } from '../graphql/builder.ts';
import { revisionOf } from '../settings/stored.ts';
import { GUARD_SETTINGS, GUARD_SETTINGS_KEY, type GuardSettings, readGuardSettings } from './guard-settings.ts';

const RolloutGuardPolicyType = builder.objectRef<GuardSettings>('RolloutGuardPolicy').implement({
  description: 'When the platform pauses a rollout by itself: settings that admins change.',
  fields: (t) => ({
    enabled: t.exposeBoolean('enabled', { description: 'Whether releases are compared and paused at all.' }),
    minDevices: t.exposeInt('minDevices', {
      description: 'Devices that the new and the previous version need each before they are compared.',
    }),
    marginPoints: t.exposeFloat('marginPoints', {
      description: 'Percentage points of crash-free devices that a version may lose for sure before it is paused.',
    }),
    confidence: t.exposeFloat('confidence', {
      description: 'Of the interval whose lower bound is above the margin, such as 0.99.',
    }),
    watchDays: t.exposeInt('watchDays', { description: 'Days from the start of a rollout in which it is watched.' }),
    maxDevicesPerNetwork: t.exposeInt('maxDevicesPerNetwork', {
      description: 'Devices of one network (an IPv4 /24, an IPv6 /48) that count.',
    }),
    distrustedNetworks: t.exposeInt('distrustedNetworks', {
      description: 'Networks whose crashes are left out, those with the most: so many may be forged.',
    }),
    revision: t.string({
      description: 'Names what is in force; give it with a change to be refused where somebody changed it since.',
      resolve: (_policy, _args, { db }) => revisionOf(db.prisma, GUARD_SETTINGS_KEY),
    }),
  }),
});

builder.queryField('rolloutGuardPolicy', (t) =>
  t.field({
    type: RolloutGuardPolicyType,
    authScopes: { admin: true },
    description: 'The rules in force by which the platform pauses rollouts. Admins only.',
    resolve: (_parent, _args, { db }) => readGuardSettings(db.prisma),
  }),
);

const UpdateRolloutGuardPolicyInput = builder.inputType('UpdateRolloutGuardPolicyInput', {
  description: 'What to change; what is left out stays.',
  fields: (t) => ({
    enabled: t.boolean({ description: 'Whether releases are compared and paused at all.' }),
    minDevices: t.int({ description: '20 to 100,000.' }),
    marginPoints: t.float({ description: '0 to 50.' }),
    confidence: t.float({ description: '0.9 to 0.9999.' }),
    watchDays: t.int({ description: '1 to 14.' }),
    maxDevicesPerNetwork: t.int({ description: '1 to 1,000.' }),
    distrustedNetworks: t.int({ description: '0 to 100.' }),
    revision: t.string({
      description:
        '`RolloutGuardPolicy.revision` as you read it: refused with CONFLICT where somebody changed it since.',
    }),
  }),
});
const UpdateRolloutGuardPolicyPayload = builder.objectRef<object>('UpdateRolloutGuardPolicyPayload').implement({
  description: 'The rules in force.',
  fields: (t) => ({
    policy: t.field({
      type: RolloutGuardPolicyType,
      description: 'The rules as they are now.',
      resolve: (_payload, _args, { db }) => readGuardSettings(db.prisma),
    }),
  }),
});

builder.mutationField('updateRolloutGuardPolicy', (t) =>
  t.field({
    type: UpdateRolloutGuardPolicyPayload,
    errors: {},
    authScopes: { admin: true },
    description:
      'Changes the rules by which the platform pauses rollouts; the change is kept and can be rolled back. Admins only.',
    args: { input: t.arg({ type: UpdateRolloutGuardPolicyInput, required: true, description: 'What to change.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      const { revision = null, ...values } = input;
      const given = Object.entries(values).flatMap(([name, value]) => (value == null ? [] : [[name, value] as const]));
      const fields = Object.fromEntries(given);
      await services.settings.change(viewer, GUARD_SETTINGS, { fields, revision }, caller);
      return {};
    },
  }),
);
