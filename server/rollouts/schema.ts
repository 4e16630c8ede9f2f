/** Owns the GraphQL types of rollouts and rollbacks, and where they are reached from. It reads with the conditions of access.ts. */
import { AppNode } from '../apps/schema.ts';
import { builder } from '../graphql/builder.ts';
import { VersionNode } from '../versions/schema.ts';
import { mayChangeRollout, visibleRollbacks, visibleRollouts } from './access.ts';
import type { ROLLOUT_MOVERS } from './changes-list.ts';
import { type GuardJudgement, type ROLLOUT_VERDICTS, readGuard } from './guard-json.ts';
import { readSteps, type Step } from './schedule.ts';
import { parseRolloutState, parseTrack, type ROLLOUT_STATES, type TRACKS } from './states.ts';

const MAX_LISTED = 100;

export const TrackEnum = builder.enumType('Track', {
  description: 'Which devices a version is for. A device follows one track of each app; a track hides nothing.',
  values: {
    STABLE: { description: 'What a device follows unless its user says otherwise.' },
    BETA: { description: 'For users who asked for early versions; they get those of stable too.' },
  } satisfies Record<(typeof TRACKS)[number], object>,
});

const RolloutStateEnum = builder.enumType('RolloutState', {
  description: 'Where a rollout is.',
  values: {
    ACTIVE: { description: 'The version is offered to a share of the devices.' },
    PAUSED: { description: 'It is offered to no further device until somebody resumes it.' },
    COMPLETE: { description: 'It is offered to every device.' },
    HALTED: { description: 'It is offered to no further device; those that have it keep it.' },
    SUPERSEDED: { description: 'A version with a higher code went to every device first.' },
  } satisfies Record<(typeof ROLLOUT_STATES)[number], object>,
});

const PausedByEnum = builder.enumType('RolloutPausedBy', {
  description: 'Who paused a rollout.',
  values: {
    DEVELOPER: { description: 'A member of the app.' },
    GUARD: { description: 'The platform, because more devices crashed than with the version before.' },
  } satisfies Record<Exclude<(typeof ROLLOUT_MOVERS)[number], 'SCHEDULE'>, object>,
});

const VerdictEnum = builder.enumType('RolloutVerdict', {
  description: 'What a comparison with the version before came to.',
  values: {
    TOO_FEW_DEVICES: { description: 'Not enough devices have run it to say anything.' },
    NO_WORSE: { description: 'Nothing shows that it crashes on more devices.' },
    WORSE: { description: 'It crashes on more devices, beyond doubt and beyond the margin.' },
    NOTHING_TO_COMPARE: { description: 'The version before has no devices to compare with.' },
  } satisfies Record<(typeof ROLLOUT_VERDICTS)[number], object>,
});

const RolloutStep = builder.objectRef<Step>('RolloutStep').implement({
  description: 'A share of devices that is reached at a time.',
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime', description: 'When, to the minute.' }),
    percent: t.float({
      description: 'Of the devices, more than 0 up to 100.',
      resolve: (step) => step.basisPoints / 100,
    }),
  }),
});

const RolloutGuard = builder.objectRef<GuardJudgement>('RolloutGuard').implement({
  description:
    'What the platform found when it last compared the version with the one before, by devices that did not crash.',
  fields: (t) => ({
    at: t.field({ type: 'DateTime', description: 'When it was compared.', resolve: ({ at }) => new Date(at) }),
    verdict: t.expose('verdict', { type: VerdictEnum, description: 'What it came to.' }),
    devices: t.exposeInt('devices', { description: 'Devices looked at that run the version.' }),
    crashFreePercent: t.exposeFloat('crashFreePercent', {
      nullable: true,
      description: 'Share of them that did not crash; null where there were none.',
    }),
    previousVersion: t.exposeString('previousVersion', {
      nullable: true,
      description: 'Name of the version compared with; null where there was none.',
    }),
    previousDevices: t.exposeInt('previousDevices', {
      nullable: true,
      description: 'Devices looked at that run that version; null where there was none.',
    }),
    previousCrashFreePercent: t.exposeFloat('previousCrashFreePercent', {
      nullable: true,
      description: 'Share of those that did not crash; null where there were none.',
    }),
    worseByAtLeast: t.exposeFloat('worseByAtLeast', {
      nullable: true,
      description:
        'By how many percentage points fewer devices are free of crashes, at the least; below 0 where it may be better; null where nothing was compared.',
    }),
  }),
});

export const RolloutNode = builder.prismaNode('Rollout', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'Rollout',
  id: { field: 'id', description: 'Global id.' },
  description: 'To which devices of a track a version is offered. There is one for each version and track.',
  findUnique: (id, { viewer }) => ({ id, AND: [visibleRollouts(viewer)] }),
  fields: (t) => ({
    version: t.relation('version', { type: VersionNode, description: 'What is offered.' }),
    track: t.field({
      type: TrackEnum,
      description: 'To devices on which track.',
      resolve: (rollout) => parseTrack(rollout.track),
    }),
    percent: t.float({
      description: 'Share of the devices, more than 0 up to 100, in steps of 0.01.',
      resolve: (rollout) => rollout.basisPoints / 100,
    }),
    state: t.field({
      type: RolloutStateEnum,
      description:
        'Where it is. Devices are offered nothing of a version that is not PUBLISHED, whatever its rollouts say.',
      resolve: (rollout) => parseRolloutState(rollout.state),
    }),
    pausedBy: t.field({
      type: PausedByEnum,
      nullable: true,
      description: 'Who paused it; null while it is not paused.',
      resolve: ({ state, pausedBy }) => (state !== 'PAUSED' ? null : pausedBy === 'GUARD' ? 'GUARD' : 'DEVELOPER'),
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why it was paused, halted or superseded; null where nothing was said.',
    }),
    schedule: t.field({
      type: [RolloutStep],
      description: 'The steps still to come, in order.',
      resolve: (rollout) => readSteps(rollout.schedule),
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it began, or last began again.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it became COMPLETE, HALTED or SUPERSEDED; null while it is unfinished.',
    }),
    viewerCanChange: t.boolean({
      description: 'Whether you may change it now: an owner of the app, while it is ACTIVE, PAUSED or COMPLETE.',
      select: {
        state: true,
        basisPoints: true,
        app: { select: { id: true, members: { select: { developerId: true, role: true } } } },
      },
      resolve: (rollout, _args, { viewer }) => mayChangeRollout(viewer, rollout),
    }),
    guard: t.field({
      type: RolloutGuard,
      nullable: true,
      description: 'What the platform found when it last compared; null where it has judged nothing yet.',
      resolve: (rollout) => readGuard(rollout.guard).judgement,
    }),
  }),
});

export const RollbackNode = builder.prismaNode('Rollback', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'Rollback',
  id: { field: 'id', description: 'Global id.' },
  description: 'That devices of a track are taken back from a version code to an earlier version.',
  findUnique: (id, { viewer }) => ({ id, AND: [visibleRollbacks(viewer)] }),
  fields: (t) => ({
    track: t.field({
      type: TrackEnum,
      description: 'Devices of which track; those on beta obey the rollbacks of stable too.',
      resolve: (rollback) => parseTrack(rollback.track),
    }),
    fromVersionCode: t.exposeInt('fromCode', { description: 'The version code that devices leave.' }),
    to: t.relation('toVersion', { type: VersionNode, description: 'The version that they go back to.' }),
    reason: t.exposeString('reason', { description: 'Why, as devices show it.' }),
    restoreData: t.exposeBoolean('restoreData', {
      description: "Whether a device puts back the copy of the app's data that it made before the update.",
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Since when.' }),
  }),
});

builder.prismaObjectFields(VersionNode, (t) => ({
  rollouts: t.relation('rollouts', {
    type: RolloutNode,
    description: 'To which devices it is offered: one for each track it was published on.',
    complexity: { field: 1, multiplier: 2 },
    query: { orderBy: { startedAt: 'desc' } },
  }),
}));

builder.prismaObjectFields(AppNode, (t) => ({
  rollouts: t.prismaField({
    type: [RolloutNode],
    description: 'The rollouts of its versions, the latest begun first.',
    args: { first: t.arg.int({ defaultValue: 20, description: `At most ${MAX_LISTED}.` }) },
    complexity: ({ first }) => ({ field: 1, multiplier: Math.min(first ?? 20, MAX_LISTED) / 2 }),
    select: { id: true },
    resolve: (query, { id }, { first }, { db, viewer }) =>
      db.prisma.rollout.findMany({
        ...query,
        where: { appId: id, AND: [visibleRollouts(viewer)] },
        orderBy: [{ startedAt: 'desc' }, { id: 'desc' }],
        take: Math.max(1, Math.min(first ?? 20, MAX_LISTED)),
      }),
  }),
  rollbacks: t.prismaField({
    type: [RollbackNode],
    description: `The rollbacks that devices obey, the latest first; at most ${MAX_LISTED}.`,
    select: { id: true },
    resolve: (query, { id }, _args, { db, viewer }) =>
      db.prisma.rollback.findMany({
        ...query,
        where: { appId: id, AND: [visibleRollbacks(viewer)] },
        orderBy: [{ createdAt: 'desc' }, { fromCode: 'desc' }],
        take: MAX_LISTED,
      }),
  }),
}));
