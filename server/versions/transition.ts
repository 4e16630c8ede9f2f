/** Owns the one statement that moves a version's state, fenced on the state it is in. Only versions/service and its parts use it. */
import { DomainError } from '../errors.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Tx } from '../platform/db/database.ts';
import { nextState, parseState, startsOf, type VersionAct, type VersionState } from './states.ts';

/** What is written beside the state. */
export type StateExtras = Omit<Prisma.AppVersionUncheckedUpdateManyInput, 'id' | 'state' | 'updatedAt'>;

/** What a move is compared with: the state and, where given, the review round the decision was about. */
export interface Fence {
  readonly id: string;
  readonly state: string;
  readonly round: number;
}

const WORDS: { readonly [Act in VersionAct]: string } = {
  submit: 'submitted',
  failChecks: 'refused by checks',
  requireReview: 'queued for review',
  passChecks: 'approved by checks',
  approve: 'approved',
  reject: 'rejected',
  rejectSample: 'rejected after a sample review',
  suspendSample: 'suspended after a sample review',
  publish: 'published',
  unpublish: 'unpublished',
  suspend: 'suspended',
  reinstate: 'reinstated',
  appeal: 'appealed',
  withdraw: 'withdrawn',
  compromise: 'ended for its key',
};

/** A typed conflict: the act is not possible from the state the version is in. */
export function stateConflict(act: VersionAct, state: string): DomainError {
  const needed = startsOf(act).join(' or ');
  return new DomainError(
    'STATE_CONFLICT',
    `The version is ${state} and cannot be ${WORDS[act]}; it would have to be ${needed}.`,
    {
      currentState: state,
    },
  );
}

/** The act needs the package, and retention removed its bytes. */
function packageRemoved(word: string, state: string): DomainError {
  return new DomainError(
    'STATE_CONFLICT',
    `The package of this version is not stored any more, so it cannot be ${word}. Upload a new version.`,
    { currentState: state },
  );
}

/** What leads devices or reviewers to the package. */
const NEED_BYTES: ReadonlySet<VersionAct> = new Set(['publish', 'reinstate', 'appeal']);

/**
 * Moves the version, if nobody else moved it since it was read: state and round are compared in the statement itself.
 * Returns the new state. Throws STATE_CONFLICT with the state it is in, also where the act needs a package that is no longer stored.
 */
export async function moveVersion(
  tx: Tx,
  clock: Clock,
  fence: Fence,
  act: VersionAct,
  extras: StateExtras = {},
): Promise<VersionState> {
  const target = nextState(act, parseState(fence.state));
  if (target === null) throw stateConflict(act, fence.state);
  const moved = await tx.appVersion.updateMany({
    where: {
      ...{ id: fence.id, state: fence.state, round: fence.round },
      ...(NEED_BYTES.has(act) ? { bytesRemovedAt: null } : {}),
    },
    data: { ...extras, state: target, updatedAt: clock.now() },
  });
  if (moved.count === 1) return target;
  const now = await tx.appVersion.findUnique({
    where: { id: fence.id },
    select: { state: true, round: true, bytesRemovedAt: true },
  });
  if (now !== null && now.bytesRemovedAt !== null && now.state === fence.state && now.round === fence.round)
    throw packageRemoved(WORDS[act], now.state);
  throw stateConflict(act, now?.state ?? 'gone');
}
