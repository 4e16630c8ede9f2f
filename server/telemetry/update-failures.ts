/** Owns which updates a batch says have failed, and how the notes on them stand in its answer. Pure. */
import { z } from 'zod';
import { type IngestAnswer, PACKED_NUMBERS, type PackedEvents } from './bodies.ts';
import { keyOfEventType } from './events-schema.ts';

/** An update that a device could not make. */
export interface UpdateFailure {
  readonly versionCode: number;
  readonly reason: string;
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
      const { to_code: versionCode, reason } = failed.parse(JSON.parse(data.slice(from, from + length)));
      failures.push({ versionCode, reason });
    }
    from += length;
  }
  return failures;
}

/** The answer with the notes, as devices read them (docs/DEVICE_PROTOCOL.md §7); the same answer where there is none. */
export function withNotes(answer: IngestAnswer, notes: readonly UpdateNote[]): IngestAnswer {
  if (notes.length === 0) return answer;
  return {
    ...answer,
    known_issues: notes.map(({ versionCode, reason, note }) => ({ version_code: versionCode, reason, note })),
  };
}
