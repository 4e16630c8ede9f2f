/** Owns what every act on a rollout starts from and leaves: the row as loaded, the one fenced write, its event and audit row. */
import type { Viewer } from '../accounts/viewer.ts';
import { requireRole } from '../apps/access.ts';
import { type ActOrigin, actorOf, SYSTEM_ACTOR } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { JsonObject } from '../platform/json.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import { ROLLOUT_DEMAND } from './access.ts';
import type { RolloutChange } from './changes-list.ts';
import {
  nextRolloutState,
  parseRolloutState,
  parseTrack,
  type RolloutAct,
  type RolloutState,
  rolloutStartsOf,
  UNFINISHED_STATES,
} from './states.ts';

/** What the parts of the rollouts work with. */
export interface RolloutWork {
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  /** 32 random bytes as hexadecimal digits, for the seed of a rollout. */
  readonly newSeed: () => string;
  /** Puts the store columns of an app right (versions own them). */
  readonly refreshApp: (tx: Tx, appId: string) => Promise<void>;
  readonly storeChanged: () => void;
}

/** Who moves a rollout: a person or key, or the platform for them. */
export type By =
  | { readonly kind: 'DEVELOPER'; readonly viewer: Viewer; readonly origin: ActOrigin }
  | { readonly kind: 'GUARD' | 'SCHEDULE' };

export const WITH_VERSION = {
  version: { select: { versionCode: true, versionName: true, state: true } },
  app: {
    select: {
      id: true,
      packageId: true,
      status: true,
      statusReason: true,
      members: { select: { developerId: true, role: true } },
    },
  },
} as const satisfies Prisma.RolloutInclude;
export type RolloutWithVersion = Prisma.RolloutGetPayload<{ include: typeof WITH_VERSION }>;

/** The rollout for an act of a member. Throws what `requireRole` throws, or NOT_FOUND. */
export async function loadRollout(tx: Tx, viewer: Viewer, rolloutId: string): Promise<RolloutWithVersion> {
  const rollout = await tx.rollout.findUnique({ where: { id: rolloutId }, include: WITH_VERSION });
  requireRole(viewer, rollout === null ? null : rollout.app, ROLLOUT_DEMAND);
  if (rollout === null) throw notFound('The rollout');
  return rollout;
}

/** Nothing of a suspended app is offered to anybody. Throws APP_SUSPENDED. */
export function requireOpenApp({ status, statusReason }: { status: string; statusReason: string | null }): void {
  if (status !== 'SUSPENDED') return;
  throw new DomainError(
    'APP_SUSPENDED',
    `The app is suspended: ${statusReason ?? 'no reason was given'}. Nothing can be offered to devices until it is reinstated.`,
  );
}

/** Only what is published is offered to anybody. Throws STATE_CONFLICT, or APP_SUSPENDED. */
export function requireOffered({ app, version }: Pick<RolloutWithVersion, 'app' | 'version'>): void {
  requireOpenApp(app);
  if (version.state === 'PUBLISHED') return;
  throw new DomainError(
    'STATE_CONFLICT',
    `The version is ${version.state}; it would have to be PUBLISHED to be offered to devices.`,
    { currentState: version.state },
  );
}

const WORDS: { readonly [Act in RolloutAct]: string } = {
  start: 'started',
  raise: 'raised',
  schedule: 'scheduled',
  pause: 'paused',
  resume: 'resumed',
  halt: 'halted',
  supersede: 'superseded',
};

/** A typed conflict: the act is not possible from the state the rollout is in. */
export function rolloutConflict(act: RolloutAct, state: string): DomainError {
  const needed = rolloutStartsOf(act).join(' or ');
  return new DomainError(
    'STATE_CONFLICT',
    `The rollout is ${state} and cannot be ${WORDS[act]}; it would have to be ${needed}.`,
    { currentState: state },
  );
}

/** What an act writes beside the state. */
export type RolloutExtras = Omit<
  Prisma.RolloutUncheckedUpdateManyInput,
  'id' | 'state' | 'updatedAt' | 'finishedAt' | 'seed' | 'versionId' | 'track'
> & { readonly basisPoints?: number };

type Moved = Pick<RolloutWithVersion, 'id' | 'state' | 'basisPoints' | 'updatedAt'>;

/**
 * Moves a rollout, if nobody else moved it since it was read: state, share and time of the last change are compared in the statement
 * itself. Returns the new state. Throws STATE_CONFLICT for a state that does not allow the act, CONFLICT where somebody was faster.
 */
export async function moveRollout(
  tx: Tx,
  clock: Clock,
  rollout: Moved,
  act: RolloutAct,
  extras: RolloutExtras = {},
): Promise<RolloutState> {
  const target = nextRolloutState(act, parseRolloutState(rollout.state), extras.basisPoints ?? rollout.basisPoints);
  if (target === null) throw rolloutConflict(act, rollout.state);
  const now = clock.now();
  const moved = await tx.rollout.updateMany({
    where: {
      id: rollout.id,
      state: rollout.state,
      basisPoints: rollout.basisPoints,
      updatedAt: rollout.updatedAt,
    },
    data: {
      ...(target === 'PAUSED' ? {} : { pausedBy: null }),
      ...extras,
      state: target,
      updatedAt: now,
      finishedAt: target === 'ACTIVE' || target === 'PAUSED' ? null : now,
    },
  });
  if (moved.count === 1) return target;
  throw new DomainError('CONFLICT', 'Somebody changed the rollout in the meantime. Read it again, then decide.');
}

/** What is told of a change beside the rollout itself. */
export interface Told {
  readonly change: RolloutChange;
  readonly basisPoints: number;
  readonly by: By;
  readonly reason?: string;
  readonly more?: JsonObject;
}

/** The same facts of a change in the event and in the audit row. */
function factsOf({ change, basisPoints, by, reason, more = {} }: Told) {
  return {
    change,
    percent: basisPoints / 100,
    by: by.kind,
    ...(reason === undefined ? {} : { reason }),
    ...more,
  };
}

type About = Pick<RolloutWithVersion, 'id' | 'appId' | 'versionId' | 'track'>;

/** Tells of the change in the log. */
export function tellRollout(unit: Unit, rollout: About, told: Told): void {
  const { by } = told;
  unit.emit({
    type: 'ROLLOUT_CHANGED',
    appId: rollout.appId,
    versionId: rollout.versionId,
    actorId: by.kind === 'DEVELOPER' && by.viewer.kind === 'developer' ? by.viewer.developerId : null,
    payload: { rolloutId: rollout.id, track: rollout.track, ...factsOf(told) },
  });
}

/** Notes the change in the audit log. */
export function noteRollout(unit: Unit, rollout: RolloutWithVersion, told: Told): void {
  const { by } = told;
  unit.audit({
    ...(by.kind === 'DEVELOPER' ? actorOf(by.viewer, by.origin) : SYSTEM_ACTOR),
    action: 'version.change_rollout',
    resourceType: 'version',
    resourceId: rollout.versionId,
    details: {
      packageId: rollout.app.packageId,
      versionCode: rollout.version.versionCode,
      track: rollout.track,
      ...factsOf(told),
    },
  });
}

/**
 * Every device of the track is offered the version from now on: rollouts of lower codes on the track that are not over end as
 * SUPERSEDED. Complete ones stay, for devices whose Mosis is too old for this version.
 */
export async function supersedeLower(
  unit: Unit,
  clock: Clock,
  complete: About & { readonly versionCode: number },
  by: By,
): Promise<void> {
  const lower = await unit.tx.rollout.findMany({
    where: {
      appId: complete.appId,
      track: complete.track,
      state: { in: [...UNFINISHED_STATES] },
      version: { versionCode: { lt: complete.versionCode } },
    },
  });
  for (const rollout of lower) {
    await moveRollout(unit.tx, clock, rollout, 'supersede', {
      schedule: [],
      reason: `Version code ${complete.versionCode} went to every device on ${parseTrack(complete.track).toLowerCase()}.`,
    });
    tellRollout(unit, rollout, {
      change: 'SUPERSEDED',
      basisPoints: rollout.basisPoints,
      by,
      more: { byVersionCode: complete.versionCode },
    });
  }
}
