/**
 * Owns the names and package ids of all published apps in memory, in a form in which the few that resemble one are found in
 * milliseconds among 100,000. It is made when first needed, dropped when the store changes or nobody asks for a while, and judges
 * by provenance-names.ts alone.
 */
import { bitCount, letterMask, nameKeys } from '../../format/confusables.ts';
import { areSimilarIds, idKeys, isNear, mostEdits } from './provenance-names.ts';
import type { ProvenanceQueries, PublishedApp } from './provenance-queries.ts';
import { createSlices, type Slices } from './provenance-slices.ts';

const WINDOW = 250;
/** Apps looked at between two looks at the clock. */
const SCAN = 2_000;
const IDLE_MS = 60_000;

/** A published app that resembles what was asked for. */
export interface Resemblance {
  readonly app: PublishedApp;
  /** Equal but for case, spaces and look-alikes; else some letters apart. */
  readonly same: boolean;
}

interface Entry {
  readonly app: PublishedApp;
  readonly folded: string;
  readonly seen: string;
  readonly whole: string;
  readonly rest: string;
}

interface Table {
  readonly entries: readonly Entry[];
  readonly nameMasks: Int32Array;
  readonly restMasks: Int32Array;
}

export interface NameIndex {
  /** Published apps whose name is taken for this one. */
  similarNames(name: string, slices: Slices): Promise<Resemblance[]>;
  /** Published apps whose package id is taken for this one. */
  similarIds(packageId: string, slices: Slices): Promise<Resemblance[]>;
  /** The published apps are other ones now. */
  drop(): void;
}

export function createNameIndex(queries: Pick<ProvenanceQueries, 'published'>): NameIndex {
  let table: Promise<Table> | null = null;
  let idle: NodeJS.Timeout | undefined;

  function drop(): void {
    clearTimeout(idle);
    table = null;
  }

  function current(): Promise<Table> {
    clearTimeout(idle);
    idle = setTimeout(drop, IDLE_MS);
    idle.unref();
    if (table === null) {
      const making = makeTable(queries);
      table = making;
      making.catch(() => {
        if (table === making) drop();
      });
    }
    return table;
  }

  return {
    async similarNames(name, slices) {
      const keys = nameKeys(name);
      // Nothing but signs: no letter to mistake.
      if (keys.folded === '') return [];
      const { entries, nameMasks } = await current();
      const mask = letterMask(keys.folded);
      const most = mostEdits(keys.folded.length + 1);
      return scan(entries, slices, (entry, index) => {
        if (entry.seen === keys.seen || entry.folded === keys.folded) return { app: entry.app, same: true };
        const mayBeNear =
          Math.abs(entry.folded.length - keys.folded.length) <= most &&
          bitCount((nameMasks[index] ?? 0) ^ mask) <= 2 * most;
        return mayBeNear && isNear(entry.folded, keys.folded) ? { app: entry.app, same: false } : null;
      });
    },
    async similarIds(packageId, slices) {
      const keys = idKeys(packageId);
      const { entries, restMasks } = await current();
      const mask = letterMask(keys.rest);
      return scan(entries, slices, ({ app, whole, rest }, index) => {
        const same = whole === keys.whole || rest === keys.rest;
        // Two edits at most, so four letters that only one of them has.
        const mayBeNear =
          Math.abs(rest.length - keys.rest.length) <= 2 && bitCount((restMasks[index] ?? 0) ^ mask) <= 4;
        return (same || mayBeNear) && areSimilarIds(app.packageId, packageId) ? { app, same } : null;
      });
    },
    drop,
  };
}

async function scan(
  entries: readonly Entry[],
  slices: Slices,
  judge: (entry: Entry, index: number) => Resemblance | null,
): Promise<Resemblance[]> {
  const found: Resemblance[] = [];
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index];
    const match = entry === undefined ? null : judge(entry, index);
    if (match !== null) found.push(match);
    if (index % SCAN === 0) await slices.pause();
  }
  return found;
}

async function makeTable(queries: Pick<ProvenanceQueries, 'published'>): Promise<Table> {
  const slices = createSlices();
  const entries: Entry[] = [];
  for (let after = 0; ; ) {
    const page = queries.published(after, WINDOW);
    for (const app of page) entries.push({ app, ...nameKeys(app.name), ...idKeys(app.packageId) });
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.rowId;
    await slices.pause();
  }
  return {
    entries,
    nameMasks: Int32Array.from(entries, ({ folded }) => letterMask(folded)),
    restMasks: Int32Array.from(entries, ({ rest }) => letterMask(rest)),
  };
}
