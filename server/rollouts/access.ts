/** Owns who may see and change a rollout, as query conditions and predicates. It reads no database. */
import { hasScope } from '../accounts/access.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { includesRole, roleOn } from '../apps/access.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { MEMBER_ACTS, visibleVersions } from '../versions/access.ts';
import { nextRolloutState, parseRolloutState } from './states.ts';

/** What every change of a rollout asks for: the same as publishing. */
export const ROLLOUT_DEMAND = MEMBER_ACTS.publish;

/** The rollouts that exist for the viewer: those of the versions that do. */
export function visibleRollouts(viewer: Viewer): Prisma.RolloutWhereInput {
  return { version: visibleVersions(viewer) };
}

/** The rollbacks that exist for the viewer: those to versions that do. */
export function visibleRollbacks(viewer: Viewer): Prisma.RollbackWhereInput {
  return { toVersion: visibleVersions(viewer) };
}

interface RolloutFacts {
  readonly state: string;
  readonly basisPoints: number;
  readonly app: {
    readonly id: string;
    readonly members: readonly { readonly developerId: string; readonly role: string }[];
  };
}

/** Whether the viewer may change the rollout as it is now: role, scope and state together. */
export function mayChangeRollout(viewer: Viewer, rollout: RolloutFacts): boolean {
  const role = roleOn(viewer, rollout.app);
  if (role === null || !includesRole(role, ROLLOUT_DEMAND.role) || !hasScope(viewer, ROLLOUT_DEMAND.scope))
    return false;
  return nextRolloutState('halt', parseRolloutState(rollout.state), rollout.basisPoints) !== null;
}
