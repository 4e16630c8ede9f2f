/** Owns the rules for what people say of a rollout: shares of devices, steps and reasons. Pure. */
import { onlyText } from '../apps/inputs.ts';
import { DomainError, invalidField } from '../errors.ts';
import type { Step } from './schedule.ts';
import { ALL_DEVICES, type Track } from './states.ts';

export const MAX_STEPS = 20;
/** The signed metadata carries a rollback's reason in no more (docs/DEVICE_PROTOCOL.md). */
export const MAX_REASON_CHARS = 500;
/** Steps further away than this are a slip of the keyboard. */
const MAX_STEP_AHEAD_MS = 366 * 86_400_000;
/** Floats such as 0.07 × 100 are off by less than this. */
const ROUNDING = 1e-6;

/** A step as a client writes it. */
export interface GivenStep {
  readonly at: Date;
  readonly percent: number;
}

/** To whom a version is offered. */
export interface RolloutPlan {
  readonly track: Track;
  readonly basisPoints: number;
  readonly steps: readonly Step[];
}

/** The same as a client says it; everybody on stable where it says nothing. */
export interface GivenPlan {
  readonly track?: Track | null | undefined;
  readonly percent?: number | null | undefined;
  readonly schedule?: readonly GivenStep[] | null | undefined;
}

/** Hundredths of a percent. Throws VALIDATION for what is not over 0 and up to 100 in steps of 0.01. */
export function parsePercent(percent: number, path: string): number {
  const exact = percent * 100;
  const basisPoints = Math.round(exact);
  if (!(basisPoints >= 1 && basisPoints <= ALL_DEVICES && Math.abs(exact - basisPoints) < ROUNDING))
    throw invalidField(path, `${path} must be more than 0 and at most 100, in steps of 0.01.`);
  return basisPoints;
}

/**
 * Steps that begin above a share: at most 20, each later than the one before and after now, each for more devices. Throws
 * VALIDATION.
 */
export function parseSteps(
  given: readonly GivenStep[],
  { above, nowMs, path }: { readonly above: number; readonly nowMs: number; readonly path: string },
): Step[] {
  if (given.length > MAX_STEPS) throw invalidField(path, `${path} may have at most ${MAX_STEPS} steps.`);
  let lastMs = nowMs;
  let last = above;
  return given.map(({ at, percent }, index) => {
    const here = `${path}.${index}`;
    const basisPoints = parsePercent(percent, `${here}.percent`);
    if (at.getTime() <= lastMs)
      throw invalidField(
        `${here}.at`,
        `${here}.at must be ${index === 0 ? 'in the future' : 'after the step before'}.`,
      );
    if (at.getTime() > nowMs + MAX_STEP_AHEAD_MS)
      throw invalidField(`${here}.at`, `${here}.at must be within a year from now.`);
    if (basisPoints <= last)
      throw invalidField(`${here}.percent`, `${here}.percent must be more than ${last / 100}: a share only grows.`);
    lastMs = at.getTime();
    last = basisPoints;
    return { at, basisPoints };
  });
}

/** What a client says of a rollout that begins. Throws VALIDATION. */
export function parsePlan(given: GivenPlan, nowMs: number): RolloutPlan {
  const basisPoints = parsePercent(given.percent ?? 100, 'input.percent');
  const steps = parseSteps(given.schedule ?? [], { above: basisPoints, nowMs, path: 'input.schedule' });
  return { track: given.track ?? 'STABLE', basisPoints, steps };
}

/** Why somebody does it, for those who are affected. Throws VALIDATION. */
export function parseReason(text: string): string {
  return onlyText(text, 'input.reason', MAX_REASON_CHARS, 1);
}

/** That a share only grows. Throws VALIDATION. */
export function requireMore(basisPoints: number, now: number): void {
  if (basisPoints > now) return;
  throw new DomainError(
    'VALIDATION',
    `input.percent must be more than ${now / 100}: a share only grows. To stop, pause or halt the rollout.`,
    { fields: [{ path: 'input.percent', message: `must be more than ${now / 100}` }] },
  );
}
