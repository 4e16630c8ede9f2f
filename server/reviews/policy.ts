/** Owns what makes a person look at a version (docs/ARCHITECTURE.md, Review policy). Pure: it is given the facts. */
import { PERMISSION_REGISTRY } from '../../format/permissions.ts';

export const REVIEW_REASONS = [
  'FIRST_APP',
  'DANGEROUS_PERMISSION',
  'NEW_PERMISSION',
  'CHECK_WARNING',
  'CHECK_CRASHED',
  'USER_REPORTS',
  'APPEAL',
  'SAMPLE',
  'RESCAN',
] as const;
export type ReviewReason = (typeof REVIEW_REASONS)[number];

/** What the policy looks at when the checks have ended without an error. */
export interface PolicyFacts {
  /** Whether any app of the developer was ever published. */
  readonly hasPublishedApp: boolean;
  readonly permissions: readonly string[];
  /** Permissions of the last approved version of the app; null when there is none. */
  readonly lastApprovedPermissions: readonly string[] | null;
  readonly warnings: number;
  readonly crashed: boolean;
  /** Open reports by different signed-in accounts. */
  readonly openReports: number;
  /** Different accounts whose reports together send the next version to a person: a setting. */
  readonly reportsToReview: number;
  /** Whether a reviewer has upheld a report of the app, and no version was approved by a person since. */
  readonly reportUpheld: boolean;
}

/** The reasons for a person to look; empty means the version is approved by the checks alone. */
export function reasonsToReview(facts: PolicyFacts): ReviewReason[] {
  const before = new Set(facts.lastApprovedPermissions ?? []);
  const isNew = (name: string) => !before.has(name);
  const reasons: ReviewReason[] = [];
  if (!facts.hasPublishedApp) reasons.push('FIRST_APP');
  if (facts.permissions.some(isDangerous)) reasons.push('DANGEROUS_PERMISSION');
  if (facts.lastApprovedPermissions !== null && facts.permissions.some(isNew)) reasons.push('NEW_PERMISSION');
  if (facts.warnings > 0) reasons.push('CHECK_WARNING');
  if (facts.crashed) reasons.push('CHECK_CRASHED');
  if (facts.openReports >= facts.reportsToReview || facts.reportUpheld) reasons.push('USER_REPORTS');
  return reasons;
}

/**
 * How many different reviewers must approve: two where a dangerous permission is asked for that no approved version of the
 * app had, if the setting says so.
 */
export function approvalsNeeded(facts: {
  readonly secondApproval: boolean;
  readonly permissions: readonly string[];
  /** Every permission that an approved version of the app has asked for. */
  readonly approvedPermissions: ReadonlySet<string>;
}): number {
  const isFirst = (name: string) => isDangerous(name) && !facts.approvedPermissions.has(name);
  return facts.secondApproval && facts.permissions.some(isFirst) ? 2 : 1;
}

/** A permission this server does not know is treated as dangerous. */
function isDangerous(name: string): boolean {
  const known = Object.entries(PERMISSION_REGISTRY).find(([permission]) => permission === name);
  return known?.[1].level !== 'normal';
}
