/** Owns the closed sets of reports and the one statement that settles those of an app together. */
import type { Tx } from '../platform/db/database.ts';

export const REPORT_REASONS = ['MALWARE', 'PRIVACY', 'SCAM', 'COPYRIGHT', 'OFFENSIVE', 'BROKEN', 'OTHER'] as const;
export type ReportReason = (typeof REPORT_REASONS)[number];
export const REPORT_STATES = ['OPEN', 'UPHELD', 'DISMISSED'] as const;

/** Settles the open reports of an app with one decision, those made `until` then where given; answers how many. */
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
  const where = { appId, state: 'OPEN', ...(until === undefined ? {} : { createdAt: { lte: until } }) };
  return (await tx.report.updateMany({ where, data: decision })).count;
}
