// The English words that several pages share: states, roles, events and their kinds.

import type {
  ApiKeyScope,
  AppStatus,
  CheckState,
  EventActorKind,
  EventType,
  FindingSeverity,
  ReviewReason,
  Role,
  SigningKeyStatus,
  VersionState,
} from '#lib/graphql/generated/graphql.ts';
import type { Phase } from '#lib/graphql/phase.ts';
import { type RolloutNews, rolloutChange } from '#lib/messages/en/rollout-words.ts';
import type { Step, StepState } from '#lib/versions/state.ts';

/** "1 file", "2 files". */
export const count = (value: number, one: string, many = `${one}s`) => `${value} ${value === 1 ? one : many}`;

export const states: Record<VersionState, string> = {
  DRAFT: 'Draft',
  SUBMITTED: 'Checking',
  IN_REVIEW: 'In review',
  APPROVED: 'Approved',
  PUBLISHED: 'Live',
  REJECTED: 'Needs changes',
  WITHDRAWN: 'Withdrawn',
  SUSPENDED: 'Suspended',
  UNPUBLISHED: 'Unpublished',
};

export const appStatus: Record<AppStatus, string> = {
  DRAFT: 'Draft',
  PUBLISHED: 'In the store',
  UNPUBLISHED: 'Unpublished',
  SUSPENDED: 'Suspended',
};

export const reasons: Record<ReviewReason, string> = {
  FIRST_APP: 'first app of this account',
  DANGEROUS_PERMISSION: 'asks for a sensitive permission',
  NEW_PERMISSION: 'asks for a permission that the last version did not have',
  CHECK_WARNING: 'a check gave a warning',
  CHECK_CRASHED: 'a check could not finish',
  USER_REPORTS: 'people reported the app',
  APPEAL: 'you appealed',
  SAMPLE: 'picked as a sample',
  RESCAN: 'newer checks found something in it',
};

export const severity: Record<FindingSeverity, string> = { ERROR: 'Error', WARNING: 'Warning', NOTICE: 'Notice' };
export const checkState: Record<CheckState, string> = {
  RUNNING: 'running',
  PASSED: 'passed',
  WARNED: 'warned',
  FAILED: 'failed',
  CRASHED: 'could not finish',
};
export const step: Record<Step, string> = { upload: 'Upload', checks: 'Checks', review: 'Review', release: 'Release' };
export const stepState: Record<StepState, string> = {
  done: 'done',
  contested: 'found errors, a reviewer decides',
  now: 'now',
  waiting: 'to come',
  stopped: 'stopped here',
};
export const phase: Record<Phase, string> = {
  idle: 'Not live',
  connecting: 'Connecting',
  'catching-up': 'Catching up',
  live: 'Live',
  offline: 'Offline',
};

export const scopes: Record<ApiKeyScope, { name: string; help: string }> = {
  APPS_READ: { name: 'apps:read', help: 'See apps and versions' },
  APPS_WRITE: { name: 'apps:write', help: 'Create apps and edit listings' },
  VERSIONS_WRITE: { name: 'versions:write', help: 'Upload and submit versions' },
  VERSIONS_PUBLISH: { name: 'versions:publish', help: 'Publish approved versions' },
  TELEMETRY_READ: { name: 'telemetry:read', help: 'Read counts and crashes' },
};

export const roles: Record<Role, string> = { DEVELOPER: 'Developer', REVIEWER: 'Reviewer', ADMIN: 'Admin' };
export const keyStatus: Record<SigningKeyStatus, string> = {
  ACTIVE: 'Active',
  RETIRED: 'Retired',
  COMPROMISED: 'Compromised',
};
export const actors: Record<EventActorKind, string> = {
  YOU: 'you',
  REVIEWER: 'a reviewer',
  DEVELOPER: 'the developer',
  SYSTEM: 'the checks',
};

export type EventLike = {
  type: EventType;
  actor: { kind: EventActorKind; name?: string | null };
  /** What became of a rollout; null for other events. */ rollout?: RolloutNews | null;
};

/** "you", "Ada" or "a reviewer"; nobody for what the machine does. */
function by({ actor }: EventLike): string {
  if (actor.kind === 'SYSTEM') return '';
  return ` by ${actor.kind === 'DEVELOPER' && actor.name ? actor.name : actors[actor.kind]}`;
}

/** One event as one line of a timeline. */
export function event(it: EventLike): string {
  const words: Record<EventType, string> = {
    UPLOADED: `Uploaded${by(it)}`,
    UPLOAD_REFUSED: 'Upload refused',
    SUBMITTED: `Submitted for review${by(it)}`,
    CHECK_STARTED: 'A check started',
    FINDING: 'A check found something',
    CHECK_FINISHED: 'A check finished',
    CHECKS_PASSED: 'Checks passed',
    CHECKS_FAILED: 'Checks found errors',
    QUEUED: 'Waiting for a reviewer',
    CLAIMED: 'A reviewer is looking at it',
    RELEASED: 'Back in the queue',
    COMMENTED: `Comment${by(it)}`,
    APPROVAL_ADDED: `First of two approvals${by(it)}`,
    LOOKED_INTO: `Looked into${by(it)}`,
    APPROVED: `Approved${by(it)}`,
    REJECTED: `Changes asked for${by(it)}`,
    APPEALED: `Appealed${by(it)}`,
    WITHDRAWN: `Withdrawn${by(it)}`,
    PUBLISHED: `Published${by(it)}`,
    UNPUBLISHED: `Unpublished${by(it)}`,
    ROLLOUT_CHANGED: it.rollout ? rolloutChange(it.rollout, by(it)) : 'Rollout changed',
    PINS_CHANGED: 'Signing keys changed',
    CRASH_REGRESSED: 'A resolved crash came back',
    SUSPENDED: `Suspended${by(it)}`,
    REINSTATED: `Reinstated${by(it)}`,
  };
  return words[it.type];
}
