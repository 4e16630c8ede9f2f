// Owns the making of ids: UUID version 7 (RFC 9562 section 5.7), made by the application so that no database has to.
import { randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';

/** Source of new ids. */
export type Ids = {
  /** A new UUID v7, lower case; ids of one source sort in the order in which they were made. */
  next(): string;
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether the text has the form of an id (a lower-case UUID); for refusing garbage before it reaches a query. */
export function isId(text: string): boolean {
  return UUID.test(text);
}

const POOL_BYTES = 4_096;

/** Random bytes cut from a larger piece: each call of the system's generator costs more than an id. No byte is given twice. */
function pooledRandom(): (size: number) => Uint8Array {
  let pool: Uint8Array = new Uint8Array(0);
  let used = 0;
  return (size) => {
    if (used + size > pool.length) {
      pool = randomBytes(Math.max(POOL_BYTES, size));
      used = 0;
    }
    used += size;
    return pool.subarray(used - size, used);
  };
}

/**
 * Ids that never go backwards: within one millisecond, or when the clock steps back, a 12-bit counter and then the
 * millisecond itself move on (RFC 9562 section 6.2, method 1). `random` must return the asked number of random bytes.
 */
export function createIds(clock: Clock, random: (size: number) => Uint8Array = pooledRandom()): Ids {
  let lastMs = 0;
  let counter = 0;
  return {
    next() {
      const bytes = Buffer.from(random(16));
      const nowMs = clock.ms();
      if (nowMs > lastMs) {
        lastMs = nowMs;
        // Half of the counter's range stays free for the rest of the millisecond.
        counter = bytes.readUInt16BE(6) & 0x07ff;
      } else if (counter < 0x0fff) {
        counter += 1;
      } else {
        lastMs += 1;
        counter = 0;
      }
      bytes.writeUIntBE(lastMs, 0, 6);
      bytes.writeUInt16BE(0x7000 | counter, 6);
      bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
      const hex = bytes.toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
  };
}
