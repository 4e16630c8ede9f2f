/** Owns the locale check: tables are flat, named by language, and have the keys of the default one. */
import { LOCALE_CATALOGUE } from '../catalogue/assets.ts';
import type { Check, PackageContents } from '../check.ts';
import { FindingList } from '../finding-list.ts';
import { parseJson } from '../json.ts';
import { PACKAGE_LIMITS } from '../limits.ts';
import { decodeUtf8, printable } from '../text.ts';

const MAX_TABLE_BYTES = 1024 * 1024;
/** Deep enough that a nested table is called nested, not malformed. */
const MAX_DEPTH = 32;
/** Missing or further keys named in one message. */
const MAX_NAMED = 5;
const FALLBACK_LOCALE = 'en';
/** Language, script, region and variants of RFC 5646; the extensions name no table. */
const LANGUAGE_TAG = /^[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*$/i;

type Keys = ReadonlySet<string>;

/** Docs/PACKAGE_FORMAT.md §2 and §6. */
export const localesCheck: Check = {
  name: 'locales',
  kind: 'policy',
  findings: LOCALE_CATALOGUE,
  run: (contents) => {
    const found = new FindingList(PACKAGE_LIMITS.maxFindings);
    const tables = new Map<string, Keys | null>();
    for (const [file, bytes] of contents.files) {
      const name = /^locales\/([^/]*)\.json$/.exec(file)?.[1];
      if (name === undefined) continue;
      if (name.length > 60 || !LANGUAGE_TAG.test(name))
        found.add(LOCALE_CATALOGUE.LOCALE_NAME, `"${printable(name)}" is no language tag.`, { file: printable(file) });
      else tables.set(name, readTable(file, bytes, found));
    }
    compareTables(contents, tables, found);
    return found.list();
  },
};

function readTable(file: string, bytes: Uint8Array, found: FindingList): Keys | null {
  if (bytes.length > MAX_TABLE_BYTES) {
    found.add(LOCALE_CATALOGUE.ASSET_TOO_LARGE, 'This table has over 1 MiB.', { file });
    return null;
  }
  const text = decodeUtf8(bytes);
  const json = text === null ? null : parseJson(text, MAX_DEPTH);
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
  const keys = new Set<string>();
  for (const [key, value] of Object.entries(json.value)) {
    keys.add(key);
    if (typeof value === 'string') continue;
    const place = { file, ...json.placeOf([key]) };
    found.add(LOCALE_CATALOGUE.LOCALE_NOT_FLAT, `The value of "${printable(key)}" is not a text.`, place);
  }
  return keys;
}

function compareTables(contents: PackageContents, tables: ReadonlyMap<string, Keys | null>, found: FindingList): void {
  if (contents.manifest === null) return;
  const named = contents.manifest.default_locale;
  const name = named ?? FALLBACK_LOCALE;
  const wanted = tables.get(name);
  if (wanted === undefined && (tables.size > 0 || named !== undefined))
    found.add(LOCALE_CATALOGUE.LOCALE_DEFAULT_MISSING, `There is no locales/${printable(name)}.json.`, {
      file: 'manifest.json',
    });
  if (wanted === undefined || wanted === null) return;
  for (const [tag, keys] of tables) {
    if (tag === name || keys === null) continue;
    const file = `locales/${tag}.json`;
    // A regional table holds only what differs from its language.
    const isRegional = tables.has(tag.split('-', 1)[0] ?? '') && tag.includes('-');
    const missing = isRegional ? [] : [...wanted].filter((key) => !keys.has(key));
    const extra = [...keys].filter((key) => !wanted.has(key));
    if (missing.length > 0)
      found.add(LOCALE_CATALOGUE.LOCALE_KEY_MISSING, `${count(missing)} of "${name}" missing: ${list(missing)}.`, {
        file,
      });
    if (extra.length > 0)
      found.add(LOCALE_CATALOGUE.LOCALE_KEY_EXTRA, `${count(extra)} not in "${name}": ${list(extra)}.`, { file });
  }
}

function count(keys: readonly string[]): string {
  return keys.length === 1 ? '1 key' : `${keys.length} keys`;
}

function list(keys: readonly string[]): string {
  const shown = keys.slice(0, MAX_NAMED).map((key) => printable(key, 60));
  return keys.length > MAX_NAMED ? `${shown.join(', ')} and ${keys.length - MAX_NAMED} more` : shown.join(', ');
}
