/**
 * Owns the names and package ids of all published apps in memory, in a form in which the few that resemble one are found in
 * milliseconds among 100,000. It is made when first needed, dropped when the store changes or nobody asks for a while, and judges
 * by provenance-names.ts alone.
 */
import { bitCount, letterMask, nameKeys } from '../../format/confusables.ts';
import { areSimilarIds, idKeys, isNear, mostEdits } from './provenance-names.ts';
import type { NamedApp, ProvenanceQueries } from './provenance-queries.ts';
import { createSlices, type Slices } from './provenance-slices.ts';

const WINDOW = 250;
/** Apps looked at between two looks at the clock. */
const SCAN = 2_000;
const IDLE_MS = 60_000;

/** A published app that resembles what was asked for, by its row. */
export interface Resemblance {
  readonly rowId: number;
  /** Equal but for case, spaces and look-alikes; else some letters apart. */
  readonly same: boolean;
}

/** No more than is compared: 100,000 of them stay in memory for a while. */
interface Entry {
  readonly rowId: number;
  readonly packageId: string;
  readonly folded: string;
  readonly seen: string;
  readonly whole: number;
  readonly rest: string;
  readonly nameMask: number;
  readonly restMask: number;
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
  let table: Promise<Entry[]> | null = null;
  let idle: NodeJS.Timeout | undefined;

  function drop(): void {
    clearTimeout(idle);
    table = null;
  }

  function current(): Promise<Entry[]> {
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
      const entries = await current();
      const mask = letterMask(keys.folded);
      const most = mostEdits(keys.folded.length + 1);
      return scan(entries, slices, (entry) => {
        if (entry.seen === keys.seen || entry.folded === keys.folded) return { rowId: entry.rowId, same: true };
        const mayBeNear =
          Math.abs(entry.folded.length - keys.folded.length) <= most && bitCount(entry.nameMask ^ mask) <= 2 * most;
        return mayBeNear && isNear(entry.folded, keys.folded) ? { rowId: entry.rowId, same: false } : null;
      });
    },
    async similarIds(packageId, slices) {
      const keys = idKeys(packageId);
      const entries = await current();
      const mask = letterMask(keys.rest);
      const wholeHash = hashOf(keys.whole);
      return scan(entries, slices, ({ rowId, packageId: theirs, whole, rest, restMask }) => {
        const same = whole === wholeHash || rest === keys.rest;
        // Two edits at most, so four letters that only one of them has.
        const mayBeNear = Math.abs(rest.length - keys.rest.length) <= 2 && bitCount(restMask ^ mask) <= 4;
        return (same || mayBeNear) && areSimilarIds(theirs, packageId) ? { rowId, same } : null;
      });
    },
    drop,
  };
}

async function scan(
  entries: readonly Entry[],
  slices: Slices,
  judge: (entry: Entry) => Resemblance | null,
): Promise<Resemblance[]> {
  const found: Resemblance[] = [];
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index];
    const match = entry === undefined ? null : judge(entry);
    if (match !== null) found.push(match);
    if (index % SCAN === 0) await slices.pause();
  }
  return found;
}

async function makeTable(queries: Pick<ProvenanceQueries, 'published'>): Promise<Entry[]> {
  const slices = createSlices();
  const entries: Entry[] = [];
  for (let after = 0; ; ) {
    const page = queries.published(after, WINDOW);
    for (const app of page) entries.push(entryOf(app));
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.rowId;
    await slices.pause();
  }
  return entries;
}

function entryOf({ rowId, packageId, name }: NamedApp): Entry {
  const { folded, seen } = nameKeys(name);
  const { whole, rest } = idKeys(packageId);
  return {
    rowId,
    packageId,
    folded,
    // One text where both are the same, as they mostly are.
    seen: seen === folded ? folded : seen,
    whole: hashOf(whole),
    rest,
    nameMask: letterMask(folded),
    restMask: letterMask(rest),
  };
}

/** FNV-1a; what meets by it is compared in full afterwards. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
