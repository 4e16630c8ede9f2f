// What the form of telemetry's retention holds, how it becomes an input, and what saving would change or remove. Pure.

import type { TelemetryRetentionFragment, UpdateTelemetryRetentionInput } from '#lib/graphql/generated/graphql.ts';
import {
  type DaysChoice,
  type Difference,
  daysChoiceOf,
  daysOf,
  plainDifferences,
  revisedInput,
} from './setting-form.ts';

export const TELEMETRY_PARTS = ['rawDays', 'aggregateDays'] as const;
export type TelemetryPart = (typeof TELEMETRY_PARTS)[number];

export type TelemetryForm = { rawDays: string; aggregateDays: DaysChoice };
/** What the rules say, without which state of them was read. */
export type TelemetryRules = Pick<TelemetryRetentionFragment, TelemetryPart>;

/** Offered where counts are kept so far: two years, so that a month can be held against the same one of the year before. */
const OFFERED_DAYS = 730;

/** The form for the rules. */
export function telemetryFormOf(rules: TelemetryRules): TelemetryForm {
  return { rawDays: String(rules.rawDays), aggregateDays: daysChoiceOf(rules.aggregateDays, OFFERED_DAYS) };
}

/** The rules that a form asks for; null keeps the counts, and what is no number becomes NaN, which the server would refuse. */
export function telemetryOf(form: TelemetryForm): TelemetryRules {
  return { rawDays: Number(form.rawDays), aggregateDays: daysOf(form.aggregateDays) };
}

/** Only what differs, with the revision that it is based on. */
export function telemetryInput(
  before: TelemetryRetentionFragment,
  after: TelemetryRules,
): UpdateTelemetryRetentionInput {
  return revisedInput<TelemetryRules, TelemetryPart>(before, after, TELEMETRY_PARTS);
}

/** What saving would change, in the order of the form. */
export function telemetryDifferences(before: TelemetryRules, after: TelemetryRules): Difference[] {
  return plainDifferences(before, after, TELEMETRY_PARTS);
}

/** Each part that is kept for less time than before, with its days: saving removes what is older, for good. */
export function shortened(before: TelemetryRules, after: TelemetryRules): { part: TelemetryPart; days: number }[] {
  return TELEMETRY_PARTS.flatMap((part) => {
    const [old, days] = [before[part] ?? Number.POSITIVE_INFINITY, after[part]];
    return days !== null && days > 0 && days < old ? [{ part, days }] : [];
  });
}
