/** Owns which updates a batch says have failed, how the notes on them stand in its answer, and how developers see them. Pure. */
import { z } from 'zod';
import type { FailureRow } from './aggregate-reader.ts';
import { MIN_SLICE_DEVICES, mergeSmallSlices, type Slice } from './anonymity.ts';
import { type IngestAnswer, PACKED_NUMBERS, type PackedEvents } from './bodies.ts';
import { keyOfEventType } from './events-schema.ts';
import { OVERFLOW_FAILURE } from './failure-tally.ts';
import { Sketch } from './sketch.ts';

/** An update that a device could not make; `day` is the UTC day since 1970. */
export interface UpdateFailure {
  readonly day: number;
  readonly versionCode: number;
  readonly reason: string;
}

/** Failed updates of one version code and reason as they are shown; both null for those shown together. */
export interface FailedUpdates {
  readonly versionCode: number | null;
  readonly reason: string | null;
  readonly count: number;
  readonly devices: number;
}

/** What a device is told of a version that it could not be updated to. */
export interface UpdateNote {
  readonly versionCode: number;
  /** The reason that it is about; null for any. */
  readonly reason: string | null;
  readonly note: string;
}

const KEY = keyOfEventType('app_update_failed');
const failed = z.object({ to_code: z.int(), reason: z.string() });

/** The failed updates among accepted events. Looks at one number of each event; next to no batch has any. */
export function failuresOf({ numbers, data }: PackedEvents): UpdateFailure[] {
  const failures: UpdateFailure[] = [];
  let from = 0;
  for (let at = 0; at < numbers.length; at += PACKED_NUMBERS) {
    const length = Math.max(0, numbers[at + 3] ?? 0);
    if (numbers[at] === KEY) {
      failures.push({ day: numbers[at + 1] ?? 0, ...failureOf(data.slice(from, from + length)) });
    }
    from += length;
  }
  return failures;
}

/** What the data of one such event, as JSON, says. */
export function failureOf(data: string): Omit<UpdateFailure, 'day'> {
  const { to_code: versionCode, reason } = failed.parse(JSON.parse(data));
  return { versionCode, reason };
}

/** Failed updates by version code and reason, most devices first; what is of too few devices is shown together, at the end. */
export function failedUpdatesOf(rows: readonly FailureRow[]): FailedUpdates[] {
  const sums = new Map<string, { count: number; readonly devices: Sketch; readonly row: FailureRow }>();
  for (const row of rows) {
    const key = `${row.versionCode} ${row.reason}`;
    const sum = sums.get(key) ?? { count: 0, devices: new Sketch(), row };
    sum.count += row.count;
    sum.devices.merge(row.devices);
    sums.set(key, sum);
  }
  const slices = [...sums].map(([key, { count, devices }]): Slice => ({ key, count, devices }));
  return mergeSmallSlices(slices, MIN_SLICE_DEVICES, () => new Sketch())
    .map(({ key, count, devices }) => {
      const row = key === null ? undefined : sums.get(key)?.row;
      const named = row === undefined || row.versionCode === OVERFLOW_FAILURE.versionCode ? null : row;
      return {
        versionCode: named?.versionCode ?? null,
        reason: named?.reason ?? null,
        count,
        devices: devices.count(),
      };
    })
    .sort((a, b) => Number(a.reason === null) - Number(b.reason === null) || b.devices - a.devices);
}

/** The answer with the notes, as devices read them (docs/DEVICE_PROTOCOL.md §7); the same answer where there is none. */
export function withNotes(answer: IngestAnswer, notes: readonly UpdateNote[]): IngestAnswer {
  if (notes.length === 0) return answer;
  return {
    ...answer,
    known_issues: notes.map(({ versionCode, reason, note }) => ({ version_code: versionCode, reason, note })),
  };
}
