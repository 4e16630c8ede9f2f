// Filters and arranges the catalogue of findings for reading. Pure.
import type { FindingEntryFragment, FindingSeverity } from '#lib/graphql/generated/graphql.ts';

export type Entry = FindingEntryFragment & { why: string; fix: string };
export type Wanted = { words: string; severity: string; section: string };
export type Shelf = { section: string; entries: Entry[] };

const WEIGHT: Record<FindingSeverity, number> = { ERROR: 0, WARNING: 1, NOTICE: 2 };

/** The entries that have every word and fit the filters (empty filters fit all), by section, the worst first. */
export function shelvesOf(catalogue: readonly Entry[], { words, severity, section }: Wanted): Shelf[] {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  const shelves = new Map<string, Entry[]>();
  for (const entry of catalogue) {
    if (severity !== '' && entry.severity !== severity) continue;
    if (section !== '' && entry.section !== section) continue;
    const text = `${entry.code} ${entry.title} ${entry.why} ${entry.fix}`.toLowerCase();
    if (!parts.every((part) => text.includes(part))) continue;
    const shelf = shelves.get(entry.section) ?? [];
    shelf.push(entry);
    shelves.set(entry.section, shelf);
  }
  return [...shelves]
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([name, entries]) => ({
      section: name,
      entries: entries.sort((a, b) => WEIGHT[a.severity] - WEIGHT[b.severity] || a.code.localeCompare(b.code)),
    }));
}
