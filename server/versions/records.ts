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

/** Puts the app's store columns right after any of its versions was published or left the store. */
export async function refreshApp(tx: Tx, clock: Clock, appId: string): Promise<void> {
  const app = await tx.app.findUniqueOrThrow({ where: { id: appId } });
  const newest = await tx.appVersion.findFirst({
    where: { appId, state: 'PUBLISHED' },
    orderBy: { versionCode: 'desc' },
  });
  const status = newest !== null ? 'PUBLISHED' : app.firstPublishedAt === null ? 'DRAFT' : 'UNPUBLISHED';
  await tx.app.update({
    where: { id: appId },
    data: {
      latestVersionId: newest?.id ?? null,
      lastPublishedAt: newest?.publishedAt ?? app.lastPublishedAt,
      firstPublishedAt: app.firstPublishedAt ?? newest?.publishedAt ?? null,
      status: app.status === 'SUSPENDED' ? 'SUSPENDED' : status,
      updatedAt: clock.now(),
    },
  });
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
