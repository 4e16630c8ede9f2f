// Owns the closed list of event types and what an event is; every live view, timeline and mail is made from these.
import type { JsonObject } from '../platform/json.ts';

export type { JsonObject, JsonValue } from '../platform/json.ts';

export const EVENT_TYPES = [
  'UPLOADED',
  'UPLOAD_REFUSED',
  'SUBMITTED',
  'CHECK_STARTED',
  'FINDING',
  'CHECK_FINISHED',
  'CHECKS_PASSED',
  'CHECKS_FAILED',
  'QUEUED',
  'CLAIMED',
  'RELEASED',
  'COMMENTED',
  'APPROVAL_ADDED',
  'APPROVED',
  'REJECTED',
  'APPEALED',
  'WITHDRAWN',
  'PUBLISHED',
  'UNPUBLISHED',
  'ROLLOUT_CHANGED',
  'PINS_CHANGED',
  'SUSPENDED',
  'REINSTATED',
  'LOOKED_INTO',
  'CRASH_REGRESSED',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** Types that only reviewers and admins who are no members of the app are shown or told of. */
export const CONFIDENTIAL_TYPES = ['LOOKED_INTO'] as const satisfies readonly EventType[];
/** Types that members of an app are told of. */
export const MEMBER_TYPES: readonly EventType[] = EVENT_TYPES.filter((type) => !isConfidential(type));

/** Whether an event is for reviewers and admins alone: that a version is looked at again beside its state. */
export function isConfidential(type: EventType): boolean {
  return CONFIDENTIAL_TYPES.some((confidential) => confidential === type);
}

/** An event about to be written; its time and cursor are given at the end of the transaction. */
export type NewEvent = {
  type: EventType;
  appId: string;
  versionId?: string | null;
  /** Who did it; null or absent for the system. */
  actorId?: string | null;
  /** Small: what a timeline needs to show the event without asking again. */
  payload?: JsonObject;
};

/** A written event. */
export type EventRecord = {
  /** `{epoch}.{n}`; opaque to clients. */
  cursor: string;
  type: EventType;
  appId: string;
  versionId: string | null;
  actorId: string | null;
  payload: JsonObject;
  at: Date;
};

/** Which events a reader wants; what is absent does not restrict. */
export type EventFilter = {
  appId?: string;
  appIds?: readonly string[];
  versionId?: string;
  types?: readonly EventType[];
};
