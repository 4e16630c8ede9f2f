/** Owns the GraphQL mutations that decide which devices get a version: publication, rollouts and rollbacks. It writes through the service only. */
import { AppNode } from '../apps/schema.ts';
import { builder } from '../graphql/builder.ts';
import { versionPayload } from '../versions/schema.ts';
import { visibleRollbacks } from './access.ts';
import { RollbackNode, RolloutNode, TrackEnum } from './schema.ts';

const repeatable = {
  description: 'A repeat with the same key and input within 24 h gets the first answer.',
};

export const RolloutStepInput = builder.inputType('RolloutStepInput', {
  description: 'A share of devices to reach at a time.',
  fields: (t) => ({
    at: t.field({
      type: 'DateTime',
      required: true,
      description: 'When: in the future, after the step before, within a year.',
    }),
    percent: t.float({ required: true, description: 'Of the devices: more than before, up to 100, in steps of 0.01.' }),
  }),
});

const PublishVersionInput = builder.inputType('PublishVersionInput', {
  description: 'Which approved or unpublished version, and for whom.',
  fields: (t) => ({
    versionId: t.globalID({ required: true, description: 'The version.' }),
    track: t.field({ type: TrackEnum, defaultValue: 'STABLE', description: 'For devices on which track.' }),
    percent: t.float({
      defaultValue: 100,
      description: 'Share of the devices it begins with: more than 0, up to 100, in steps of 0.01.',
    }),
    schedule: t.field({ type: [RolloutStepInput], description: 'Steps that raise it by themselves; at most 20.' }),
    idempotencyKey: t.string(repeatable),
  }),
});
builder.mutationField('publishVersion', (t) =>
  t.field({
    type: versionPayload('PublishVersionPayload'),
    errors: {},
    description:
      "Puts a version into the store, with the platform's signature, for a share of the devices on a track. Published again, it begins anew for the same devices first.",
    args: { input: t.arg({ type: PublishVersionInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      versionId: await services.versions.publish(viewer, input.versionId.id, caller, input),
    }),
  }),
);

interface Changed {
  readonly rolloutId: string;
}

const rolloutPayload = (name: string) =>
  builder.objectRef<Changed>(name).implement({
    description: 'The rollout as it is now.',
    fields: (t) => ({
      rollout: t.prismaField({
        type: RolloutNode,
        description: 'The rollout as it is now.',
        resolve: (query, { rolloutId }, _args, { db }) =>
          db.prisma.rollout.findUniqueOrThrow({ ...query, where: { id: rolloutId } }),
      }),
    }),
  });

const StartRolloutInput = builder.inputType('StartRolloutInput', {
  description: 'Which published version, and for whom.',
  fields: (t) => ({
    versionId: t.globalID({ required: true, description: 'The version.' }),
    track: t.field({ type: TrackEnum, required: true, description: 'For devices on which track.' }),
    percent: t.float({
      defaultValue: 100,
      description: 'Share of the devices it begins with: more than 0, up to 100, in steps of 0.01.',
    }),
    schedule: t.field({ type: [RolloutStepInput], description: 'Steps that raise it by themselves; at most 20.' }),
    idempotencyKey: t.string(repeatable),
  }),
});
builder.mutationField('startRollout', (t) =>
  t.field({
    type: rolloutPayload('StartRolloutPayload'),
    errors: {},
    description:
      'Offers a published version on a track where it is not offered yet, or again after its rollout was halted or superseded. The same devices come first as before.',
    args: { input: t.arg({ type: StartRolloutInput, required: true, description: 'Which, and for whom.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      rolloutId: await services.rollouts.start(viewer, { ...input, versionId: input.versionId.id }, caller),
    }),
  }),
);

const RaiseRolloutInput = builder.inputType('RaiseRolloutInput', {
  description: 'Which rollout, and how far.',
  fields: (t) => ({
    rolloutId: t.globalID({ required: true, description: 'The rollout.' }),
    percent: t.float({ required: true, description: 'More than now, up to 100, in steps of 0.01.' }),
    idempotencyKey: t.string(repeatable),
  }),
});
builder.mutationField('raiseRollout', (t) =>
  t.field({
    type: rolloutPayload('RaiseRolloutPayload'),
    errors: {},
    description:
      'Offers the version to more devices. At 100 it is complete, and unfinished rollouts of lower codes on the track end. Steps still to come stay where they are for more devices.',
    args: { input: t.arg({ type: RaiseRolloutInput, required: true, description: 'Which, and how far.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      rolloutId: await services.rollouts.raise(viewer, { ...input, rolloutId: input.rolloutId.id }, caller),
    }),
  }),
);

const ScheduleRolloutInput = builder.inputType('ScheduleRolloutInput', {
  description: 'Which rollout, and its steps.',
  fields: (t) => ({
    rolloutId: t.globalID({ required: true, description: 'The rollout.' }),
    steps: t.field({
      type: [RolloutStepInput],
      required: true,
      description: 'All steps to come, at most 20; none takes away those there are.',
    }),
    idempotencyKey: t.string(repeatable),
  }),
});
builder.mutationField('scheduleRollout', (t) =>
  t.field({
    type: rolloutPayload('ScheduleRolloutPayload'),
    errors: {},
    description:
      'Replaces the steps still to come. Steps wait while the rollout is paused; where one came due meanwhile, all move by the length of the pause.',
    args: { input: t.arg({ type: ScheduleRolloutInput, required: true, description: 'Which, and its steps.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      rolloutId: await services.rollouts.schedule(viewer, { ...input, rolloutId: input.rolloutId.id }, caller),
    }),
  }),
);

for (const [name, act, description] of [
  ['pauseRollout', 'pause', 'Offers the version to no further device until the rollout is resumed.'],
  ['haltRollout', 'halt', 'Ends the rollout: no further device gets the version, those that have it keep it.'],
] as const) {
  const cased = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const Input = builder.inputType(`${cased}Input`, {
    description: 'Which rollout, and why.',
    fields: (t) => ({
      rolloutId: t.globalID({ required: true, description: 'The rollout.' }),
      reason: t.string({ required: true, description: 'For the other members; 1 to 500 characters.' }),
      idempotencyKey: t.string(repeatable),
    }),
  });
  builder.mutationField(name, (t) =>
    t.field({
      type: rolloutPayload(`${cased}Payload`),
      errors: {},
      description,
      args: { input: t.arg({ type: Input, required: true, description: 'Which, and why.' }) },
      resolve: async (_parent, { input }, { services, viewer, caller }) => ({
        rolloutId: await services.rollouts[act](viewer, { ...input, rolloutId: input.rolloutId.id }, caller),
      }),
    }),
  );
}

const ResumeRolloutInput = builder.inputType('ResumeRolloutInput', {
  description: 'Which rollout.',
  fields: (t) => ({
    rolloutId: t.globalID({ required: true, description: 'The rollout.' }),
    idempotencyKey: t.string(repeatable),
  }),
});
builder.mutationField('resumeRollout', (t) =>
  t.field({
    type: rolloutPayload('ResumeRolloutPayload'),
    errors: {},
    description: 'Goes on with a paused rollout. What the platform paused and you resume, it does not pause again.',
    args: { input: t.arg({ type: ResumeRolloutInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      rolloutId: await services.rollouts.resume(viewer, { ...input, rolloutId: input.rolloutId.id }, caller),
    }),
  }),
);

const RollBackPayload = builder.objectRef<Changed>('RollBackPayload').implement({
  description: 'What devices go back to.',
  fields: (t) => ({
    rollout: t.prismaField({
      type: RolloutNode,
      description: 'The rollout of the version gone back to: complete.',
      resolve: (query, { rolloutId }, _args, { db }) =>
        db.prisma.rollout.findUniqueOrThrow({ ...query, where: { id: rolloutId } }),
    }),
    rollbacks: t.prismaField({
      type: [RollbackNode],
      description: 'What devices are told: one for each version code that is taken back to this version.',
      resolve: async (query, { rolloutId }, _args, { db, viewer }) => {
        const { versionId, track } = await db.prisma.rollout.findUniqueOrThrow({ where: { id: rolloutId } });
        return db.prisma.rollback.findMany({
          ...query,
          where: { toVersionId: versionId, track, AND: [visibleRollbacks(viewer)] },
          orderBy: { fromCode: 'desc' },
        });
      },
    }),
    app: t.prismaField({
      type: AppNode,
      description: 'The app as it is now.',
      resolve: async (query, { rolloutId }, _args, { db }) => {
        const { appId } = await db.prisma.rollout.findUniqueOrThrow({ where: { id: rolloutId } });
        return db.prisma.app.findUniqueOrThrow({ ...query, where: { id: appId } });
      },
    }),
  }),
});

const RollBackInput = builder.inputType('RollBackInput', {
  description: 'From which version to which, and why.',
  fields: (t) => ({
    appId: t.globalID({ required: true, description: 'The app.' }),
    track: t.field({
      type: TrackEnum,
      required: true,
      description: 'Devices of which track; on stable those of beta are taken back too.',
    }),
    fromVersionId: t.globalID({
      required: true,
      description: 'The version to leave; every one between is left too.',
    }),
    toVersionId: t.globalID({
      required: true,
      description: 'The version to go back to: published before, and not suspended.',
    }),
    reason: t.string({ required: true, description: 'Why, as devices show it; 1 to 500 characters.' }),
    restoreData: t.boolean({
      defaultValue: false,
      description: "Whether devices put back the copy of the app's data that they made before the update.",
    }),
    idempotencyKey: t.string(repeatable),
  }),
});
builder.mutationField('rollBack', (t) =>
  t.field({
    type: RollBackPayload,
    errors: {},
    description:
      'Takes devices back to an earlier version: the only way a version code goes down on a device. What is taken back is halted; the version gone back to is offered to every device of the track, and is published again where its owner had taken it out.',
    args: { input: t.arg({ type: RollBackInput, required: true, description: 'From which to which, and why.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      rolloutId: await services.rollouts.rollBack(
        viewer,
        {
          ...input,
          appId: input.appId.id,
          fromVersionId: input.fromVersionId.id,
          toVersionId: input.toVersionId.id,
          restoreData: input.restoreData ?? false,
        },
        caller,
      ),
    }),
  }),
);
