// What each version state looks like: colour, filling and word. The icons stand in StateChip. Pure.
import type { VersionState } from '#lib/graphql/generated/graphql.ts';
import { INK, SOFT, type Tone } from '#lib/ui/tone.ts';

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

const SOLID: Partial<Record<Tone, string>> = { green: 'bg-green text-surface', red: 'bg-red text-surface' };

/** The classes of the chip that shows a state. */
export function chipClass({ tone, fill }: StateLook): string {
  const colours =
    fill === 'solid'
      ? (SOLID[tone] ?? SOFT[tone])
      : fill === 'outline'
        ? `border border-current ${INK[tone]}`
        : SOFT[tone];
  return `inline-flex h-6 shrink-0 items-center gap-1.5 rounded-full px-2.5 text-xs font-medium whitespace-nowrap ${colours}`;
}

export const STEPS = ['upload', 'checks', 'review', 'release'] as const;
export type Step = (typeof STEPS)[number];
export const STEP_STATES = ['done', 'contested', 'now', 'waiting', 'stopped'] as const;
export type StepState = (typeof STEP_STATES)[number];

export type Course = {
  state: VersionState;
  /** Whether it was submitted at all. */
  submitted: boolean;
  /** Whether a person was asked. */
  reviewed: boolean;
  /** Whether the checks found errors: past them only an appeal leads. */
  checksFailed: boolean;
};

/** Where a version stands on the way from upload to release. */
export function stepsOf({ state, submitted, reviewed, checksFailed }: Course): Record<Step, StepState> {
  const checks = checksFailed ? 'contested' : 'done';
  switch (state) {
    case 'DRAFT':
      return { upload: 'done', checks: 'waiting', review: 'waiting', release: 'waiting' };
    case 'SUBMITTED':
      return { upload: 'done', checks: 'now', review: 'waiting', release: 'waiting' };
    case 'IN_REVIEW':
      return { upload: 'done', checks, review: 'now', release: 'waiting' };
    case 'APPROVED':
      return { upload: 'done', checks, review: 'done', release: 'now' };
    case 'PUBLISHED':
      return { upload: 'done', checks, review: 'done', release: 'done' };
    case 'UNPUBLISHED':
    case 'SUSPENDED':
      return { upload: 'done', checks, review: 'done', release: 'stopped' };
    case 'REJECTED':
      return reviewed
        ? { upload: 'done', checks, review: 'stopped', release: 'waiting' }
        : { upload: 'done', checks: 'stopped', review: 'waiting', release: 'waiting' };
    case 'WITHDRAWN':
      if (reviewed) return { upload: 'done', checks, review: 'stopped', release: 'waiting' };
      return { upload: 'done', checks: submitted ? 'stopped' : 'waiting', review: 'waiting', release: 'waiting' };
  }
}
