// What each version state looks like: colour, filling and word. The icons stand in StateChip. Pure.
import type { VersionState } from '#lib/graphql/generated/graphql.ts';
import type { Tone } from '#lib/ui/tone.ts';

export type StateLook = { tone: Tone; fill: 'soft' | 'outline' | 'solid' };

export const STATE_LOOKS: Record<VersionState, StateLook> = {
  DRAFT: { tone: 'grey', fill: 'soft' },
  SUBMITTED: { tone: 'blue', fill: 'soft' },
  IN_REVIEW: { tone: 'amber', fill: 'soft' },
  APPROVED: { tone: 'green', fill: 'outline' },
  PUBLISHED: { tone: 'green', fill: 'solid' },
  REJECTED: { tone: 'red', fill: 'soft' },
  WITHDRAWN: { tone: 'grey', fill: 'soft' },
  SUSPENDED: { tone: 'red', fill: 'solid' },
  UNPUBLISHED: { tone: 'grey', fill: 'outline' },
};

export const STEPS = ['upload', 'checks', 'review', 'release'] as const;
export type Step = (typeof STEPS)[number];
export const STEP_STATES = ['done', 'now', 'waiting', 'stopped'] as const;
export type StepState = (typeof STEP_STATES)[number];

/** Where a version stands on the way from upload to release. `reviewed` is whether a person was asked. */
export function stepsOf(state: VersionState, reviewed: boolean, submitted: boolean): Record<Step, StepState> {
  switch (state) {
    case 'DRAFT':
      return { upload: 'done', checks: 'waiting', review: 'waiting', release: 'waiting' };
    case 'SUBMITTED':
      return { upload: 'done', checks: 'now', review: 'waiting', release: 'waiting' };
    case 'IN_REVIEW':
      return { upload: 'done', checks: 'done', review: 'now', release: 'waiting' };
    case 'APPROVED':
      return { upload: 'done', checks: 'done', review: 'done', release: 'now' };
    case 'PUBLISHED':
      return { upload: 'done', checks: 'done', review: 'done', release: 'done' };
    case 'UNPUBLISHED':
    case 'SUSPENDED':
      return { upload: 'done', checks: 'done', review: 'done', release: 'stopped' };
    case 'REJECTED':
      return reviewed
        ? { upload: 'done', checks: 'done', review: 'stopped', release: 'waiting' }
        : { upload: 'done', checks: 'stopped', review: 'waiting', release: 'waiting' };
    case 'WITHDRAWN':
      return { upload: 'done', checks: submitted ? 'stopped' : 'waiting', review: 'waiting', release: 'waiting' };
  }
}
