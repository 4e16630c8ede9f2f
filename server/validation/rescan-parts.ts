/** Owns what the parts of a rescan share: what they work with, the job's key and its payload. */
import { z } from 'zod';
import type { AppVersion } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import type { CheckWorker } from './check-worker.ts';
import type { ContextCheck } from './context-checks.ts';
import type { SubmittedVersion } from './service.ts';

export const RESCAN_STATES = ['RUNNING', 'DONE', 'CANCELLED', 'FAILED'] as const;
export type RescanState = (typeof RESCAN_STATES)[number];

/** A published version, as a review of it needs it. */
export type RescannedVersion = AppVersion & { readonly app: { readonly packageId: string } };

export interface RescanOptions {
  readonly db: Database;
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly worker: Pick<CheckWorker, 'inspect'>;
  /** The checks that need the database, as for a submission. */
  readonly contextChecks: readonly ContextCheck[];
  /** The rule set that runs now, as rescans name it. */
  readonly ruleset: string;
  /** Where the bytes of a version lie. */
  readonly packageFile: (version: SubmittedVersion) => Promise<string>;
  /** Has a person look at a flagged version, in the transaction that flags it; one review while one is open. */
  readonly openReview: (unit: Unit, version: RescannedVersion) => Promise<unknown>;
  /** Milliseconds between two looks whether submissions wait; default 250. */
  readonly yieldMs?: number;
}

const rescanJobSchema = z.object({ rescanId: z.string() });

/** The rescan a job is about; throws for a payload that no version of this server wrote. */
export function parseRescanJob(payload: unknown): string {
  return rescanJobSchema.parse(payload).rescanId;
}

/** The key of the one job that does a rescan. */
export function rescanJobKey(rescanId: string): string {
  return `rescan:${rescanId}`;
}
