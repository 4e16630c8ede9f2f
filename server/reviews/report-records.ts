/** Owns the closed sets of reports, the one statement that settles those of an app together, and until when one that was upheld counts. */
import type { Database, Tx } from '../platform/db/database.ts';
import { DECIDING_KINDS } from './kinds.ts';

export const REPORT_REASONS = ['MALWARE', 'PRIVACY', 'SCAM', 'COPYRIGHT', 'OFFENSIVE', 'BROKEN', 'OTHER'] as const;
export type ReportReason = (typeof REPORT_REASONS)[number];
export const REPORT_STATES = ['OPEN', 'UPHELD', 'DISMISSED'] as const;

/**
 * Settles the open reports of an app with one decision, those made `until` then where given; answers how many. What the
 * reviewer reported stays open: nobody decides about their own report.
 */
export async function settleReports(
  tx: Tx,
  appId: string,
  {
    until,
    ...decision
  }: {
    readonly state: 'UPHELD' | 'DISMISSED';
    readonly decidedById: string;
    readonly decisionNote: string | null;
    readonly decidedAt: Date;
    readonly until?: Date;
  },
): Promise<number> {
  const made = until === undefined ? {} : { createdAt: { lte: until } };
  const where = { appId, state: 'OPEN', reporterId: { not: decision.decidedById }, ...made };
  return (await tx.report.updateMany({ where, data: decision })).count;
}

/** Whether a reviewer upheld a report of the app and no later version has been approved by a person since. */
export async function upheldStillCounts(tx: Tx | Database['prisma'], appId: string): Promise<boolean> {
  const upheld = await tx.report.findFirst({
    where: { appId, state: 'UPHELD' },
    orderBy: { decidedAt: 'desc' },
    select: { decidedAt: true },
  });
  if (upheld === null) return false;
  const since = await tx.review.count({
    where: {
      version: { appId },
      kind: { in: [...DECIDING_KINDS] },
      decision: 'APPROVED',
      decidedAt: { gt: upheld.decidedAt ?? new Date(0) },
    },
  });
  return since === 0;
}
