/** Owns the closed lists of what becomes of a rollout and what that comes from, as events name them. Pure. */

export const ROLLOUT_CHANGES = [
  'STARTED',
  'RAISED',
  'SCHEDULED',
  'PAUSED',
  'RESUMED',
  'HALTED',
  'SUPERSEDED',
  'COMPLETED',
  'ROLLED_BACK',
] as const;
export type RolloutChange = (typeof ROLLOUT_CHANGES)[number];

export const ROLLOUT_MOVERS = ['DEVELOPER', 'GUARD', 'SCHEDULE'] as const;
export type RolloutMover = (typeof ROLLOUT_MOVERS)[number];
