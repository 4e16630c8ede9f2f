/** The examples of the catalogue are real: what can be run is run, its code is found in the bad one and not in the good one. */
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../format/catalogue.ts';
import type { CatalogueEntry } from '../../format/findings.ts';
import { validatePackageBytes } from '../../format/validate.ts';
import { GOOD_MANIFEST, goodPackage, png, rawGoodZip } from '../support/packages.ts';

type Make = (example: string) => Uint8Array;

const MODULES = {
  'assets/list.lua': 'return {}',
  'assets/notes.lua': 'return {}',
  'assets/scripts/util.lua': 'return {}',
  'icons/32.png': png(32),
  'assets/icons.png': png(64),
};
const withFiles = (files: Record<string, string | Uint8Array>, manifest: Record<string, unknown> = {}): Uint8Array =>
  goodPackage({ files: { ...MODULES, ...files }, manifest, secretKey: null });

const PERMISSIONS = ['storage', 'network', 'camera', 'location', 'contacts', 'audio'];
/** A comment may say which permissions the manifest has. */
const lua: Make = (text) => {
  const named = /"permissions": (\[.*?\])/.exec(text)?.[1];
  const permissions: unknown = named === undefined ? PERMISSIONS : JSON.parse(named);
  return withFiles({ 'assets/main.lua': text }, { permissions });
};
const rcss: Make = (text) => withFiles({ 'assets/main.rcss': text, 'assets/fonts/inter.ttf': '\0\x01\0\0' });
const rml: Make = (text) => {
  const files = { 'assets/styles/main.rcss': 'p { color: red; }', 'assets/images/picture.png': png(8) };
  const document = text.startsWith('<body')
    ? `<rml>${text}${/<\/body>|\/>$/.test(text) ? '' : '</body>'}</rml>`
    : text.startsWith('<link')
      ? `<rml><head>${text}</head><body></body></rml>`
      : text.startsWith('<template')
        ? text
        : `<rml><body>${text}</body></rml>`;
  return withFiles({ ...files, 'assets/notes.txt': 'x', 'assets/more.rml': document });
};

/** A whole manifest, or keys that take the place of the good ones. */
const manifest: Make = (text) => {
  if (/^[[{]/.test(text)) return withFiles({ 'manifest.json': text });
  const parsed: Record<string, unknown> = JSON.parse(`{${text}}`);
  if ('email' in parsed) return withFiles({}, { author: { ...GOOD_MANIFEST.author, ...parsed } });
  return withFiles({ 'assets/icon-64.png': png(64) }, parsed);
};

/** `en.json: { … }, de.json: { … }`, or one table alone. */
const locales: Make = (text) => {
  const tables = [...text.matchAll(/(\w+\.json): (\{.*?\})(?=, \w+\.json:|$)/g)];
  const files = tables.map(([, name, table = '']): [string, string] => [`locales/${name}`, table]);
  return withFiles(files.length > 0 ? Object.fromEntries(files) : { 'locales/en.json': text });
};

const path: Make = (text) => {
  const name = text
    .replace(/\\u([0-9a-f]{4})/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replaceAll('\\\\', '\\');
  return rawGoodZip([{ name, content: name.endsWith('.png') ? png(8) : 'x' }]);
};

/** How the example of a code is run; null for what an example can only describe. */
function runnerOf({ code, bad, good }: CatalogueEntry): Make | null {
  if (DESCRIBED.has(code)) return null;
  if (code.startsWith('ARCHIVE_PATH_') && !/ /.test(bad) && !/ /.test(good)) return path;
  if (code.startsWith('LUA_') || code === 'SECRET_LIKELY') return lua;
  if (code.startsWith('RML_')) return rml;
  if (code.startsWith('RCSS_') || code.startsWith('SPRITE_')) return rcss;
  if (code.startsWith('MANIFEST_') && /^["[{]/.test(bad)) return manifest;
  if (code.startsWith('LOCALE_') && bad.includes('{')) return locales;
  return null;
}

/** Sizes, files that are or are not there, and facts that only a server knows. */
const DESCRIBED: ReadonlySet<string> = new Set([
  ...['LUA_TOO_COMPLEX', 'LUA_LONG_LINE', 'LUA_PACKED_DATA'],
  ...['MANIFEST_ID_MISMATCH', 'MANIFEST_VERSION_CODE_USED', 'MANIFEST_ICON_64_MISSING'],
]);

const runnable = [...CATALOGUE.values()].flatMap((entry) => {
  const make = runnerOf(entry);
  return make === null ? [] : [{ code: entry.code, bad: entry.bad, good: entry.good, make }];
});

const codesOf = async (bytes: Uint8Array): Promise<string[]> =>
  (await validatePackageBytes(bytes)).findings.map(({ code }) => code);

describe('examples', () => {
  it.each(runnable)('$code: the bad one has it', async ({ code, bad, make }) => {
    expect(await codesOf(make(bad))).toContain(code);
  });

  it.each(runnable)('$code: the good one does not', async ({ code, good, make }) => {
    expect(await codesOf(make(good))).not.toContain(code);
  });

  it('can be run for most codes that text alone can break', () => {
    expect(runnable.length).toBeGreaterThan(60);
  });
});
