/** Owns the steps of a rollout that are still to come: how they are stored, and how they move. Pure. */
import { z } from 'zod';
import type { JsonValue } from '../platform/json.ts';

/** A share of devices that is reached at a time. */
export interface Step {
  readonly at: Date;
  /** Hundredths of a percent. */
  readonly basisPoints: number;
}

/** A step carried out later than this moves those after it: each share is to be watched for as long as it was planned. */
export const LATE_MS = 10 * 60_000;

const Stored = z.array(z.object({ at: z.iso.datetime(), basisPoints: z.int().min(1).max(10_000) }));

/** Reads the column. Throws for what this file did not write, which would be a fault of ours. */
export function readSteps(column: unknown): Step[] {
  return Stored.parse(column).map(({ at, basisPoints }) => ({ at: new Date(at), basisPoints }));
}

/** What the column holds of them. */
export function writeSteps(steps: readonly Step[]): JsonValue & object[] {
  return steps.map(({ at, basisPoints }) => ({ at: at.toISOString(), basisPoints }));
}

/** The steps that still lie above a share. */
export function stepsAbove(steps: readonly Step[], basisPoints: number): Step[] {
  return steps.filter((step) => step.basisPoints > basisPoints);
}

/** The same steps, later. */
export function delayed(steps: readonly Step[], byMs: number): Step[] {
  return steps.map(({ at, basisPoints }) => ({ at: new Date(at.getTime() + byMs), basisPoints }));
}

/**
 * The steps after a pause. Where one came due while nothing could be raised, all are moved by the length of the pause, so that
 * none is jumped and each share is watched for as long as planned; else the calendar stands.
 */
export function stepsAfterPause(steps: readonly Step[], pause: { sinceMs: number; nowMs: number }): Step[] {
  const [first] = steps;
  if (first === undefined || first.at.getTime() > pause.nowMs) return [...steps];
  return delayed(steps, Math.max(0, pause.nowMs - pause.sinceMs));
}

/** The step that is due, with those that follow it; null where none is. A late step moves those after it by as much. */
export function dueStep(steps: readonly Step[], nowMs: number): { step: Step; rest: Step[]; lateMs: number } | null {
  const [step, ...rest] = steps;
  if (step === undefined || step.at.getTime() > nowMs) return null;
  const lateMs = nowMs - step.at.getTime();
  return lateMs > LATE_MS ? { step, rest: delayed(rest, lateMs), lateMs } : { step, rest, lateMs: 0 };
}
