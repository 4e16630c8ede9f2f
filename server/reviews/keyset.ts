/** Owns pages of lists that are ordered by a time and an id and whose rows leave while somebody reads: cursors name a place, not a row. */
import { z } from 'zod';
import { DomainError, invalidField } from '../errors.ts';

const DEFAULT_PAGE = 20;
const MAX_PAGE = 100;
const MAX_CURSOR_CHARS = 200;

/** A place in the order: between two rows, whether or not a row is there. */
export interface Place {
  readonly at: Date;
  readonly id: string;
}

export interface PageArgs {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

const placeSchema = z.tuple([z.int(), z.string().min(1).max(100)]);

/** How many rows to read, one more than shown, and after which place. Throws VALIDATION or CURSOR_INVALID. */
export function pageOf(args: PageArgs): { readonly first: number; readonly after: Place | null } {
  if (args.last != null || args.before != null)
    throw invalidField('before', 'This list is read forward: give first and after.');
  const first = args.first ?? DEFAULT_PAGE;
  if (first < 1 || first > MAX_PAGE) throw invalidField('first', `first must be from 1 to ${MAX_PAGE}.`);
  return { first, after: args.after == null ? null : readPlace(args.after) };
}

/** The connection of the rows that were read: at most `first + 1`, each with its place in the order. */
export function connectionOf<Row>(
  rows: readonly Row[],
  { first, after }: { readonly first: number; readonly after: Place | null },
  placeOf: (row: Row) => Place,
) {
  const edges = rows.slice(0, first).map((node) => ({ cursor: writePlace(placeOf(node)), node }));
  return {
    edges,
    pageInfo: {
      hasNextPage: rows.length > first,
      hasPreviousPage: after !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

function writePlace({ at, id }: Place): string {
  return Buffer.from(JSON.stringify([at.getTime(), id])).toString('base64url');
}

function readPlace(cursor: string): Place {
  const parsed = placeSchema.safeParse(cursor.length > MAX_CURSOR_CHARS ? null : jsonOf(cursor));
  if (parsed.success && Math.abs(parsed.data[0]) <= 8.64e15)
    return { at: new Date(parsed.data[0]), id: parsed.data[1] };
  throw new DomainError('CURSOR_INVALID', 'The cursor is not one of this list. Begin without `after`.');
}

function jsonOf(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}
