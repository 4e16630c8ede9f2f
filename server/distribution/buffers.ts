/** Owns the buffers that downloads read into: used again while few are free, left to the collector beyond that. */

export interface Buffers {
  /** Bytes of one buffer. */
  readonly size: number;
  take(): Buffer;
  /** Gives back a buffer that nothing writes to or sends from any more. */
  giveBack(buffer: Buffer): void;
  /** Buffers that wait for use. */
  free(): number;
}

/** Keeps at most `maxFree` unused buffers of `size` bytes. */
export function createBuffers({ size, maxFree }: { size: number; maxFree: number }): Buffers {
  const free: Buffer[] = [];
  return {
    size,
    // Not from Node's shared pool: a buffer of this size is a slab of its own, never cleared because it is read into first.
    take: () => free.pop() ?? Buffer.allocUnsafeSlow(size),
    giveBack(buffer) {
      if (free.length < maxFree) free.push(buffer);
    },
    free: () => free.length,
  };
}
