/** Owns the closed sets of reviews: their kinds, states and decisions, and which kinds decide a version's state. Pure. */

export const REVIEW_STATES = ['QUEUED', 'CLAIMED', 'DECIDED', 'CANCELLED'] as const;
export const REVIEW_KINDS = ['MANUAL', 'APPEAL', 'SAMPLE', 'REPORT', 'RESCAN'] as const;
export const REVIEW_DECISIONS = ['APPROVED', 'REJECTED'] as const;
export type ReviewKind = (typeof REVIEW_KINDS)[number];

/** A version waits for these; their approval or rejection is its next state. */
export const DECIDING_KINDS = ['MANUAL', 'APPEAL'] as const satisfies readonly ReviewKind[];
export type DecidingKind = (typeof DECIDING_KINDS)[number];
/** The version goes its way meanwhile; approval leaves it as it is, rejection takes it back. */
export type BesideKind = Exclude<ReviewKind, DecidingKind>;

/** States in which a review waits for a decision. */
export const OPEN_STATES = ['QUEUED', 'CLAIMED'] as const satisfies readonly (typeof REVIEW_STATES)[number][];

/** Whether a review stands beside the version's state and does not decide it. */
export function standsBeside(kind: string): boolean {
  return !DECIDING_KINDS.some((deciding) => deciding === kind);
}
