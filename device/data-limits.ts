/** Owns how much of an app's data a device looks at when it copies it before an update. It touches no file. */
import type { Stats } from 'node:fs';

/**
 * Beyond these no copy is kept and the update goes on: an app must not stop its own updates by what it lays out, and holes and
 * entries cost it nothing. What takes up room on the disk has no limit but the room that is left.
 */
export const DATA_LIMITS = Object.freeze({
  /** Files, folders and whatever else has a name. */
  entries: 100_000,
  /** Bytes that files say they have beyond those that the disk holds for them; a hole is found by reading it, a second or so each GiB. */
  holeBytes: 4 * 1024 ** 3,
});

/** `stat` counts in this unit, whatever the file system's own is. */
const BLOCK_BYTES = 512;

/** Thrown inside of a copy that is given up; callers of the copy never see it. */
export class DataTooLarge extends Error {
  override readonly name = 'DataTooLarge';
}

/** Counts what is looked at. Throws DataTooLarge at the first entry or file beyond the limits. */
export interface DataTally {
  entry(): void;
  file(facts: Pick<Stats, 'size' | 'blocks'>): void;
  /** Bytes that the disk holds for the files so far: what a copy that keeps holes takes. */
  readonly allocatedBytes: number;
}

export function createDataTally(limits: { readonly entries: number; readonly holeBytes: number }): DataTally {
  let entries = 0;
  let holeBytes = 0;
  let allocatedBytes = 0;
  return {
    entry() {
      entries += 1;
      if (entries > limits.entries) throw new DataTooLarge(`more than ${limits.entries} files and folders`);
    },
    file({ size, blocks }) {
      const allocated = blocks * BLOCK_BYTES;
      allocatedBytes += allocated;
      holeBytes += Math.max(0, size - allocated);
      if (holeBytes > limits.holeBytes) throw new DataTooLarge(`more than ${limits.holeBytes} bytes of holes`);
    },
    get allocatedBytes() {
      return allocatedBytes;
    },
  };
}
