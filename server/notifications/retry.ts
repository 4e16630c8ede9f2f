/** Owns when a delivery that failed is tried again, and when it is given up; pure. */
import { createHash } from 'node:crypto';

/** Tries of one delivery: the last one about a day after the first. */
export const MAX_TRIES = 8;
/** A test is to be seen at once: one try. */
export const TEST_TRIES = 1;
/** So many deliveries given up in a row, and the webhook is disabled. */
export const MAX_GIVEN_UP = 20;

const FIRST_MS = 30_000;
const FACTOR = 5;
const LONGEST_MS = 8 * 3_600_000;

/**
 * Milliseconds from the end of try `number` (from 1) to the next: 30 s, 2.5 min, 12.5 min, 1 h, 5 h, 8 h, 8 h, each a quarter longer or
 * shorter. The share is drawn from the delivery's id, so that whoever looks computes the same, and deliveries that
 * failed together do not come back together.
 */
export function retryDelayMs(deliveryId: string, number: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * FACTOR ** Math.min(number - 1, 10));
  const drawn = createHash('sha256').update(`${deliveryId}.${number}`).digest().readUInt32BE(0) / 2 ** 32;
  return Math.round(full * (0.75 + drawn / 2));
}
