/** Owns how long the bytes of packages are kept that no device is led to, as a setting. settings/service keeps its history. */
import { z } from 'zod';
import type { Database, Tx } from '../platform/db/database.ts';
import { readSetting } from '../settings/stored.ts';

const LEAST_DAYS = 7;
const MOST_DAYS = 3_650;
const within = `must be from ${LEAST_DAYS} to ${MOST_DAYS}, or null to keep them`;
const days = () =>
  z.int('must be a whole number').min(LEAST_DAYS, within).max(MOST_DAYS, within).nullable().default(null);

export const packageRetentionSchema = z.object({
  /** Days after a newer version took a published one's place for every device; null keeps its package. */
  supersededDays: days(),
  /** Days after the last act on a version that was approved or withdrawn and never published. */
  neverPublishedDays: days(),
  /** Days after the last act on a rejected version; its appeal is over then. */
  rejectedDays: days(),
});
export type PackageRetention = z.output<typeof packageRetentionSchema>;

export const PACKAGE_RETENTION_KEY = 'package-retention';
/** The rules as settings/service keeps them. */
export const PACKAGE_RETENTION = { key: PACKAGE_RETENTION_KEY, schema: packageRetentionSchema } as const;

/** The rules in force. */
export function readPackageRetention(tx: Tx | Database['prisma']): Promise<PackageRetention> {
  return readSetting(tx, PACKAGE_RETENTION);
}
