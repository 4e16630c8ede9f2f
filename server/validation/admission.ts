/**
 * Owns how many packages are open at once, by the memory they take: what they unpack to, or might, while nobody knows yet. It
 * knows nothing of threads.
 */

/** Deflate makes at most 1,032 bytes of one. */
const MAX_RATIO = 1032;
/** A package that does not fit is passed by so many others; then they wait behind it. */
const MAX_PASSED_BY = 8;

export interface AdmissionOptions {
  /** Bytes that all open packages together may take; one alone may take more. */
  readonly maxOpenBytes: number;
  /** What no package unpacks beyond. */
  readonly maxUnpackedBytes: number;
}

export interface Place {
  /** Says what the package has unpacked to: the rest of the room is for others. */
  shrink(unpackedBytes: number): void;
  /** Gives the place back, also while it is still waited for; a second call does nothing. */
  leave(): void;
}

interface Waiting {
  bytes: number;
  readonly urgent: boolean;
  passedBy: number;
  readonly enter: () => void;
}

export function createAdmission({ maxOpenBytes, maxUnpackedBytes }: AdmissionOptions) {
  const open = new Set<Waiting>();
  let line: Waiting[] = [];

  function look(): void {
    let used = [...open].reduce((sum, one) => sum + one.bytes, 0);
    const passed: Waiting[] = [];
    for (const one of [...line].sort((a, b) => Number(b.urgent) - Number(a.urgent))) {
      if (passed.some(({ passedBy }) => passedBy >= MAX_PASSED_BY)) break;
      if (open.size > 0 && used + one.bytes > maxOpenBytes) {
        passed.push(one);
        continue;
      }
      for (const other of passed) other.passedBy += 1;
      used += one.bytes;
      open.add(one);
      line = line.filter((other) => other !== one);
      one.enter();
    }
  }

  return {
    /** Waits in line for room; `enter` is called once there is, at once or later. Urgent packages are let in first. */
    enter(packedBytes: number, urgent: boolean, enter: () => void): Place {
      // While it is read, the package and what it unpacks to are both in memory.
      const bytes = packedBytes + Math.min(maxUnpackedBytes, packedBytes * MAX_RATIO);
      const one: Waiting = { bytes, urgent, passedBy: 0, enter };
      line.push(one);
      look();
      return {
        shrink(unpackedBytes) {
          one.bytes = Math.min(one.bytes, unpackedBytes);
          look();
        },
        leave() {
          line = line.filter((other) => other !== one);
          open.delete(one);
          look();
        },
      };
    },
  };
}
