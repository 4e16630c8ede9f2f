/** Owns a memory of things that have a size: bounded in bytes, the longest unused dropped first. What they are it does not know. */

export interface ByteCache<Value> {
  /** The value, which counts as used now. */
  get(key: string): Value | undefined;
  /** Keeps the value in place of one of the same key. False where it is too large, or nothing that makes room may go. */
  set(key: string, value: Value): boolean;
  delete(key: string): void;
  clear(): void;
  /** Bytes held now. */
  bytes(): number;
}

export interface ByteCacheOptions<Value> {
  /** Bytes of all values together. */
  readonly maxBytes: number;
  /** Bytes of one value; all that there are when it is left out. */
  readonly maxValueBytes?: number;
  /** Bytes that a value takes; the same each time it is asked. */
  readonly sizeOf: (value: Value, key: string) => number;
  /** Whether a value may go now; all may when it is left out. */
  readonly mayGo?: (value: Value) => boolean;
}

/** Makes an empty memory. */
export function createByteCache<Value>(options: ByteCacheOptions<Value>): ByteCache<Value> {
  const { maxBytes, maxValueBytes = maxBytes, sizeOf, mayGo = () => true } = options;
  /** The longest unused first. */
  const held = new Map<string, Value>();
  let bytes = 0;

  function drop(key: string): void {
    const value = held.get(key);
    if (value === undefined) return;
    held.delete(key);
    bytes -= sizeOf(value, key);
  }

  /** Whether so many bytes fit, after what is longest unused has gone. */
  function makeRoom(size: number): boolean {
    for (const [key, value] of held) {
      if (bytes + size <= maxBytes) return true;
      if (mayGo(value)) drop(key);
    }
    return bytes + size <= maxBytes;
  }

  return {
    get(key) {
      const value = held.get(key);
      if (value === undefined) return undefined;
      held.delete(key);
      held.set(key, value);
      return value;
    },
    set(key, value) {
      drop(key);
      const size = sizeOf(value, key);
      if (size > maxValueBytes || !makeRoom(size)) return false;
      held.set(key, value);
      bytes += size;
      return true;
    },
    delete: drop,
    clear() {
      held.clear();
      bytes = 0;
    },
    bytes: () => bytes,
  };
}
