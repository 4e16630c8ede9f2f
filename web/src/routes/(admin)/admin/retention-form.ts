// What the form of package retention holds, how it becomes an input, and how it differs from what is in force. Pure.

import type { RetentionPolicyFragment, UpdatePackageRetentionInput } from '#lib/graphql/generated/graphql.ts';
import {
  type DaysChoice,
  type Difference,
  daysChoiceOf,
  daysOf,
  plainDifferences,
  revisedInput,
} from './setting-form.ts';

export const RETENTION_KINDS = ['supersededDays', 'neverPublishedDays', 'rejectedDays'] as const;
export type RetentionKind = (typeof RETENTION_KINDS)[number];

export type RetentionForm = Record<RetentionKind, DaysChoice>;
/** What the rules say, without which state of them was read. */
export type RetentionPolicy = Pick<RetentionPolicyFragment, RetentionKind>;

/** Offered where packages are kept so far: long enough for the slowest update. */
const OFFERED_DAYS = 180;

/** The form for the rules. */
export function retentionFormOf(policy: RetentionPolicy): RetentionForm {
  return {
    supersededDays: daysChoiceOf(policy.supersededDays, OFFERED_DAYS),
    neverPublishedDays: daysChoiceOf(policy.neverPublishedDays, OFFERED_DAYS),
    rejectedDays: daysChoiceOf(policy.rejectedDays, OFFERED_DAYS),
  };
}

/** The rules that a form asks for; null keeps the packages. */
export function retentionOf(form: RetentionForm): RetentionPolicy {
  return {
    supersededDays: daysOf(form.supersededDays),
    neverPublishedDays: daysOf(form.neverPublishedDays),
    rejectedDays: daysOf(form.rejectedDays),
  };
}

/** Only what differs, with the revision that it is based on. */
export function retentionInput(before: RetentionPolicyFragment, after: RetentionPolicy): UpdatePackageRetentionInput {
  return revisedInput<RetentionPolicy, RetentionKind>(before, after, RETENTION_KINDS);
}

/** What saving would change, in the order of the form. */
export function retentionDifferences(before: RetentionPolicy, after: RetentionPolicy): Difference[] {
  return plainDifferences(before, after, RETENTION_KINDS);
}
