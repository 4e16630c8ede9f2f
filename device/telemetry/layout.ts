/** Owns the names, limits and forms of what waits in `state/telemetry/`. It reads and writes nothing. */
import { createHash } from 'node:crypto';
import { z } from 'zod';

export const QUEUE_LIMITS = Object.freeze({
  /** Events of a batch; the server takes no more (docs/DEVICE_PROTOCOL.md §7). */
  maxBatchEvents: 500,
  /** JSON of a batch's events; the server takes bodies of 256 KiB. */
  maxBatchBytes: 192 * 1024,
  /** One event as it stands in the log. */
  maxEventBytes: 16 * 1024,
  /** An app's log of open events; a longer one becomes batches although there is no network. */
  maxOpenBytes: 256 * 1024,
  /** Batches and crash reports that wait; past either bound the oldest goes. */
  maxReports: 200,
  maxBytes: 4 * 1024 * 1024,
  /** Damaged files that are kept to be looked at. */
  maxSetAside: 5,
  /** A count of dropped events; the server takes no higher one. */
  maxDropped: 1_000_000_000,
});

export const DROP_REASONS = ['queue_full', 'too_old', 'refused', 'damaged'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

const count = z.int().min(1).max(QUEUE_LIMITS.maxDropped).exactOptional();
/** Events that were dropped, by reason, as a batch tells the server of them. */
export const Losses = z.strictObject({ queue_full: count, too_old: count, refused: count, damaged: count });
export type Losses = z.infer<typeof Losses>;

/** The sum of two accounts, each count at most what the server takes. */
export function sumOfLosses(one: Losses, other: Losses): Losses {
  const sum: { -readonly [Reason in DropReason]?: number } = {};
  for (const reason of DROP_REASONS) {
    const total = (one[reason] ?? 0) + (other[reason] ?? 0);
    if (total > 0) sum[reason] = Math.min(QUEUE_LIMITS.maxDropped, total);
  }
  return sum;
}

/** One line of the log: what happened, in which version, and whether the user had agreed to usage events then. */
export const LoggedEvent = z.object({
  type: z.string(),
  at: z.string(),
  data: z.record(z.string(), z.unknown()).exactOptional(),
  app_version: z.string(),
  version_code: z.int(),
  consent: z.boolean(),
});
export type LoggedEvent = z.infer<typeof LoggedEvent>;

/** A batch or a crash report that waits. */
export const Report = z.object({
  path: z.enum(['/v1/telemetry/events', '/v1/telemetry/crash']),
  /** When it was sent for the first time, by this device's clock: the server may have it since. */
  firstSentAt: z.iso.datetime().nullable(),
  body: z.record(z.string(), z.unknown()),
});
export type Report = z.infer<typeof Report>;

/** What a report's name says, so that a damaged one can still be counted. */
export interface ReportName {
  readonly name: string;
  /** Place in the queue: no clock decides what is oldest. */
  readonly place: number;
  /** Events in it; 1 for a crash. */
  readonly count: number;
  readonly packageId: string;
  readonly id: string;
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const REPORT = new RegExp(`^(\\d{12})\\.(\\d{1,3})\\.(.+)\\.(${UUID})\\.report\\.json$`);
const SEALED = new RegExp(`^(.+)\\.(${UUID})\\.sealed\\.jsonl$`);
const TAKEN = new RegExp(`^(.+)\\.(${UUID})\\.taken\\.json$`);

export const openName = (packageId: string) => `${packageId}.open.jsonl`;
export const sealedName = (packageId: string, sealId: string) => `${packageId}.${sealId}.sealed.jsonl`;
/** Losses that the first batch of a sealed log tells of. */
export const takenName = (packageId: string, sealId: string) => `${packageId}.${sealId}.taken.json`;
export const lossesName = (packageId: string) => `${packageId}.dropped.json`;
export const reportName = ({ place, count: events, packageId, id }: Omit<ReportName, 'name'>) =>
  `${String(place).padStart(12, '0')}.${events}.${packageId}.${id}.report.json`;
/** The folder of damaged files. */
export const SET_ASIDE = 'damaged';

/** The app of a log of open events, or null for another file. */
export function parseOpenName(name: string): string | null {
  return name.endsWith('.open.jsonl') ? name.slice(0, -'.open.jsonl'.length) : null;
}

export function parseSealedName(name: string): { packageId: string; sealId: string } | null {
  const [, packageId, sealId] = SEALED.exec(name) ?? [];
  return packageId === undefined || sealId === undefined ? null : { packageId, sealId };
}

export function parseTakenName(name: string): { packageId: string; sealId: string } | null {
  const [, packageId, sealId] = TAKEN.exec(name) ?? [];
  return packageId === undefined || sealId === undefined ? null : { packageId, sealId };
}

export function parseLossesName(name: string): string | null {
  return name.endsWith('.dropped.json') ? name.slice(0, -'.dropped.json'.length) : null;
}

export function parseReportName(name: string): ReportName | null {
  const [, place, events, packageId, id] = REPORT.exec(name) ?? [];
  if (packageId === undefined || id === undefined) return null;
  return { name, place: Number(place), count: Number(events), packageId, id };
}

/** Files that a kill left half written; nothing refers to them. */
export const isTemporary = (name: string) => name.startsWith('.') && name.endsWith('.tmp');

/** The value of a JSON text, or undefined for another text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A UUID (version 8: of our own making) that the same words always get. */
export function uuidOf(words: string): string {
  const hex = createHash('sha256').update(words).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
