/** Owns the column that holds what the guard compared last, and whether a person has overruled it for good. Pure. */
import { z } from 'zod';
import type { JsonObject } from '../platform/json.ts';

export const ROLLOUT_VERDICTS = ['TOO_FEW_DEVICES', 'NO_WORSE', 'WORSE', 'NOTHING_TO_COMPARE'] as const;
export type RolloutVerdict = (typeof ROLLOUT_VERDICTS)[number];

const number = z.number().nullable().default(null);

const Judgement = z.object({
  at: z.iso.datetime(),
  verdict: z.enum(ROLLOUT_VERDICTS),
  /** Devices looked at that run the version. */
  devices: z.int().min(0),
  crashFreePercent: number,
  previousVersion: z.string().max(64).nullable().default(null),
  previousDevices: z.int().min(0).nullable().default(null),
  previousCrashFreePercent: number,
  /** Percentage points: the lower bound of the difference. */
  worseByAtLeast: number,
});

/** What the guard found last; times are ISO 8601. The defaults stand for what could not be compared. */
export type GuardJson = z.input<typeof Judgement>;
/** The same as it is read. */
export type GuardJudgement = z.output<typeof Judgement>;

const Column = z.object({ judgement: Judgement.nullable(), overruledAt: z.iso.datetime().nullable() });

/** Reads the column. Throws for what this file did not write, which would be a fault of ours. */
export function readGuard(column: unknown): z.output<typeof Column> {
  return column === null ? { judgement: null, overruledAt: null } : Column.parse(column);
}

/** The column with a new judgement; that a person overruled the guard stays. */
export function judged(column: unknown, judgement: GuardJson): JsonObject {
  return { ...readGuard(column), judgement: Judgement.parse(judgement) };
}

/** The column once a person resumed what the guard paused. */
export function overruled(column: unknown, at: Date): JsonObject {
  return { ...readGuard(column), overruledAt: at.toISOString() };
}
