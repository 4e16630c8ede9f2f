/** Owns taking devices back to an earlier version: the only way a version code goes down on a device (docs/DEVICE_PROTOCOL.md). */
import type { Viewer } from '../accounts/viewer.ts';
import { requireRole } from '../apps/access.ts';
import type { ActOrigin } from '../audit/actor.ts';
import { DomainError, invalidField, notFound } from '../errors.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { once } from '../idempotency.ts';
import type { Tx } from '../platform/db/database.ts';
import type { Unit } from '../unit-of-work.ts';
import { ROLLOUT_DEMAND } from './access.ts';
import { parseReason, type RolloutPlan } from './inputs.ts';
import { openRollout } from './opening.ts';
import {
  type By,
  moveRollout,
  noteRollout,
  type RolloutWithVersion,
  type RolloutWork,
  requireOpenApp,
  tellRollout,
  WITH_VERSION,
} from './records.ts';
import { ALL_DEVICES, nextRolloutState, parseRolloutState, type Track } from './states.ts';

/** A target of the signed metadata carries no more of them (docs/DEVICE_PROTOCOL.md). */
export const MAX_ROLLBACKS_TO_A_VERSION = 100;

export interface RollBackInput {
  readonly appId: string;
  readonly track: Track;
  readonly fromVersionId: string;
  readonly toVersionId: string;
  readonly reason: string;
  readonly restoreData: boolean;
  readonly idempotencyKey?: string | null | undefined;
}

export interface RollbackOptions extends RolloutWork {
  /** Publishes a version that its owner had taken out of the store, in the same transaction; its rollout is not touched. */
  readonly publishAgain: (
    unit: Unit,
    versionId: string,
    who: { readonly viewer: Viewer; readonly origin: ActOrigin },
    plan: RolloutPlan,
  ) => Promise<void>;
}

/** What a rollback is about, as read. */
interface Ends {
  readonly input: RollBackInput;
  readonly from: Ended;
  readonly to: Ended;
  readonly reason: string;
  readonly by: By & { readonly kind: 'DEVELOPER' };
}
type Ended = Prisma.AppVersionGetPayload<{ include: { rollouts: true } }>;

export function createRollback(options: RollbackOptions) {
  const { work, clock, ids, refreshApp, storeChanged, publishAgain } = options;

  async function readEnds(unit: Unit, input: RollBackInput, by: Ends['by'], reason: string): Promise<Ends> {
    const app = await unit.tx.app.findUnique({
      where: { id: input.appId },
      include: { members: { select: { developerId: true, role: true } } },
    });
    requireRole(by.viewer, app, ROLLOUT_DEMAND);
    if (app === null) throw notFound('The app');
    requireOpenApp(app);
    const find = (id: string) =>
      unit.tx.appVersion.findFirst({ where: { id, appId: input.appId }, include: { rollouts: true } });
    const from = await find(input.fromVersionId);
    const to = await find(input.toVersionId);
    if (from === null || to === null) throw notFound('The version');
    return { input, from, to, reason, by };
  }

  /** Takes the codes back, and answers the rollout of the version that devices go back to. */
  async function carryOut(unit: Unit, ends: Ends): Promise<string> {
    const { input, from, to, reason, by } = ends;
    requirePossible(ends);
    await requirePinned(unit.tx, to);
    const taken = await takenBack(unit.tx, ends);
    const codes = await haltTaken(unit, taken, ends);
    await writeRollbacks(unit.tx, codes, ends);
    const plan = { track: input.track, basisPoints: ALL_DEVICES, steps: [] };
    if (to.state === 'UNPUBLISHED') await publishAgain(unit, to.id, by, plan);
    const id = await openRollout(options, unit, to, { plan, by, since: to.publishedAt ?? clock.now() });
    const rollout = await unit.tx.rollout.findUniqueOrThrow({ where: { id }, include: WITH_VERSION });
    const told = {
      change: 'ROLLED_BACK',
      basisPoints: ALL_DEVICES,
      by,
      reason,
      more: {
        fromVersionCode: from.versionCode,
        toVersionCode: to.versionCode,
        restoreData: input.restoreData,
      },
    } as const;
    // On the timeline of the version that devices leave: there its developer looks for what became of it.
    tellRollout(unit, { ...rollout, versionId: from.id }, told);
    noteRollout(unit, rollout, told);
    await refreshApp(unit.tx, input.appId);
    return id;
  }

  /** Ends what still offers the codes that are taken back; answers the codes. */
  async function haltTaken(
    unit: Unit,
    taken: readonly RolloutWithVersion[],
    { input, to, by, from, reason }: Ends,
  ): Promise<number[]> {
    const said = `Rolled back to ${to.versionName} (${to.versionCode}): ${reason}`;
    for (const rollout of taken) {
      if (nextRolloutState('halt', parseRolloutState(rollout.state), rollout.basisPoints) === null) continue;
      await moveRollout(unit.tx, clock, rollout, 'halt', { schedule: [], reason: said });
      const isTheOneNamed = rollout.versionId === from.id && rollout.track === input.track;
      if (isTheOneNamed) continue;
      // Part of the one act that ROLLED_BACK tells of.
      const more = { partOf: 'ROLLED_BACK' };
      tellRollout(unit, rollout, { change: 'HALTED', basisPoints: rollout.basisPoints, by, reason: said, more });
    }
    const onTrack = taken.filter(({ track }) => track === input.track);
    return [...new Set(onTrack.map(({ version }) => version.versionCode))];
  }

  async function writeRollbacks(tx: Tx, codes: readonly number[], { input, to, by, reason }: Ends): Promise<void> {
    const { appId, track, restoreData } = input;
    // A device that was to go back to one of these goes straight to the new end.
    const passed = await tx.rollback.findMany({
      where: { appId, track, toVersion: { versionCode: { in: [...codes] } } },
      select: { id: true, fromCode: true },
    });
    const all = [...new Set([...codes, ...passed.map(({ fromCode }) => fromCode)])];
    await tx.rollback.deleteMany({ where: { appId, track, fromCode: { in: all } } });
    // Devices on beta leave those codes too, so what led them there on beta alone leads on as well.
    if (track === 'STABLE')
      await tx.rollback.updateMany({
        where: { appId, track: 'BETA', toVersion: { versionCode: { in: [...codes] } } },
        data: { toVersionId: to.id, reason, restoreData },
      });
    const there = await tx.rollback.count({ where: { toVersionId: to.id } });
    if (there + all.length > MAX_ROLLBACKS_TO_A_VERSION)
      throw new DomainError(
        'LIMIT_REACHED',
        `At most ${MAX_ROLLBACKS_TO_A_VERSION} version codes can be taken back to one version. Publish a new version instead.`,
      );
    const createdById = by.viewer.kind === 'developer' ? by.viewer.developerId : null;
    const createdAt = clock.now();
    await tx.rollback.createMany({
      data: all
        .toSorted((a, b) => a - b)
        .map((fromCode) => ({
          id: ids.next(),
          appId,
          track,
          fromCode,
          toVersionId: to.id,
          reason,
          restoreData,
          createdById,
          createdAt,
        })),
    });
  }

  return {
    /**
     * Takes devices of a track back from a version, and from every one between, to an earlier one that was published: what was taken back
     * is halted, and the version gone back to is for every device. One that its owner took out of the store is published again. On
     * stable the codes end on beta too, whose devices obey both. Answers the rollout of the version gone back to. Throws VALIDATION,
     * STATE_CONFLICT, LIMIT_REACHED, APP_SUSPENDED and what `requireRole` throws.
     */
    async rollBack(viewer: Viewer, input: RollBackInput, origin: ActOrigin): Promise<string> {
      const reason = parseReason(input.reason);
      const by = { kind: 'DEVELOPER', viewer, origin } as const;
      const { idempotencyKey: key, appId, track, fromVersionId, toVersionId, restoreData } = input;
      const said = [appId, track, fromVersionId, toVersionId, reason, restoreData];
      const { id } = await work((unit) =>
        once(unit, clock, { viewer, key, operation: 'rollBack', input: said }, async () =>
          carryOut(unit, await readEnds(unit, input, by, reason)),
        ),
      );
      storeChanged();
      return id;
    },
  };
}

/** That devices can be taken from one to the other. Throws VALIDATION or STATE_CONFLICT. */
function requirePossible({ input, from, to }: Ends): void {
  if (to.versionCode >= from.versionCode)
    throw invalidField('input.toVersionId', 'A rollback goes to a lower version code than the one it takes back.');
  if (!from.rollouts.some(({ track }) => track === input.track))
    throw new DomainError(
      'STATE_CONFLICT',
      `Version code ${from.versionCode} was never offered on ${input.track.toLowerCase()}; there is nothing to take back.`,
      { currentState: from.state },
    );
  if (to.publishedAt === null || !(to.state === 'PUBLISHED' || to.state === 'UNPUBLISHED'))
    throw new DomainError(
      'STATE_CONFLICT',
      `Version code ${to.versionCode} is ${to.state}; devices go back only to a version that was published and is not suspended.`,
      { currentState: to.state },
    );
  if (to.bytesRemovedAt !== null)
    throw new DomainError(
      'STATE_CONFLICT',
      `The package of version code ${to.versionCode} is no longer stored. Choose a later version, or publish a new one.`,
      { currentState: to.state },
    );
}

/** Devices take nothing that is signed by a key outside of the app's newest set (docs/PACKAGE_FORMAT.md §4). Throws KEY_NOT_PINNED. */
async function requirePinned(tx: Tx, { appId, versionCode, signerKeyId }: Ended): Promise<void> {
  const newest = await tx.pinLink.findFirst({ where: { appId }, orderBy: { serial: 'desc' } });
  if (newest === null || (newest.keyIds as string[]).some((keyId) => keyId === signerKeyId)) return;
  throw new DomainError(
    'KEY_NOT_PINNED',
    `Version code ${versionCode} is signed by a key that the app no longer pins, so devices would refuse it. Pin the key again, or publish a new version.`,
  );
}

/** The rollouts of what is taken back: of the track, and where that is stable those of beta too. */
async function takenBack(tx: Tx, { input, from, to }: Ends): Promise<RolloutWithVersion[]> {
  const between = { gt: to.versionCode, lte: from.versionCode };
  const rollouts = await tx.rollout.findMany({
    where: { appId: input.appId, version: { versionCode: between } },
    include: WITH_VERSION,
    orderBy: { version: { versionCode: 'asc' } },
  });
  const own = rollouts.filter(({ track }) => track === input.track);
  const codes = new Set(own.map(({ version }) => version.versionCode));
  const elsewhere = rollouts.filter(({ track, version }) => track !== input.track && codes.has(version.versionCode));
  if (input.track === 'STABLE') return [...own, ...elsewhere];
  const offered = elsewhere.find(
    ({ state, basisPoints }) => nextRolloutState('halt', parseRolloutState(state), basisPoints) !== null,
  );
  if (offered === undefined) return own;
  throw new DomainError(
    'STATE_CONFLICT',
    `Version code ${offered.version.versionCode} is offered on stable too, which devices on beta take. Roll back on stable.`,
    { currentState: offered.state },
  );
}
