/**
 * Owns how a version begins to be offered on a track: at its publication, on another track later, and again after its rollout
 * ended. The seed of a version on a track is made once, so that the same devices come first each time.
 */
import type { Viewer } from '../accounts/viewer.ts';
import { requireRole } from '../apps/access.ts';
import type { ActOrigin } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import { Prisma } from '../generated/prisma/client.ts';
import { once } from '../idempotency.ts';
import type { Tx } from '../platform/db/database.ts';
import type { Unit } from '../unit-of-work.ts';
import { ROLLOUT_DEMAND } from './access.ts';
import { type GivenPlan, parsePlan, type RolloutPlan } from './inputs.ts';
import {
  type By,
  moveRollout,
  noteRollout,
  type RolloutWork,
  requireOffered,
  rolloutConflict,
  supersedeLower,
  tellRollout,
  WITH_VERSION,
} from './records.ts';
import { writeSteps } from './schedule.ts';
import { nextRolloutState, parseRolloutState, runningState, type Track } from './states.ts';

/** A version whose devices are decided about. */
export interface OpenedVersion {
  readonly id: string;
  readonly appId: string;
  readonly versionCode: number;
}

export interface StartInput extends GivenPlan {
  readonly versionId: string;
  readonly track: Track;
  readonly idempotencyKey?: string | null | undefined;
}

/**
 * Writes the rollout of a version on a track as it begins; answers its id. With `since` it is no release: one that there was keeps
 * its beginning, so that nobody watches it as new. Throws STATE_CONFLICT where devices are taken back from the version.
 */
export async function openRollout(
  { clock, ids, newSeed }: Pick<RolloutWork, 'clock' | 'ids' | 'newSeed'>,
  unit: Unit,
  version: OpenedVersion,
  { plan, by, since }: { readonly plan: RolloutPlan; readonly by: By; readonly since?: Date },
): Promise<string> {
  const { track, basisPoints, steps } = plan;
  await endRollbacksFrom(unit.tx, version, track);
  const now = clock.now();
  const state = runningState(basisPoints);
  const facts = {
    basisPoints,
    state,
    pausedBy: null,
    reason: null,
    schedule: writeSteps(steps),
    updatedAt: now,
    finishedAt: state === 'COMPLETE' ? now : null,
  };
  const { id } = await unit.tx.rollout.upsert({
    where: { versionId_track: { versionId: version.id, track } },
    update: since === undefined ? { ...facts, startedAt: now, guard: Prisma.DbNull } : facts,
    create: {
      id: ids.next(),
      appId: version.appId,
      versionId: version.id,
      track,
      seed: newSeed(),
      startedAt: since ?? now,
      ...facts,
    },
    select: { id: true },
  });
  if (state === 'COMPLETE') await supersedeLower(unit, clock, { ...version, id, versionId: version.id, track }, by);
  return id;
}

/**
 * Devices that were told to leave a version would be told to take it again: the entries end. A device on beta obeys those of
 * stable too, so a version that was taken back there cannot begin on beta alone.
 */
async function endRollbacksFrom(tx: Tx, { appId, versionCode }: OpenedVersion, track: Track): Promise<void> {
  if (track === 'BETA') {
    const onStable = await tx.rollback.count({ where: { appId, track: 'STABLE', fromCode: versionCode } });
    if (onStable > 0)
      throw new DomainError(
        'STATE_CONFLICT',
        'The version was rolled back on stable, which devices on beta obey too. Start it on stable, or publish a new version.',
        { currentState: 'HALTED' },
      );
  }
  const tracks = track === 'STABLE' ? ['STABLE', 'BETA'] : ['BETA'];
  await tx.rollback.deleteMany({ where: { appId, fromCode: versionCode, track: { in: tracks } } });
}

export function createOpening(options: RolloutWork) {
  const { work, clock, storeChanged, refreshApp } = options;

  async function begin(unit: Unit, by: By & { kind: 'DEVELOPER' }, versionId: string, plan: RolloutPlan) {
    const version = await unit.tx.appVersion.findUnique({
      where: { id: versionId },
      include: { app: { include: { members: { select: { developerId: true, role: true } } } } },
    });
    requireRole(by.viewer, version === null ? null : version.app, ROLLOUT_DEMAND);
    if (version === null) throw notFound('The version');
    requireOffered({ version, app: version.app });
    if (version.bytesRemovedAt !== null)
      throw new DomainError(
        'STATE_CONFLICT',
        'The package of this version is not stored any more. Publish a new version.',
        { currentState: version.state },
      );
    const known = await unit.tx.rollout.findUnique({
      where: { versionId_track: { versionId, track: plan.track } },
    });
    if (known !== null && nextRolloutState('start', parseRolloutState(known.state), plan.basisPoints) === null)
      throw rolloutConflict('start', known.state);
    const id = await openRollout(options, unit, version, { plan, by });
    const rollout = await unit.tx.rollout.findUniqueOrThrow({ where: { id }, include: WITH_VERSION });
    const told = { change: 'STARTED', basisPoints: plan.basisPoints, by } as const;
    tellRollout(unit, rollout, told);
    noteRollout(unit, rollout, { ...told, more: { steps: plan.steps.length } });
    await refreshApp(unit.tx, version.appId);
    return id;
  }

  return {
    /** Reads what a publication says of its devices. Throws VALIDATION. */
    plan: (given: GivenPlan): RolloutPlan => parsePlan(given, clock.ms()),

    /**
     * Begins offering a version that is being published, in the same transaction. What it was offered as before it was taken out
     * ends on other tracks. Told of only where it is not for every device on stable: that is what PUBLISHED means.
     */
    async openForPublication(
      unit: Unit,
      version: OpenedVersion,
      { plan, by }: { readonly plan: RolloutPlan; readonly by: By },
    ): Promise<void> {
      const others = await unit.tx.rollout.findMany({
        where: { versionId: version.id, track: { not: plan.track }, state: { in: ['ACTIVE', 'PAUSED', 'COMPLETE'] } },
      });
      for (const other of others) {
        const reason = `Published again on ${plan.track.toLowerCase()}.`;
        await moveRollout(unit.tx, clock, other, 'halt', { schedule: [], reason });
        tellRollout(unit, other, { change: 'HALTED', basisPoints: other.basisPoints, by, reason });
      }
      const id = await openRollout(options, unit, version, { plan, by });
      if (plan.track === 'STABLE' && runningState(plan.basisPoints) === 'COMPLETE') return;
      const about = { id, appId: version.appId, versionId: version.id, track: plan.track };
      tellRollout(unit, about, { change: 'STARTED', basisPoints: plan.basisPoints, by });
    },

    /** Ends what is not over of a version that its owner takes out of the store, in the same transaction. */
    async endForUnpublication(unit: Unit, versionId: string, by: By): Promise<void> {
      const running = await unit.tx.rollout.findMany({ where: { versionId, state: { in: ['ACTIVE', 'PAUSED'] } } });
      for (const rollout of running) {
        const reason = 'The version was taken out of the store.';
        await moveRollout(unit.tx, clock, rollout, 'halt', { schedule: [], reason });
        tellRollout(unit, rollout, { change: 'HALTED', basisPoints: rollout.basisPoints, by, reason });
      }
    },

    /**
     * Offers a published version on a track where it is not offered, or again after its rollout there ended. Answers the rollout's id.
     * Throws VALIDATION, STATE_CONFLICT, APP_SUSPENDED and what `requireRole` throws.
     */
    async start(viewer: Viewer, input: StartInput, origin: ActOrigin): Promise<string> {
      const by = { kind: 'DEVELOPER', viewer, origin } as const;
      const { versionId, idempotencyKey: key } = input;
      const said = [versionId, input.track, input.percent ?? 100, input.schedule ?? []];
      const { id } = await work((unit) =>
        once(unit, clock, { viewer, key, operation: 'startRollout', input: said }, () =>
          begin(unit, by, versionId, parsePlan(input, clock.ms())),
        ),
      );
      storeChanged();
      return id;
    },
  };
}
