/** Owns whose side an event's act was on; pure. Who may know more than the side is decided where an event is shown. */
import type { EventRecord } from './types.ts';

export const ACTOR_SIDES = ['DEVELOPER', 'REVIEWER', 'SYSTEM'] as const;
export type ActorSide = (typeof ACTOR_SIDES)[number];

/** Acts that only reviewers and admins do; names of types, so that a log of a newer server reads the same. */
const REVIEWER_ACTS: ReadonlySet<string> = new Set([
  'CLAIMED',
  'RELEASED',
  'APPROVAL_ADDED',
  'APPROVED',
  'REJECTED',
  'SUSPENDED',
  'REINSTATED',
  'LOOKED_INTO',
]);

/** The side that acted: a member of the app, a reviewer or admin, or the platform itself. */
export function sideOf({ actorId, type, payload }: Pick<EventRecord, 'actorId' | 'type' | 'payload'>): ActorSide {
  if (actorId === null) return 'SYSTEM';
  return REVIEWER_ACTS.has(type) || (type === 'COMMENTED' && payload.side === 'REVIEWER') ? 'REVIEWER' : 'DEVELOPER';
}
