/** Owns the GraphQL view of the event log: the one event type and the timelines. */
import { hasScope, isAdmin, isReviewer } from '../accounts/access.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { roleOn } from '../apps/access.ts';
import { AppNode } from '../apps/schema.ts';
import { builder } from '../graphql/builder.ts';
import type { GraphContext } from '../graphql/context.ts';
import { REVIEW_REASONS } from '../reviews/policy.ts';
import { ReviewReasonEnum } from '../reviews/reason-type.ts';
import { visibleRollouts } from '../rollouts/access.ts';
import { ROLLOUT_CHANGES, ROLLOUT_MOVERS } from '../rollouts/changes-list.ts';
import { RolloutNode, TrackEnum } from '../rollouts/schema.ts';
import { TRACKS, type Track } from '../rollouts/states.ts';
import { CHECK_STATES } from '../validation/check-records.ts';
import { readsVersions, visibleVersions } from '../versions/access.ts';
import { CheckStateEnum, FindingType, findingOf } from '../versions/check-types.ts';
import { VersionNode } from '../versions/schema.ts';
import { UPLOAD_VIAS } from '../versions/uploads.ts';
import { sideOf } from './sides.ts';
import {
  EVENT_TYPES,
  type EventRecord,
  type EventType as EventTypeName,
  isConfidential,
  MEMBER_TYPES,
} from './types.ts';

const DESCRIPTIONS: Record<EventTypeName, string> = {
  UPLOADED: 'A package became a draft.',
  UPLOAD_REFUSED: 'A package broke a format rule; nothing is kept but the verdict.',
  SUBMITTED: 'A draft was sent to the checks.',
  CHECK_STARTED: 'A check began.',
  FINDING: 'A check found something.',
  CHECK_FINISHED: 'A check ended.',
  CHECKS_PASSED: 'No check found an error.',
  CHECKS_FAILED: 'A check found an error.',
  QUEUED: 'It waits for a reviewer.',
  CLAIMED: 'A reviewer took it.',
  RELEASED: 'It went back to the queue.',
  COMMENTED: 'Somebody wrote about it.',
  APPROVAL_ADDED: 'One of two approvals was given; another reviewer looks.',
  APPROVED: 'It may be published.',
  REJECTED: 'It was refused.',
  APPEALED: 'Its developer asked for another look.',
  WITHDRAWN: 'Its developer took it back.',
  PUBLISHED: 'It is in the store.',
  UNPUBLISHED: 'Its developer took it out of the store.',
  ROLLOUT_CHANGED: 'To which devices it is offered changed; `rollout` says how.',
  PINS_CHANGED: 'The set of keys that may sign the app changed.',
  SUSPENDED: 'The platform took it out of the store.',
  REINSTATED: 'The platform put it back.',
  CRASH_REGRESSED: 'A crash marked as resolved happened again in a version that should have had the fix.',
  LOOKED_INTO: 'A look beside the state was asked for, taken, given back or passed; for reviewers and admins only.',
};

export const EventTypeEnum = builder.enumType('EventType', {
  description: 'What happened.',
  values: Object.fromEntries(EVENT_TYPES.map((type) => [type, { value: type, description: DESCRIPTIONS[type] }])) as {
    [Type in EventTypeName]: { value: Type; description: string };
  },
});

const ACTOR_KINDS = ['YOU', 'DEVELOPER', 'REVIEWER', 'SYSTEM'] as const;
type ActorKind = (typeof ACTOR_KINDS)[number];
const ActorKindEnum = builder.enumType('EventActorKind', {
  description: 'Whose side acted.',
  values: {
    YOU: { description: 'The viewer.' },
    DEVELOPER: { description: 'A member of the app.' },
    REVIEWER: { description: 'A reviewer or admin.' },
    SYSTEM: { description: 'The platform itself.' },
  } satisfies Record<ActorKind, object>,
});

const EventActor = builder.objectRef<{ kind: ActorKind; name: string | null }>('EventActor').implement({
  description: 'Who did it, as far as the viewer may know.',
  fields: (t) => ({
    kind: t.expose('kind', { type: ActorKindEnum, description: 'Whose side acted.' }),
    name: t.exposeString('name', {
      nullable: true,
      description: 'Display name; null for the system and for reviewers whom the viewer may not know.',
    }),
  }),
});

const RolloutChangeEnum = builder.enumType('RolloutChange', {
  description: 'What became of a rollout.',
  values: {
    STARTED: { description: 'The version began to be offered.' },
    RAISED: { description: 'It is offered to more devices.' },
    SCHEDULED: { description: 'The steps still to come were replaced.' },
    PAUSED: { description: 'It is offered to no further device until somebody resumes it.' },
    RESUMED: { description: 'It is offered again.' },
    HALTED: { description: 'It is offered to no further device.' },
    SUPERSEDED: { description: 'A version with a higher code went to every device first.' },
    COMPLETED: { description: 'It is offered to every device.' },
    ROLLED_BACK: { description: 'Devices are taken back from it to an earlier version.' },
  } satisfies Record<(typeof ROLLOUT_CHANGES)[number], object>,
});
const RolloutMoverEnum = builder.enumType('RolloutMover', {
  description: 'What a change of a rollout came from.',
  values: {
    DEVELOPER: { description: 'An act of a member of the app.' },
    GUARD: { description: 'The platform, because more devices crashed than with the version before.' },
    SCHEDULE: { description: 'A step of its schedule.' },
  } satisfies Record<(typeof ROLLOUT_MOVERS)[number], object>,
});

interface RolloutNews {
  readonly change: (typeof ROLLOUT_CHANGES)[number];
  readonly track: Track;
  readonly percent: number;
  readonly by: (typeof ROLLOUT_MOVERS)[number];
  readonly toVersionCode: number | null;
  readonly stepsMovedByMs: number | null;
  readonly rolloutId: string | null;
}

const EventRollout = builder.objectRef<RolloutNews>('EventRollout').implement({
  description: 'A change of a rollout, as it was when it happened.',
  fields: (t) => ({
    change: t.expose('change', { type: RolloutChangeEnum, description: 'What became of it.' }),
    track: t.expose('track', { type: TrackEnum, description: 'On which track.' }),
    percent: t.exposeFloat('percent', { description: 'Share of the devices after the change.' }),
    by: t.expose('by', { type: RolloutMoverEnum, description: 'What it came from.' }),
    toVersionCode: t.exposeInt('toVersionCode', {
      nullable: true,
      description: 'The version code that devices go back to, for ROLLED_BACK; null otherwise.',
    }),
    stepsMovedByMs: t.exposeFloat('stepsMovedByMs', {
      nullable: true,
      description: 'By how many milliseconds the steps still to come were moved; null where they were not.',
    }),
    rollout: t.prismaField({
      type: RolloutNode,
      nullable: true,
      description: 'The rollout as it is now; null where it is out of sight.',
      resolve: (query, { rolloutId }, _args, { db, viewer }) =>
        rolloutId === null
          ? null
          : db.prisma.rollout.findFirst({ ...query, where: { id: rolloutId, AND: [visibleRollouts(viewer)] } }),
    }),
  }),
});

const EventCrash = builder.objectRef<{ fingerprint: string; title: string }>('EventCrash').implement({
  description: 'The crash group that an event is about.',
  fields: (t) => ({
    fingerprint: t.exposeString('fingerprint', { description: 'For `App.crashGroup`.' }),
    title: t.exposeString('title', { description: 'What and where, in one line.' }),
  }),
});

export const EventType = builder.objectRef<EventRecord>('Event').implement({
  description: 'One entry of the event log: what happened to an app or a version.',
  fields: (t) => ({
    cursor: t.expose('cursor', {
      type: 'EventCursor',
      description: 'Its place in the log; give it as `after` to go on from here.',
    }),
    type: t.expose('type', { type: EventTypeEnum, description: 'What happened.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When.' }),
    actor: t.field({ type: EventActor, description: 'Who did it.', resolve: actorOf }),
    app: t.prismaField({
      type: AppNode,
      description: 'The app as it is now.',
      resolve: (query, { appId }, _args, { db }) => db.prisma.app.findUniqueOrThrow({ ...query, where: { id: appId } }),
    }),
    version: t.prismaField({
      type: VersionNode,
      nullable: true,
      description: 'The version as it is now; null where the event is about the app, or the draft was deleted.',
      resolve: (query, { versionId }, _args, { db, viewer }) =>
        versionId === null
          ? null
          : db.prisma.appVersion.findUnique({ ...query, where: { id: versionId, AND: [visibleVersions(viewer)] } }),
    }),
    upload: t.id({
      nullable: true,
      description: 'Global id of the upload, for UPLOADED and UPLOAD_REFUSED.',
      resolve: ({ payload }) =>
        typeof payload.uploadId === 'string' ? Buffer.from(`Upload:${payload.uploadId}`).toString('base64') : null,
    }),
    check: t.string({
      nullable: true,
      description: 'Name of the check, for events of checks.',
      resolve: ({ payload }) => text(payload.check),
    }),
    checkState: t.field({
      type: CheckStateEnum,
      nullable: true,
      description: 'What the check came to, for CHECK_FINISHED.',
      resolve: ({ payload }) => CHECK_STATES.find((state) => state === payload.state) ?? null,
    }),
    durationMs: t.float({
      nullable: true,
      description: 'How long the check ran, for CHECK_FINISHED.',
      resolve: ({ payload }) => number(payload.durationMs),
    }),
    errors: t.int({
      nullable: true,
      description: 'Errors found, where the event counts them.',
      resolve: ({ payload }) => number(payload.errors),
    }),
    warnings: t.int({
      nullable: true,
      description: 'Warnings found, where the event counts them.',
      resolve: ({ payload }) => number(payload.warnings),
    }),
    notices: t.int({
      nullable: true,
      description: 'Notices found, where the event counts them.',
      resolve: ({ payload }) => number(payload.notices),
    }),
    finding: t.field({
      type: FindingType,
      nullable: true,
      description: 'The finding, for FINDING.',
      resolve: ({ type, payload }) => (type === 'FINDING' ? findingOf(payload, String(payload.findingId)) : null),
    }),
    reasons: t.field({
      type: [ReviewReasonEnum],
      description: 'Why a person looks, for QUEUED; empty otherwise.',
      resolve: ({ payload }) => {
        const { reasons } = payload;
        return Array.isArray(reasons) ? REVIEW_REASONS.filter((reason) => reasons.includes(reason)) : [];
      },
    }),
    message: t.string({
      nullable: true,
      description: 'What was said: feedback, a reason, a note; null where nothing was.',
      resolve: ({ payload }) => text(payload.feedback) ?? text(payload.reason) ?? text(payload.message),
    }),
    rollout: t.field({
      type: EventRollout,
      nullable: true,
      description: 'What changed, for ROLLOUT_CHANGED; null for other types.',
      resolve: rolloutOf,
    }),
    crash: t.field({
      type: EventCrash,
      nullable: true,
      description: 'Which crash, for CRASH_REGRESSED; null for other types, and for whom `telemetry` is not.',
      resolve: async ({ type, appId, payload: { fingerprint, title } }, _args, { db, viewer }) =>
        type === 'CRASH_REGRESSED' &&
        typeof fingerprint === 'string' &&
        hasScope(viewer, 'telemetry:read') &&
        (await isMember(db, viewer, appId))
          ? { fingerprint, title: text(title) ?? '' }
          : null,
    }),
    size: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'Bytes of the package, for UPLOADED.',
      resolve: ({ payload }) => number(payload.size),
    }),
    sha256: t.field({
      type: 'Sha256',
      nullable: true,
      description: 'Of the package, for UPLOADED.',
      resolve: ({ payload }) => text(payload.sha256),
    }),
    via: t.string({
      nullable: true,
      description: 'What it was uploaded with, for UPLOADED: PORTAL, CLI or API.',
      resolve: ({ payload }) => UPLOAD_VIAS.find((via) => via === payload.via) ?? null,
    }),
  }),
});

function rolloutOf({ type, payload }: EventRecord): RolloutNews | null {
  const change = ROLLOUT_CHANGES.find((known) => known === payload.change);
  const track = TRACKS.find((known) => known === payload.track);
  if (type !== 'ROLLOUT_CHANGED' || change === undefined || track === undefined) return null;
  return {
    change,
    track,
    percent: number(payload.percent) ?? 0,
    by: ROLLOUT_MOVERS.find((known) => known === payload.by) ?? 'DEVELOPER',
    toVersionCode: number(payload.toVersionCode),
    stepsMovedByMs: number(payload.stepsMovedByMs),
    rolloutId: text(payload.rolloutId),
  };
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

async function actorOf(
  event: EventRecord,
  _args: object,
  { db, viewer }: GraphContext,
): Promise<{ kind: ActorKind; name: string | null }> {
  if (event.actorId === null) return { kind: 'SYSTEM', name: null };
  if (viewer.kind === 'developer' && viewer.developerId === event.actorId) return { kind: 'YOU', name: viewer.name };
  const isReviewersAct = sideOf(event) === 'REVIEWER';
  const mayKnow =
    !isReviewersAct || ((isReviewer(viewer) || isAdmin(viewer)) && !(await isMember(db, viewer, event.appId)));
  const row = mayKnow
    ? await db.prisma.developer.findUnique({ where: { id: event.actorId }, select: { name: true } })
    : null;
  return { kind: isReviewersAct ? 'REVIEWER' : 'DEVELOPER', name: row?.name ?? null };
}

/** Whether the viewer is told of what is for reviewers and admins alone: one of them who is no member of the app. */
export async function seesConfidential(
  { db, viewer }: Pick<GraphContext, 'db' | 'viewer'>,
  appId: string,
): Promise<boolean> {
  return (isReviewer(viewer) || isAdmin(viewer)) && !(await isMember(db, viewer, appId));
}

async function isMember(db: GraphContext['db'], viewer: Viewer, appId: string): Promise<boolean> {
  if (viewer.kind === 'anonymous') return false;
  return (await db.prisma.appMember.count({ where: { appId, developerId: viewer.developerId } })) > 0;
}

builder.prismaObjectFields(VersionNode, (t) => ({
  events: t.field({
    type: [EventType],
    description: 'The timeline, oldest first.',
    args: {
      first: t.arg.int({ defaultValue: 100, description: 'At most 500.' }),
      after: t.arg({ type: 'EventCursor', description: 'Only events after this one.' }),
    },
    complexity: ({ first }) => ({ field: 1, multiplier: Math.min(first ?? 100, 500) / 10 }),
    resolve: async ({ id, appId }, { first, after }, context) => {
      const limit = Math.max(1, Math.min(first ?? 100, 500));
      const filter = (await seesConfidential(context, appId))
        ? { versionId: id }
        : { versionId: id, types: MEMBER_TYPES };
      return (await context.services.events.read({ after: after ?? undefined, filter, limit })).events;
    },
  }),
}));

builder.prismaObjectFields(AppNode, (t) => ({
  events: t.field({
    type: [EventType],
    description: 'The newest events of the app and its versions, newest first.',
    args: { first: t.arg.int({ defaultValue: 20, description: 'At most 100.' }) },
    complexity: ({ first }) => ({ field: 1, multiplier: Math.min(first ?? 20, 100) / 2 }),
    select: { id: true, members: { select: { developerId: true, role: true } } },
    resolve: async (app, { first }, context) => {
      const limit = Math.max(1, Math.min(first ?? 20, 100));
      const types = (await seesConfidential(context, app.id)) ? {} : { types: MEMBER_TYPES };
      const events = await context.services.events.newest({ filter: { appId: app.id, ...types }, limit });
      return visibleEvents(context, events, roleOn(context.viewer, app) !== null);
    },
  }),
}));

/** Leaves out events of versions that the viewer may not see. A member also sees what happened to deleted drafts. */
export async function visibleEvents(
  { db, viewer }: Pick<GraphContext, 'db' | 'viewer'>,
  events: EventRecord[],
  isMember: boolean,
): Promise<EventRecord[]> {
  if (isMember && readsVersions(viewer)) return events.filter(({ type }) => !isConfidential(type));
  const ids = [...new Set(events.flatMap(({ versionId }) => versionId ?? []))];
  const seen = await db.prisma.appVersion.findMany({
    where: { id: { in: ids }, AND: [visibleVersions(viewer)] },
    select: { id: true },
  });
  const known = new Set(seen.map(({ id }) => id));
  return events.filter(({ versionId }) => versionId === null || known.has(versionId));
}
