/** Owns how a version gets into the review queue, where it waits there, and how it leaves it undecided. */
import type { AppVersion } from '../generated/prisma/client.ts';
import type { Tx } from '../platform/db/database.ts';
import type { Unit } from '../unit-of-work.ts';
import { APPROVED_STATES } from '../versions/states.ts';
import { type BesideKind, DECIDING_KINDS, OPEN_STATES, type ReviewKind } from './kinds.ts';
import { approvalsNeeded, type ReviewReason } from './policy.ts';
import { emitMove, type ReviewsOptions } from './records.ts';
import { type ReviewSettings, readReviewSettings } from './settings.ts';
import { createWaits } from './waits.ts';

const HOUR_MS = 3_600_000;
/** Versions that are looked through for the permissions that were approved before, newest first. */
const MAX_APPROVED_VERSIONS = 500;

/** What is queued. */
export type QueuedVersion = Pick<AppVersion, 'id' | 'appId' | 'round' | 'permissions' | 'submittedAt' | 'state'>;

export type ReviewQueue = ReturnType<typeof createReviewQueue>;

export function createReviewQueue({ db, clock, ids }: Pick<ReviewsOptions, 'db' | 'clock' | 'ids'>) {
  const medianWaitSeconds = createWaits({ db, clock });

  async function open(
    unit: Unit,
    version: QueuedVersion,
    given: {
      round: number;
      kind: ReviewKind;
      serial: number;
      approvalsNeeded: number;
      dueFrom: Date;
      reasons: readonly ReviewReason[];
    },
    settings: ReviewSettings,
  ): Promise<string> {
    const { dueFrom, ...facts } = given;
    const dueAt = new Date(dueFrom.getTime() + settings.serviceLevelHours * HOUR_MS);
    const data = {
      id: ids.next(),
      versionId: version.id,
      ...facts,
      state: 'QUEUED',
      reasons: [...given.reasons],
      policyRefs: [],
      queuedAt: clock.now(),
      dueAt,
    };
    const review = await unit.tx.review.create({ data });
    emitMove(unit, { ...review, version }, 'QUEUED', null, {
      reasons: [...given.reasons],
      dueAt: dueAt.toISOString(),
      approvalsNeeded: given.approvalsNeeded,
    });
    return review.id;
  }

  return {
    /**
     * Puts a version that has just come into review into the queue. It is due so long after its submission, an appeal
     * after the appeal; a dangerous permission asked for the first time needs two approvals (a setting).
     */
    async add(
      unit: Unit,
      version: QueuedVersion,
      given: { round: number; kind: (typeof DECIDING_KINDS)[number]; reasons: readonly ReviewReason[] },
    ): Promise<void> {
      const settings = await readReviewSettings(unit.tx);
      const needed = approvalsNeeded({
        secondApproval: settings.secondApproval,
        permissions: version.permissions as string[],
        approvedPermissions: await approvedPermissions(unit.tx, version),
      });
      const dueFrom = given.kind === 'MANUAL' ? (version.submittedAt ?? clock.now()) : clock.now();
      await open(unit, version, { ...given, serial: 1, approvalsNeeded: needed, dueFrom }, settings);
    },

    /**
     * Opens a review beside the state of a version that was approved: it goes its way meanwhile, and only reviewers are
     * told. While one of the kind is open, that one is answered. Null for a version in another state, which has nothing to
     * take back.
     */
    async openBeside(
      unit: Unit,
      version: QueuedVersion,
      { kind, reasons }: { kind: BesideKind; reasons: readonly ReviewReason[] },
    ): Promise<string | null> {
      if (!APPROVED_STATES.some((state) => state === version.state)) return null;
      const known = await unit.tx.review.findMany({
        where: { versionId: version.id, kind },
        orderBy: { serial: 'desc' },
        select: { id: true, state: true, round: true, serial: true },
      });
      const waiting = known.find(({ state }) => OPEN_STATES.some((each) => each === state));
      if (waiting !== undefined) return waiting.id;
      const serial = (known.find(({ round }) => round === version.round)?.serial ?? 0) + 1;
      const given = { round: version.round, kind, serial, approvalsNeeded: 1, dueFrom: clock.now(), reasons };
      return open(unit, version, given, await readReviewSettings(unit.tx));
    },

    /** Ends the open reviews of a version that leaves the queue or is taken back; the version's own event tells of it. */
    async cancel(unit: Unit, versionId: string): Promise<void> {
      await unit.tx.review.updateMany({
        where: { versionId, state: { in: [...OPEN_STATES] } },
        data: { state: 'CANCELLED', claimId: null, leaseExpiresAt: null },
      });
    },

    /** Place in the queue, when it is due, and the median wait of the last 30 days; null when the version does not wait. */
    async position(
      versionId: string,
    ): Promise<{ position: number; dueAt: Date; medianWaitSeconds: number | null } | null> {
      const waiting = { state: { in: [...OPEN_STATES] }, kind: { in: [...DECIDING_KINDS] } };
      const review = await db.prisma.review.findFirst({
        where: { versionId, ...waiting },
        select: { id: true, dueAt: true },
      });
      if (review === null) return null;
      const ahead = await db.prisma.review.count({
        where: {
          ...waiting,
          dueAt: { lte: review.dueAt },
          OR: [{ dueAt: { lt: review.dueAt } }, { id: { lt: review.id } }],
        },
      });
      return { position: ahead + 1, dueAt: review.dueAt, medianWaitSeconds: await medianWaitSeconds() };
    },

    /** Whether the claim on a review has run out. */
    isLapsed({ state, leaseExpiresAt }: { state: string; leaseExpiresAt: Date | null }): boolean {
      return state === 'CLAIMED' && leaseExpiresAt !== null && leaseExpiresAt <= clock.now();
    },

    /** Seconds that a review has waited, or waited until its decision. */
    waitingSeconds({ queuedAt, decidedAt }: { queuedAt: Date; decidedAt: Date | null }): number {
      return Math.max(0, Math.round(((decidedAt ?? clock.now()).getTime() - queuedAt.getTime()) / 1000));
    },
  };
}

/** Every permission that an approved version of the app, other than this one, has asked for. */
async function approvedPermissions(tx: Tx, version: QueuedVersion): Promise<Set<string>> {
  const approved = await tx.appVersion.findMany({
    where: { appId: version.appId, id: { not: version.id }, state: { in: [...APPROVED_STATES] } },
    orderBy: { versionCode: 'desc' },
    take: MAX_APPROVED_VERSIONS,
    select: { permissions: true },
  });
  return new Set(approved.flatMap(({ permissions }) => permissions as string[]));
}
