/** Owns what every act on a version starts from and leaves: the version as loaded, the store columns of its app, event, audit. */
import type { Viewer } from '../accounts/viewer.ts';
import { requireRole } from '../apps/access.ts';
import type { AuditAction } from '../audit/actions.ts';
import { type ActOrigin, actorOf } from '../audit/actor.ts';
import { notFound } from '../errors.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Tx } from '../platform/db/database.ts';
import type { JsonObject } from '../platform/json.ts';
import { ALL_DEVICES } from '../rollouts/states.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import { MEMBER_ACTS, type MemberAct } from './access.ts';

/** What the parts of the versions work with. */
export interface VersionWork {
  readonly work: Work;
  readonly clock: Clock;
  /** Ends the open reviews of a version that leaves the queue, in the same transaction. */
  readonly cancelReviews: (unit: Unit, versionId: string) => Promise<void>;
  readonly storeChanged: () => void;
}

export const WITH_APP = { app: { include: { members: { select: { developerId: true, role: true } } } } } as const;
export type VersionWithApp = Prisma.AppVersionGetPayload<{ include: typeof WITH_APP }>;

/** The version with its app and members, or NOT_FOUND. */
export async function load(tx: Tx, versionId: string): Promise<VersionWithApp> {
  const version = await tx.appVersion.findUnique({ where: { id: versionId }, include: WITH_APP });
  if (version === null) throw notFound('The version');
  return version;
}

/** The version for an act of a member. Throws what `requireRole` throws, or NOT_FOUND. */
export async function loadFor(tx: Tx, viewer: Viewer, versionId: string, act: MemberAct): Promise<VersionWithApp> {
  const version = await tx.appVersion.findUnique({ where: { id: versionId }, include: WITH_APP });
  if (version === null) {
    requireRole(viewer, null, MEMBER_ACTS[act]);
    throw notFound('The version');
  }
  requireRole(viewer, version.app, MEMBER_ACTS[act]);
  return version;
}

/**
 * What the store shows of an app, first choice first: the newest version that every device on stable is offered, as `/download` has
 * it; else one that all of stable was offered and that is paused, is on its way to them, is for beta, or is published at all. So a
 * version for few does not take the place of one for all, and an app that has only such is not hidden.
 */
const SHOWN = [
  { rollouts: { some: { track: 'STABLE', state: 'COMPLETE' } } },
  { rollouts: { some: { track: 'STABLE', state: 'PAUSED', basisPoints: { gte: ALL_DEVICES } } } },
  { rollouts: { some: { track: 'STABLE', state: { in: ['ACTIVE', 'PAUSED'] } } } },
  { rollouts: { some: { track: 'BETA', state: { in: ['ACTIVE', 'PAUSED', 'COMPLETE'] } } } },
  {},
] as const satisfies readonly Prisma.AppVersionWhereInput[];

/** Puts the app's store columns right after any of its versions was published, left the store, or is offered to others than before. */
export async function refreshApp(tx: Tx, clock: Clock, appId: string): Promise<void> {
  const app = await tx.app.findUniqueOrThrow({ where: { id: appId } });
  const shown = await shownVersion(tx, appId);
  const status = shown !== null ? 'PUBLISHED' : app.firstPublishedAt === null ? 'DRAFT' : 'UNPUBLISHED';
  await tx.app.update({
    where: { id: appId },
    data: {
      latestVersionId: shown?.id ?? null,
      lastPublishedAt: shown?.publishedAt ?? app.lastPublishedAt,
      firstPublishedAt: app.firstPublishedAt ?? shown?.publishedAt ?? null,
      status: app.status === 'SUSPENDED' ? 'SUSPENDED' : status,
      updatedAt: clock.now(),
    },
  });
}

async function shownVersion(tx: Tx, appId: string) {
  for (const choice of SHOWN) {
    const newest = await tx.appVersion.findFirst({
      where: { appId, state: 'PUBLISHED', bytesRemovedAt: null, ...choice },
      orderBy: { versionCode: 'desc' },
      select: { id: true, publishedAt: true },
    });
    if (newest !== null) return newest;
  }
  return null;
}

/** Tells of the version in the log. */
export function tell(
  unit: Unit,
  version: VersionWithApp,
  type: Parameters<Unit['emit']>[0]['type'],
  more: { actorId: string | null; payload?: JsonObject },
) {
  unit.emit({
    type,
    appId: version.appId,
    versionId: version.id,
    actorId: more.actorId,
    payload: more.payload ?? {},
  });
}

/** Notes the act in the audit log. */
export function note(
  unit: Unit,
  version: VersionWithApp,
  action: AuditAction,
  who: { viewer: Viewer; origin: ActOrigin },
  details: JsonObject = {},
) {
  unit.audit({
    ...actorOf(who.viewer, who.origin),
    action,
    resourceType: 'version',
    resourceId: version.id,
    details: { packageId: version.app.packageId, versionCode: version.versionCode, ...details },
  });
}

/** Who an event names. */
export function actorId(viewer: Viewer): string | null {
  return viewer.kind === 'developer' ? viewer.developerId : null;
}
