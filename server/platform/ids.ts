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

/** Random bytes asked for at once: each call of the system's generator costs more than an id. No byte is used twice. */
const POOL_BYTES = 4_096;
/** What of an id is random and not the counter. */
const RANDOM_BYTES = 8;
/** Each byte in two digits. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * Ids that never go backwards: within one millisecond, or when the clock steps back, a 12-bit counter and then the
 * millisecond itself move on (RFC 9562 section 6.2, method 1). `random` must return the asked number of random bytes.
 */
export function createIds(clock: Clock, random: (size: number) => Uint8Array = randomBytes): Ids {
  let lastMs = 0;
  let counter = 0;
  /** The millisecond as the id begins with it. */
  let time = '';
  let pool = new Uint8Array(0);
  let used = 0;

  function nextByte(): number {
    if (used === pool.length) {
      pool = Uint8Array.from(random(POOL_BYTES));
      used = 0;
    }
    used += 1;
    return pool[used - 1] ?? 0;
  }

  function moveTo(ms: number): void {
    lastMs = ms;
    const digits = ms.toString(16).padStart(12, '0');
    time = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
  }

  return {
    next() {
      const nowMs = clock.ms();
      if (nowMs > lastMs) {
        moveTo(nowMs);
        // Half of the counter's range stays free for the rest of the millisecond.
        counter = ((nextByte() << 8) | nextByte()) & 0x07ff;
      } else if (counter < 0x0fff) {
        counter += 1;
      } else {
        moveTo(lastMs + 1);
        counter = 0;
      }
      const count = (HEX[counter >> 8] ?? '').slice(1) + (HEX[counter & 0xff] ?? '');
      let rest = '-';
      for (let n = 0; n < RANDOM_BYTES; n += 1) {
        const byte = nextByte();
        rest += HEX[n === 0 ? (byte & 0x3f) | 0x80 : byte] ?? '';
        if (n === 1) rest += '-';
      }
      return time + count + rest;
    },
  };
}
