/** The pages of docs/findings/ are fresh, and every rule of the format has its code and every code its rule and its test. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { RULES } from '../../format/catalogue/rules.ts';
import { CATALOGUE, CATALOGUE_PARTS } from '../../format/catalogue.ts';
import { CHECKS } from '../../format/checks/registry.ts';
import { findingPages, testOf } from '../../scripts/print-findings.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDER = path.join(ROOT, 'docs/findings');
const read = (file: string) => readFile(path.join(ROOT, file), 'utf8');

describe('docs/findings', () => {
  it('is what `npm run generate` writes', async () => {
    const pages = findingPages();
    expect((await readdir(FOLDER)).toSorted()).toEqual([...pages.keys()].toSorted());
    for (const [name, text] of pages) expect(await read(`docs/findings/${name}`)).toBe(text);
  });

  it('links to sections that the package format has', async () => {
    const headings = [...(await read('docs/PACKAGE_FORMAT.md')).matchAll(/^## (.*)$/gm)].map(([, title = '']) =>
      title.toLowerCase().replaceAll('.', '').replaceAll(' ', '-'),
    );
    const links = [...findingPages().values()].flatMap((text) => [...text.matchAll(/PACKAGE_FORMAT\.md#([\w-]+)/g)]);
    expect(links.length).toBeGreaterThan(100);
    for (const [, anchor] of links) expect(headings).toContain(anchor);
  });
});

describe('rules', () => {
  it.each(RULES)('§$section $rule: has codes of the catalogue, or says who keeps it', ({ codes, held }) => {
    expect(codes.length > 0 || held !== undefined).toBe(true);
    for (const code of codes) expect(CATALOGUE.has(code)).toBe(true);
  });

  it('name each rule once', () => {
    const names = RULES.map(({ section, rule }) => `${section} ${rule}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it('give every code of sections 1 to 5 that a check or the submission finds a rule', () => {
    const ruled = new Set(RULES.flatMap(({ codes }) => codes));
    const parts = CATALOGUE_PARTS.filter(({ kind }) => kind !== 'server');
    const unruled = parts
      .flatMap(({ entries }) => Object.values(entries))
      .filter(({ code, section }) => section !== '6' && !ruled.has(code));
    expect(unruled.map(({ code }) => code)).toEqual([]);
  });

  it('have a rule of their own for every code of the container, contents, manifest and signature', () => {
    const format = CATALOGUE_PARTS.filter(({ kind }) => kind === 'format').flatMap(({ entries }) =>
      Object.keys(entries),
    );
    const own = new Set(RULES.filter(({ codes }) => codes.length === 1).flatMap(({ codes }) => codes));
    const shared = format.filter((code) => !own.has(code));
    // A missing signature is one rule with two voices: a notice of the format, a refusal to submit.
    expect(shared).toEqual(['SIGNATURE_MISSING']);
  });

  it('have a test that names the code', async () => {
    const texts = new Map<string, string>();
    const corpus = (await read('test/format/corpus-archive.ts')) + (await read('test/format/corpus-contents.ts'));
    for (const { entries, kind } of CATALOGUE_PARTS) {
      if (kind === 'server') continue;
      for (const code of Object.keys(entries)) {
        const file = testOf(code);
        if (file === null) throw new Error(`${code} has no test`);
        const text = texts.get(file) ?? (await read(file));
        texts.set(file, text);
        expect(`${file.endsWith('corpus.test.ts') ? corpus : ''}${text}`).toMatch(new RegExp(`\\b${code}\\b`));
      }
    }
  });
});

describe('a check', () => {
  it('finds only codes that it brings along', () => {
    for (const { findings } of CHECKS)
      for (const [code, entry] of Object.entries(findings)) expect(CATALOGUE.get(code)).toBe(entry);
  });

  it('is added in two places: its own file and the registry', async () => {
    // Whatever else names a check would have to be changed with each new one.
    const names = ['secrets', 'unused'];
    const files = ['format', 'server', 'cli', 'web/src/lib', 'device'];
    const hits: string[] = [];
    for (const folder of files)
      for (const file of await readdir(path.join(ROOT, folder), { recursive: true })) {
        if (!/\.(?:ts|svelte)$/.test(file) || file.includes('generated')) continue;
        const text = await read(path.join(folder, file));
        for (const name of names)
          if (new RegExp(`${name}Check\\b|name: '${name}'`).test(text)) hits.push(path.join(folder, file));
      }
    const expected = ['format/checks/registry.ts', ...names.map((name) => `format/checks/${name}.ts`)];
    expect([...new Set(hits)].toSorted()).toEqual(expected.toSorted());
  });
});
