/** Owns the locale check: tables are flat, named by language, and have the keys of the default one. */
import { LOCALE_CATALOGUE } from '../catalogue/assets.ts';
import type { Check, PackageContents } from '../check.ts';
import { FindingList } from '../finding-list.ts';
import { parseJson, type TextPlace } from '../json.ts';
import { PACKAGE_LIMITS } from '../limits.ts';
import { decodeUtf8, printable } from '../text.ts';

const MAX_TABLE_BYTES = 1024 * 1024;
/** All tables of a package: 60 languages of 50 KiB. */
const MAX_TOTAL_BYTES = 3 * 1024 * 1024;
/** Deep enough that a nested table is called nested, not malformed. */
const MAX_DEPTH = 32;
/** Missing or further keys named in one message. */
const MAX_NAMED = 5;
const FALLBACK_LOCALE = 'en';
/** Language, script, region and variants of RFC 5646; the extensions name no table. */
const LANGUAGE_TAG = /^[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*$/i;

/** What each text leaves to be filled in, by key: `%s %d|{name}`. */
type Table = ReadonlyMap<string, string>;

/** Docs/PACKAGE_FORMAT.md §2 and §6. */
export const localesCheck: Check = {
  name: 'locales',
  kind: 'policy',
  findings: LOCALE_CATALOGUE,
  run: (contents) => {
    const found = new FindingList(PACKAGE_LIMITS.maxFindings);
    const tables = new Map<string, Table | null>();
    let total = 0;
    for (const [file, bytes] of contents.files) {
      const name = /^locales\/([^/]*)\.json$/.exec(file)?.[1];
      if (name === undefined) continue;
      if (name.length > 60 || !LANGUAGE_TAG.test(name))
        found.add(LOCALE_CATALOGUE.LOCALE_NAME, `"${printable(name)}" is no language tag.`, { file: printable(file) });
      else {
        total += bytes.length;
        const isTooLarge = bytes.length > MAX_TABLE_BYTES || total > MAX_TOTAL_BYTES;
        const message = 'This table is over 1 MiB, or all of them are over 3 MiB.';
        if (isTooLarge) found.add(LOCALE_CATALOGUE.ASSET_TOO_LARGE, message, { file });
        tables.set(name, isTooLarge ? null : readTable(file, bytes, found));
      }
    }
    compareTables(contents, tables, found);
    return found.list();
  },
};

function readTable(file: string, bytes: Uint8Array, found: FindingList): Table | null {
  const text = decodeUtf8(bytes);
  const json = text === null ? null : parseJson(text, MAX_DEPTH, { places: false });
  if (json === null) {
    found.add(LOCALE_CATALOGUE.LOCALE_JSON, 'This table is not UTF-8.', { file });
    return null;
  }
  if (!json.ok) {
    found.add(LOCALE_CATALOGUE.LOCALE_JSON, `This table is refused: ${printable(json.message)}`, {
      file,
      ...json.place,
    });
    return null;
  }
  if (typeof json.value !== 'object' || json.value === null || Array.isArray(json.value)) {
    found.add(LOCALE_CATALOGUE.LOCALE_NOT_FLAT, 'This table is not one object.', { file });
    return null;
  }
  const keys = new Map<string, string>();
  let place: ReturnType<typeof placesIn> | null = null;
  for (const [key, value] of Object.entries(json.value)) {
    keys.set(key, typeof value === 'string' ? placeholders(value) : '');
    if (typeof value === 'string') continue;
    place ??= placesIn(text ?? '');
    const at = { file, ...place(key) };
    found.add(LOCALE_CATALOGUE.LOCALE_NOT_FLAT, `The value of "${printable(key)}" is not a text.`, at);
  }
  return keys;
}

/** Where the keys of a table stand: parsed once more, and only for findings, so that no table keeps its places. */
function placesIn(text: string): (key: string) => TextPlace | null {
  const json = parseJson(text, MAX_DEPTH);
  return (key) => (json.ok ? json.placeOf([key]) : null);
}

/** What `string.format` knows; `os.date` has letters of its own. */
const FORMAT_HOLES = /^%[aAcdeEfgGiopqsuxX]$/;

/** `string.format` takes its arguments in order; names in braces may come in any. */
function placeholders(text: string): string {
  if (!text.includes('%') && !text.includes('{')) return '';
  const ordered: string[] = [];
  const named = new Set<string>();
  for (const [found] of text.matchAll(/%%|%[-+#0-9.]{0,8}[a-zA-Z]|\{[A-Za-z0-9_.]{1,40}\}/g)) {
    if (found.startsWith('{')) named.add(found);
    else if (found !== '%%') ordered.push(`%${found.slice(-1)}`);
  }
  // A pattern of `os.date` differs from language to language, as dates do.
  if (ordered.some((hole) => !FORMAT_HOLES.test(hole))) ordered.length = 0;
  return [...ordered, ...[...named].sort()].join(' ');
}

function compareTables(contents: PackageContents, tables: ReadonlyMap<string, Table | null>, found: FindingList): void {
  if (contents.manifest === null) return;
  const named = contents.manifest.default_locale;
  const name = named ?? FALLBACK_LOCALE;
  const wanted = tables.get(name);
  if (wanted === undefined && (tables.size > 0 || named !== undefined))
    found.add(LOCALE_CATALOGUE.LOCALE_DEFAULT_MISSING, `There is no locales/${printable(name)}.json.`, {
      file: 'manifest.json',
    });
  if (wanted === undefined || wanted === null) return;
  const forgotten = missingInDefault(name, wanted, tables);
  if (forgotten.length > 0)
    found.add(
      LOCALE_CATALOGUE.LOCALE_DEFAULT_KEY_MISSING,
      `${count(forgotten)} that every other table has: ${list(forgotten)}.`,
      { file: `locales/${name}.json` },
    );
  for (const [tag, table] of tables)
    if (tag !== name && table !== null)
      compareTable({ tag, table, name, wanted, forgotten: new Set(forgotten) }, contents, tables, found);
}

/** Keys of every other full table, two of them at least: then it is the default one that lacks them. */
function missingInDefault(name: string, wanted: Table, tables: ReadonlyMap<string, Table | null>): string[] {
  const others = [...tables].filter(([tag]) => tag !== name && !isRegional(tag, tables)).map(([, table]) => table);
  const [first] = others;
  if (others.length < 2 || first === undefined || first === null) return [];
  return [...first.keys()].filter((key) => !wanted.has(key) && others.every((table) => table?.has(key) === true));
}

/** A regional table holds only what differs from its language. */
function isRegional(tag: string, tables: ReadonlyMap<string, unknown>): boolean {
  return tag.includes('-') && tables.has(tag.split('-', 1)[0] ?? '');
}

interface Comparison {
  readonly tag: string;
  readonly table: Table;
  /** The default locale and its table. */
  readonly name: string;
  readonly wanted: Table;
  /** Keys that the default table lacks, which is no fault of this one. */
  readonly forgotten: ReadonlySet<string>;
}

function compareTable(
  { tag, table, name, wanted, forgotten }: Comparison,
  contents: PackageContents,
  tables: ReadonlyMap<string, Table | null>,
  found: FindingList,
): void {
  const file = `locales/${tag}.json`;
  const missing = isRegional(tag, tables) ? [] : [...wanted.keys()].filter((key) => !table.has(key));
  const extra = [...table.keys()].filter((key) => !wanted.has(key) && !forgotten.has(key));
  const other = [...table].filter(([key, holes]) => (wanted.get(key) ?? holes) !== holes).map(([key]) => key);
  if (missing.length > 0)
    found.add(LOCALE_CATALOGUE.LOCALE_KEY_MISSING, `${count(missing)} of "${name}" missing: ${list(missing)}.`, {
      file,
    });
  if (extra.length > 0)
    found.add(LOCALE_CATALOGUE.LOCALE_KEY_EXTRA, `${count(extra)} not in "${name}": ${list(extra)}.`, { file });
  const [first] = other;
  if (first === undefined) return;
  const text = decodeUtf8(contents.files.get(file) ?? new Uint8Array()) ?? '';
  const holes = `${shownHoles(table.get(first))} instead of ${shownHoles(wanted.get(first))}`;
  const message = `${count(other)} with other placeholders than in "${name}": ${list(other)}; the first has ${holes}.`;
  found.add(LOCALE_CATALOGUE.LOCALE_PLACEHOLDER, message, { file, ...placesIn(text)(first) });
}

function shownHoles(holes: string | undefined): string {
  return holes === undefined || holes === '' ? 'none' : printable(holes, 60);
}

function count(keys: readonly string[]): string {
  return keys.length === 1 ? '1 key' : `${keys.length} keys`;
}

function list(keys: readonly string[]): string {
  const shown = keys.slice(0, MAX_NAMED).map((key) => printable(key, 60));
  return keys.length > MAX_NAMED ? `${shown.join(', ')} and ${keys.length - MAX_NAMED} more` : shown.join(', ');
}
