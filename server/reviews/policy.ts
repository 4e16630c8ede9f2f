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
  /** Whether a reviewer has upheld a report of the app. */
  readonly reportUpheld: boolean;
}

/** Different accounts whose reports together send the next version to a person. */
export const REPORTS_TO_REVIEW = 3;

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
  if (facts.openReports >= REPORTS_TO_REVIEW || facts.reportUpheld) reasons.push('USER_REPORTS');
  return reasons;
}

/** A permission this server does not know is treated as dangerous. */
function isDangerous(name: string): boolean {
  const known = Object.entries(PERMISSION_REGISTRY).find(([permission]) => permission === name);
  return known?.[1].level !== 'normal';
}
