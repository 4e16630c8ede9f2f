/**
 * Owns the buffers that downloads read into: large while few are out, small beyond that, so that many readers at once cost
 * little memory. They are used again while few are free, and left to the collector beyond that.
 */

export interface Buffers {
  /** A large buffer while fewer than `maxLarge` are out, else a small one. */
  take(): Buffer;
  /** Takes back a buffer that nothing writes to or sends from any more. */
  giveBack(buffer: Buffer): void;
  /** Says that a buffer will not come back: the system may still be sending from it. */
  abandon(buffer: Buffer): void;
  /** Buffers that wait for use. */
  free(): number;
}

export interface BuffersOptions {
  /** Bytes of a large buffer, which few readers get. */
  readonly size: number;
  /** Bytes of a small one. */
  readonly smallSize: number;
  /** Large buffers that are out at once. */
  readonly maxLarge: number;
  /** Unused buffers kept of each size. */
  readonly maxFree: number;
}

/** Makes the buffers; the memory of those out is at most `maxLarge` large ones and a small one for each further reader. */
export function createBuffers({ size, smallSize, maxLarge, maxFree }: BuffersOptions): Buffers {
  const free = new Map<number, Buffer[]>([
    [size, []],
    [smallSize, []],
  ]);
  let largeOut = 0;

  function settle(buffer: Buffer): void {
    if (buffer.length === size) largeOut -= 1;
  }

  return {
    take() {
      const wanted = largeOut < maxLarge ? size : smallSize;
      if (wanted === size) largeOut += 1;
      // Not from Node's shared pool: a buffer of this size is a slab of its own, never cleared because it is read into first.
      return free.get(wanted)?.pop() ?? Buffer.allocUnsafeSlow(wanted);
    },
    giveBack(buffer) {
      settle(buffer);
      const kept = free.get(buffer.length);
      if (kept !== undefined && kept.length < maxFree) kept.push(buffer);
    },
    abandon: settle,
    free: () => [...free.values()].reduce((sum, kept) => sum + kept.length, 0),
  };
}
