/** Owns the store as everybody sees it: lists, search and one app's page. It reads only, and knows no viewer. */
import { z } from 'zod';
import { isPermission } from '../../format/permissions.ts';
import { DomainError, invalidField } from '../errors.ts';
import type { BetaVersion, Placed, StoreApp, StoreQueries } from './queries.ts';

export const STORE_SORTS = ['NEWEST', 'NAME', 'RELEVANCE'] as const;
export type StoreSort = (typeof STORE_SORTS)[number];

export const DEFAULT_PAGE = 20;
export const MAX_PAGE = 100;
export const MAX_SEARCH_CHARS = 200;
const MAX_FILTERS = 10;
const TAG = /^[a-z0-9][a-z0-9-]{0,29}$/;
const MAX_CURSOR_CHARS = 1_024;

/** What to list; everything left out means "any". */
export interface StoreListInput {
  readonly search?: string | null | undefined;
  readonly category?: string | null | undefined;
  /** The app must have all of them. */
  readonly tags?: readonly string[] | null | undefined;
  /** The newest version must ask for all of them. */
  readonly permissions?: readonly string[] | null | undefined;
  /** Default: by relevance for a search, newest first without one. */
  readonly sort?: StoreSort | null | undefined;
  /** 1 to 100; default 20. */
  readonly first?: number | null | undefined;
  /** The cursor of the app that the page follows, from a list of the same kind. */
  readonly after?: string | null | undefined;
}

export interface StorePage {
  readonly items: readonly { readonly app: StoreApp; readonly cursor: string }[];
  readonly hasNextPage: boolean;
}

const rowId = z.int().min(0);
const newestCursor = z.tuple([z.literal('NEWEST'), z.string().max(40), rowId]);
const nameCursor = z.tuple([z.literal('NAME'), z.string().max(200), rowId]);
const matchCursor = z.tuple([z.literal('RELEVANCE'), z.int().min(0).max(20), rowId]);

export type Store = ReturnType<typeof createStore>;

/** Makes the store over the queries of one database. */
export function createStore(queries: StoreQueries) {
  return {
    /** One page. Throws VALIDATION for filters that break a rule, CURSOR_INVALID for a cursor of another list. */
    list(input: StoreListInput): StorePage {
      const first = pageSize(input.first);
      const facets = facetsOf(input);
      const search = searchOf(input.search);
      const sort = input.sort ?? 'RELEVANCE';
      const after = input.after ?? null;
      if (sort === 'NAME') {
        const place = readCursor(nameCursor, after);
        const from = place === null ? null : { name: place[1], rowId: place[2] };
        const found =
          search === null
            ? queries.byName(facets, from, first + 1)
            : queries.matchesByName(search, facets, from, first + 1);
        return page(found, first, ({ name, rowId }) => ['NAME', name, rowId]);
      }
      if (sort === 'RELEVANCE' && search !== null) {
        const place = readCursor(matchCursor, after);
        const from = place === null ? null : { grade: place[1], rowId: place[2] };
        return page(queries.matches(search, facets, from, first + 1), first, ({ grade, rowId }) => [
          'RELEVANCE',
          grade,
          rowId,
        ]);
      }
      const place = readCursor(newestCursor, after);
      const from = place === null ? null : { at: place[1], rowId: place[2] };
      const found =
        search === null
          ? queries.newest(facets, from, first + 1)
          : queries.matchesNewest(search, facets, from, first + 1);
      return page(found, first, ({ at, rowId }) => ['NEWEST', at, rowId]);
    },

    /** The app's page, or null unless it is published now. */
    app(packageId: string): StoreApp | null {
      return packageId.length > 128 ? null : queries.app(packageId);
    },

    /** The newest version for devices on beta, where it is newer than what all of stable gets; null where there is none. */
    beta(packageId: string): BetaVersion | null {
      return queries.beta(packageId);
    },
  };
}

/** How many apps a page has for a given `first`. Throws VALIDATION outside 1 to 100. */
export function pageSize(first: number | null | undefined): number {
  const size = first ?? DEFAULT_PAGE;
  if (size < 1 || size > MAX_PAGE) throw invalidField('first', `first must be from 1 to ${MAX_PAGE}.`);
  return size;
}

function searchOf(search: string | null | undefined): string | null {
  const text = (search ?? '').trim();
  if (text.length > MAX_SEARCH_CHARS)
    throw invalidField('search', `search must have at most ${MAX_SEARCH_CHARS} characters.`);
  return text === '' ? null : text;
}

function facetsOf({ category, tags, permissions }: StoreListInput): string[] {
  const wrongTag = tags?.find((tag) => !TAG.test(tag));
  if (wrongTag !== undefined) throw invalidField('tags', 'Each tag must be 1 to 30 characters of a-z, 0-9 and -.');
  const unknown = permissions?.find((name) => !isPermission(name));
  if (unknown !== undefined)
    throw invalidField('permissions', 'Each permission must be one of the query `permissions`.');
  const facets = new Set([
    ...(category == null ? [] : [`c:${category}`]),
    ...(tags ?? []).map((tag) => `t:${tag}`),
    ...(permissions ?? []).map((name) => `p:${name}`),
  ]);
  if (facets.size > MAX_FILTERS) throw invalidField('tags', `At most ${MAX_FILTERS} filters can be given together.`);
  return [...facets];
}

function page<Place>(found: readonly Placed<Place>[], first: number, cursorOf: (place: Place) => unknown): StorePage {
  const items = found.slice(0, first).map(({ app, place }) => ({
    app,
    cursor: Buffer.from(JSON.stringify(cursorOf(place))).toString('base64url'),
  }));
  return { items, hasNextPage: found.length > first };
}

function readCursor<Schema extends z.ZodType>(schema: Schema, cursor: string | null): z.output<Schema> | null {
  if (cursor === null) return null;
  const parsed = schema.safeParse(cursor.length > MAX_CURSOR_CHARS ? null : jsonOf(cursor));
  if (parsed.success) return parsed.data;
  throw new DomainError(
    'CURSOR_INVALID',
    'The cursor is not one of this list: sort and search must be the same. Begin without `after`.',
  );
}

function jsonOf(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}
