// Owns the text form of event cursors, `{epoch}.{n}`; pure.
import { DomainError } from '../errors.ts';

/** Where a reader stands in the event log. */
export type EventCursor = { epoch: string; n: bigint };

const CURSOR = /^([0-9a-f]{16})\.(0|[1-9][0-9]{0,17})$/;

/** The text of a cursor. */
export function formatCursor(cursor: EventCursor): string {
  return `${cursor.epoch}.${cursor.n}`;
}

/** Reads a cursor that a client shows; throws DomainError CURSOR_INVALID for any other text. */
export function parseCursor(text: string): EventCursor {
  const match = CURSOR.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new DomainError('CURSOR_INVALID', 'This is not a cursor of the event log: pass one that an event came with.');
  }
  return { epoch: match[1], n: BigInt(match[2]) };
}

/**
 * The position a shown cursor stands for, given the log's head. Throws DomainError CURSOR_RESET when it belongs to
 * another history (a backup was restored since): the client fetches again and goes on from the head.
 */
export function positionOf(text: string, head: EventCursor): bigint {
  const cursor = parseCursor(text);
  if (cursor.epoch !== head.epoch || cursor.n > head.n) {
    throw new DomainError('CURSOR_RESET', 'The event log was replaced since this cursor was given: fetch again.', {
      head: formatCursor(head),
    });
  }
  return cursor.n;
}
