// What an app needs from its developer next, by its newest version. Pure.
import type { VersionState } from '#lib/graphql/generated/graphql.ts';
import type { Tone } from '#lib/ui/tone.ts';

export const NEEDS = ['NONE', 'DRAFT', 'REJECTED', 'APPROVED', 'SUBMITTED', 'IN_REVIEW', 'SUSPENDED'] as const;
export type Need = (typeof NEEDS)[number];

/** The need that the newest version's state makes, or null when all is well; 'NONE' when there is no version at all. */
export function needOf(state: VersionState | undefined): Need | null {
  if (state === undefined) return 'NONE';
  return NEEDS.find((need) => need === state) ?? null;
}

export const NEED_TONES: Record<Need, Tone> = {
  NONE: 'grey',
  DRAFT: 'blue',
  REJECTED: 'red',
  APPROVED: 'green',
  SUBMITTED: 'grey',
  IN_REVIEW: 'grey',
  SUSPENDED: 'red',
};
