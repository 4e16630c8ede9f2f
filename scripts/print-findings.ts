/** Owns docs/findings/: one page for each code of the catalogue, and the table of rules. Usage: node scripts/print-findings.ts FOLDER */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RULES } from '../format/catalogue/rules.ts';
import { CATALOGUE, CATALOGUE_PARTS, type CataloguePart, cataloguePart } from '../format/catalogue.ts';
import type { CatalogueEntry } from '../format/findings.ts';

const SECTIONS: Readonly<Record<string, { readonly title: string; readonly anchor: string }>> = {
  '1': { title: 'Container', anchor: '1-container' },
  '2': { title: 'Contents', anchor: '2-contents' },
  '3': { title: 'Manifest', anchor: '3-manifest' },
  '4': { title: 'Signature', anchor: '4-signature' },
  '5': { title: 'Findings', anchor: '5-findings' },
  '6': { title: 'Lua analysis', anchor: '6-lua-analysis' },
};

const KINDS: Readonly<Record<CataloguePart['kind'], string>> = {
  format: 'format: the same verdict on the server, the command line and the device',
  policy: 'policy: the server and the command line, at the rule-set version that the finding names',
  context: 'context: the server, which knows the app; `mosis validate` asks it where you are signed in',
  server: 'server: the server alone',
};

const SEVERITIES = {
  error: 'error: the version is refused',
  warning: 'warning: a reviewer looks at the version',
  notice: 'notice: nothing follows from it',
} as const;

/** Where the codes of a part have their bad package. */
const TESTS: Readonly<Record<string, string>> = {
  archive: 'corpus.test.ts',
  manifest: 'corpus.test.ts',
  contents: 'corpus.test.ts',
  signature: 'corpus.test.ts',
  icons: 'assets.test.ts',
  locales: 'assets.test.ts',
  rml: 'assets.test.ts',
  rcss: 'assets.test.ts',
  lua: 'assets.test.ts',
  unused: 'unused.test.ts',
  secrets: 'secrets.test.ts',
};

/** The test that has a bad package for the code, from the root of the repository; null where the server's own tests do. */
export function testOf(code: string): string | null {
  const part = cataloguePart(code);
  if (part?.kind === 'context' || code === 'FINDINGS_LEFT_OUT') return 'test/format/corpus.test.ts';
  const name = TESTS[part?.check ?? ''];
  return name === undefined ? null : `test/format/${name}`;
}

/** Every file of docs/findings/, by name. */
export function findingPages(): ReadonlyMap<string, string> {
  const pages = [...CATALOGUE.values()].map((entry): [string, string] => [`${entry.code}.md`, page(entry)]);
  return new Map([['README.md', index()], ...pages]);
}

const HEAD = '<!-- Made from format/catalogue/ by `npm run generate`. -->';

function page(entry: CatalogueEntry): string {
  const part = cataloguePart(entry.code);
  return `${[
    HEAD,
    `# ${entry.code}`,
    `**${entry.title}**`,
    [
      `| severity | ${SEVERITIES[entry.severity]} |`,
      '| --- | --- |',
      `| kind | ${KINDS[part?.kind ?? 'server']} |`,
      `| section | ${sectionLink(entry.section)} |`,
      ...(part?.check == null ? [] : [`| check | \`${part.check}\` |`]),
    ].join('\n'),
    '## Why',
    entry.why,
    '## How to fix it',
    entry.fix,
    '## Bad',
    example(entry.bad),
    '## Good',
    example(entry.good),
    `[All findings](README.md) · \`mosis explain ${entry.code}\``,
  ].join('\n\n')}\n`;
}

function example(text: string): string {
  const fence = text.includes('```') ? '````' : '```';
  return `${fence}text\n${text}\n${fence}`;
}

function sectionLink(section: string): string {
  const known = SECTIONS[section];
  return known === undefined ? `§${section}` : `[§${section} ${known.title}](../PACKAGE_FORMAT.md#${known.anchor})`;
}

function index(): string {
  const seen = new Set<string>();
  const parts = CATALOGUE_PARTS.map(({ kind, check, entries }) => {
    const own = Object.values(entries).filter(({ code }) => !seen.has(code));
    for (const { code } of own) seen.add(code);
    const rows = own.map(
      ({ code, severity, section, title }) => `| [${code}](${code}.md) | ${severity} | §${section} | ${cell(title)} |`,
    );
    const title = check === null ? `${kind} rules` : `${check} (${kind})`;
    return [`### ${title}`, ['| code | severity | section | means |', '| --- | --- | --- | --- |', ...rows].join('\n')];
  });
  const rules = RULES.map(({ section, rule, codes, held }) => {
    const tests = [...new Set(codes.map(testOf))].filter((test) => test !== null);
    const links = codes.map((code) => `[${code}](${code}.md)`).join(', ');
    return `| §${section} | ${cell(rule)} | ${links} | ${tests.length === 0 ? (held ?? '') : tests.join(', ')} |`;
  });
  return `${[
    HEAD,
    '# Findings',
    'What a check says about a package has a code that never changes. Each code has a page here; `mosis explain CODE` prints the same, and the portal links to it.',
    'An `error` refuses the version, a `warning` sends it to a reviewer, a `notice` only informs. `format` rules give the same verdict on the server, the command line and the device; `policy` rules run on the server and the command line; `context` rules need what only a server knows.',
    '## Codes',
    ...parts.flat(),
    '## Rules',
    'Every rule of [the package format](../PACKAGE_FORMAT.md) (§1 to §5), the code that says it is broken, and the test that has a package broken in exactly that way. The rules of §6 are the codes above whose section it is.',
    ['| section | rule | code | test |', '| --- | --- | --- | --- |', ...rules].join('\n'),
  ].join('\n\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

const [folder] = process.argv.slice(2);
if (import.meta.main && folder !== undefined) {
  const pages = findingPages();
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (name.endsWith('.md') && !pages.has(name)) rmSync(join(folder, name));
  for (const [name, text] of pages) writeFileSync(join(folder, name), text);
}
