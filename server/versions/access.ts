/** Owns who may see and move a version, as query conditions and predicates. It reads no database. */
import { hasScope, isAdmin, isReviewer } from '../accounts/access.ts';
import type { ApiKeyScope, DeveloperViewer, Viewer } from '../accounts/viewer.ts';
import { includesRole, type MemberRole, memberApps, roleOn } from '../apps/access.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { nextState, parseState, type VersionAct } from './states.ts';

/** The versions that exist for the viewer: of their apps all; for reviewers and admins all that were submitted. */
export function visibleVersions(viewer: Viewer): Prisma.AppVersionWhereInput {
  if (viewer.kind === 'anonymous') return { id: { in: [] } };
  const own: Prisma.AppVersionWhereInput = readsVersions(viewer) ? { app: memberApps(viewer) } : { id: { in: [] } };
  return isReviewer(viewer) || isAdmin(viewer) ? { OR: [own, { claimedCode: { not: null } }] } : own;
}

/** A key that may only read telemetry sees the app it is about, and none of its versions. */
export function readsVersions(viewer: Viewer): viewer is DeveloperViewer {
  if (viewer.kind === 'anonymous') return false;
  const { credential } = viewer;
  return credential.kind !== 'API_KEY' || credential.scopes.some((scope) => scope !== 'telemetry:read');
}

/** What each act of a member asks for; acts that are not here are never a member's. */
export const MEMBER_ACTS = {
  submit: { role: 'MAINTAINER', scope: 'versions:write' },
  withdraw: { role: 'MAINTAINER', scope: 'versions:write' },
  appeal: { role: 'MAINTAINER', scope: 'versions:write' },
  publish: { role: 'OWNER', scope: 'versions:publish' },
  unpublish: { role: 'OWNER', scope: 'versions:publish' },
} as const satisfies Partial<Record<VersionAct, { role: MemberRole; scope: ApiKeyScope }>>;
export type MemberAct = keyof typeof MEMBER_ACTS;

interface VersionFacts {
  readonly state: string;
  readonly appealed: boolean;
  readonly app: {
    readonly id: string;
    readonly members: readonly { readonly developerId: string; readonly role: string }[];
  };
}

/** Whether the viewer may do the act on the version as it is now: role, scope and state together. */
export function mayAct(viewer: Viewer, version: VersionFacts, act: MemberAct): boolean {
  const role = roleOn(viewer, version.app);
  const demand = MEMBER_ACTS[act];
  if (role === null || !includesRole(role, demand.role) || !hasScope(viewer, demand.scope)) return false;
  if (act === 'appeal' && version.appealed) return false;
  return nextState(act, parseState(version.state)) !== null;
}

/** Whether the viewer may decide about the version at all: a reviewer who is no member of its app. */
export function mayReview(viewer: Viewer, version: VersionFacts): boolean {
  if (viewer.kind === 'anonymous' || !isReviewer(viewer)) return false;
  return !isMember(viewer, version);
}

/** Whether the viewer may suspend and reinstate the version: a reviewer or an admin who is no member of its app. */
export function maySuspend(viewer: Viewer, version: VersionFacts): boolean {
  if (viewer.kind === 'anonymous' || !(isReviewer(viewer) || isAdmin(viewer))) return false;
  return !isMember(viewer, version);
}

function isMember({ developerId }: DeveloperViewer, { app }: VersionFacts): boolean {
  return app.members.some((member) => member.developerId === developerId);
}
