/** Owns the accounting of events that never counted: dropped by the device, or rejected here. Pure. */
import { z } from 'zod';

/** Why a device dropped events before it sent them. Lower case as on the wire; a rejection's reasons are upper case. */
export const DROP_REASONS = ['queue_full', 'too_old', 'refused', 'damaged'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Events of one drop reason that a batch may tell of. */
const MAX_DROPPED = 1_000_000_000;
const count = z.int().min(1).max(MAX_DROPPED).optional();

/** What a batch may say about events that its device dropped since its last batch of this app. */
export const droppedField = z
  .strictObject({ queue_full: count, too_old: count, refused: count, damaged: count } satisfies Record<
    DropReason,
    typeof count
  >)
  .optional();

/** Events lost by reason; stored with the batch as JSON, null where nothing was lost. */
export type Losses = Readonly<Record<string, number>>;

/** What a batch lost: what its device dropped and what was rejected here, by reason. */
export function lossesOf(
  dropped: Readonly<Partial<Record<DropReason, number | undefined>>> | undefined,
  rejected: readonly { readonly reason: string }[],
): Losses | null {
  if (dropped === undefined && rejected.length === 0) return null;
  const losses: Record<string, number> = {};
  for (const { reason } of rejected) losses[reason] = (losses[reason] ?? 0) + 1;
  for (const reason of DROP_REASONS) {
    const lost = dropped?.[reason];
    if (lost !== undefined) losses[reason] = lost;
  }
  return Object.keys(losses).length === 0 ? null : losses;
}

/** Lost events of one reason, for the app's developer. */
export interface LossCount<Reason extends string> {
  readonly reason: Reason;
  readonly count: number;
}

/** The counts of the reasons in `known`; others are of the other side. */
export function countsOf<Reason extends string>(
  known: readonly Reason[],
  rows: readonly { readonly reason: string; readonly count: number }[],
): LossCount<Reason>[] {
  return known.flatMap((reason) => {
    const row = rows.find((one) => one.reason === reason);
    return row === undefined ? [] : [{ reason, count: row.count }];
  });
}

const storedLosses = z.record(z.string(), z.int().min(0));

/** Reads the stored form. Throws for text that is none. */
export function parseLosses(text: string): Losses {
  return storedLosses.parse(JSON.parse(text));
}
