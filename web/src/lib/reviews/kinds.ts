// The kinds of reviews, and what a decision about each does. Pure.
import type { VersionState } from '#lib/graphql/generated/graphql.ts';

export const REVIEW_KINDS = ['MANUAL', 'APPEAL', 'SAMPLE', 'REPORT', 'RESCAN'] as const;
export type KindOfReview = (typeof REVIEW_KINDS)[number];

export const ACTS = ['decide', 'stayOrSuspend', 'stayOrReject'] as const;
/** What the two decisions are: about a waiting version, about one in the store, about an approval not yet used. */
export type Act = (typeof ACTS)[number];

/** What approving and rejecting mean for a review of this kind while the version is in this state. */
export function actOf(kind: KindOfReview, state: VersionState): Act {
  if (kind === 'MANUAL' || kind === 'APPEAL') return 'decide';
  return state === 'APPROVED' ? 'stayOrReject' : 'stayOrSuspend';
}
