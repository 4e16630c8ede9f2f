/** Owns who may see and change an app, as query conditions and predicates. It reads no database. */
import { isAdmin, isReviewer, onlyAppId, requireScope } from '../accounts/access.ts';
import type { ApiKeyScope, DeveloperViewer, Viewer } from '../accounts/viewer.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Prisma } from '../generated/prisma/client.ts';

export const MEMBER_ROLES = ['VIEWER', 'MAINTAINER', 'OWNER'] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];

export const APP_STATUSES = ['DRAFT', 'PUBLISHED', 'UNPUBLISHED', 'SUSPENDED'] as const;
export type AppStatus = (typeof APP_STATUSES)[number];

/** The apps a viewer is a member of, cut down to the one app of a key that has one. */
export function memberApps(viewer: DeveloperViewer): Prisma.AppWhereInput {
  const only = onlyAppId(viewer);
  return { members: { some: { developerId: viewer.developerId } }, ...(only === null ? {} : { id: only }) };
}

/** The apps that exist for the viewer: their own; for reviewers those that were submitted; for admins all. */
export function visibleApps(viewer: Viewer): Prisma.AppWhereInput {
  if (viewer.kind === 'anonymous') return { id: { in: [] } };
  if (isAdmin(viewer)) return {};
  const own = canRead(viewer) ? memberApps(viewer) : { id: { in: [] } };
  return isReviewer(viewer) ? { OR: [own, { highestCode: { gt: 0 } }] } : own;
}

function canRead(viewer: DeveloperViewer): boolean {
  const { credential } = viewer;
  return credential.kind !== 'API_KEY' || credential.scopes.length > 0;
}

/** Whether `role` includes what `needed` may do. */
export function includesRole(role: MemberRole, needed: MemberRole): boolean {
  return MEMBER_ROLES.indexOf(role) >= MEMBER_ROLES.indexOf(needed);
}

/** The viewer's role on an app whose members are given, or null for none (or a key for another app). */
export function roleOn(
  viewer: Viewer,
  app: { readonly id: string; readonly members: readonly { readonly developerId: string; readonly role: string }[] },
): MemberRole | null {
  if (viewer.kind === 'anonymous') return null;
  const only = onlyAppId(viewer);
  if (only !== null && only !== app.id) return null;
  const role = app.members.find((member) => member.developerId === viewer.developerId)?.role;
  return MEMBER_ROLES.find((known) => known === role) ?? null;
}

/** What an act on an app asks of the viewer. */
export interface AppDemand {
  readonly role: MemberRole;
  readonly scope: ApiKeyScope;
}

/**
 * The signed-in viewer who may do the act. Throws UNAUTHENTICATED or SCOPE_MISSING for the credential, NOT_FOUND for an
 * app that is not theirs, FORBIDDEN for too small a role.
 */
export function requireRole(
  viewer: Viewer,
  app: {
    readonly id: string;
    readonly members: readonly { readonly developerId: string; readonly role: string }[];
  } | null,
  demand: AppDemand,
): DeveloperViewer {
  const developer = requireScope(viewer, demand.scope);
  const role = app === null ? null : roleOn(developer, app);
  if (role === null) throw notFound('The app');
  if (!includesRole(role, demand.role)) {
    throw new DomainError(
      'FORBIDDEN',
      `This needs the role ${demand.role} on the app; yours is ${role}. Ask an owner.`,
    );
  }
  return developer;
}

/** Making an app is not for a key that is cut down to one. Throws FORBIDDEN. */
export function onlyOwnKeys(viewer: DeveloperViewer): void {
  if (onlyAppId(viewer) !== null)
    throw new DomainError('FORBIDDEN', 'This API key is for one app and cannot make another.');
}
