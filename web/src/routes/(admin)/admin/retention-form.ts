// What the form of package retention holds, how it becomes an input, and how it differs from what is in force. Pure.

import type { RetentionPolicyFragment, UpdatePackageRetentionInput } from '#lib/graphql/generated/graphql.ts';
import { changedParts, type Difference, plainDifferences } from './setting-form.ts';

export const RETENTION_KINDS = ['supersededDays', 'neverPublishedDays', 'rejectedDays'] as const;
export type RetentionKind = (typeof RETENTION_KINDS)[number];

/** Whether packages of a kind are removed at all, and after how many days; the days outlive a change of mind. */
export type RetentionForm = Record<RetentionKind, { removed: boolean; days: string }>;
/** What the rules say, without which state of them was read. */
export type RetentionPolicy = Pick<RetentionPolicyFragment, RetentionKind>;

/** Offered where packages are kept so far: long enough for the slowest update. */
const OFFERED_DAYS = '180';

/** The form for the rules. */
export function retentionFormOf(policy: RetentionPolicy): RetentionForm {
  const part = (days: number | null) => ({ removed: days !== null, days: days === null ? OFFERED_DAYS : String(days) });
  return {
    supersededDays: part(policy.supersededDays),
    neverPublishedDays: part(policy.neverPublishedDays),
    rejectedDays: part(policy.rejectedDays),
  };
}

/** The rules that a form asks for; null keeps the packages, and what is no number becomes NaN, which the server would refuse. */
export function retentionOf(form: RetentionForm): RetentionPolicy {
  const days = (kind: RetentionKind) => (form[kind].removed ? Number(form[kind].days) : null);
  return {
    supersededDays: days('supersededDays'),
    neverPublishedDays: days('neverPublishedDays'),
    rejectedDays: days('rejectedDays'),
  };
}

/** Only what differs, with the revision that it is based on. */
export function retentionInput(before: RetentionPolicyFragment, after: RetentionPolicy): UpdatePackageRetentionInput {
  return { revision: before.revision, ...changedParts<RetentionPolicy, RetentionKind>(before, after, RETENTION_KINDS) };
}

/** What saving would change, in the order of the form. */
export function retentionDifferences(before: RetentionPolicy, after: RetentionPolicy): Difference[] {
  return plainDifferences(before, after, RETENTION_KINDS);
}
