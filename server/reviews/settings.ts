/** Owns the review settings: their defaults and how they are read. Changes are kept with their history in `settings`. */
import { z } from 'zod';
import type { Database, Tx } from '../platform/db/database.ts';

const reviewSettingsSchema = z.object({
  /** Hours from submission to the due time. */
  serviceLevelHours: z.number().min(1).max(720).default(24),
  /** Minutes a claim holds without being renewed. */
  leaseMinutes: z.number().min(1).max(240).default(30),
  /** Share of automatically approved versions that a reviewer looks at afterwards, 0 to 1. */
  sampleShare: z.number().min(0).max(1).default(0.05),
});
export type ReviewSettings = z.output<typeof reviewSettingsSchema>;

export const REVIEW_SETTINGS_KEY = 'reviews';

/** The settings in force. */
export async function readReviewSettings(tx: Tx | Database['prisma']): Promise<ReviewSettings> {
  const row = await tx.setting.findUnique({ where: { key: REVIEW_SETTINGS_KEY } });
  return reviewSettingsSchema.parse(row?.value ?? {});
}
