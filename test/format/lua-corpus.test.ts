// The labelled corpus: every dangerous case is an error of its code, every look-alike has no finding. Both figures are printed.
import { expect, test } from 'vitest';
import { luaCheck } from '../../format/checks/lua.ts';
import type { Finding } from '../../format/findings.ts';
import { type Case, MAIN } from './lua-corpus/case.ts';
import { DANGEROUS } from './lua-corpus/dangerous.ts';
import { DANGEROUS_DOUBT } from './lua-corpus/dangerous-doubt.ts';
import { DANGEROUS_FLOW } from './lua-corpus/dangerous-flow.ts';
import { DANGEROUS_NAMES } from './lua-corpus/dangerous-names.ts';
import { DANGEROUS_PACKAGES } from './lua-corpus/dangerous-packages.ts';
import { DANGEROUS_SECOND } from './lua-corpus/dangerous-second.ts';
import { INNOCENT } from './lua-corpus/innocent.ts';
import { INNOCENT_IDIOMS } from './lua-corpus/innocent-idioms.ts';

const EVERY_DANGEROUS = [
  ...DANGEROUS,
  ...DANGEROUS_FLOW,
  ...DANGEROUS_NAMES,
  ...DANGEROUS_PACKAGES,
  ...DANGEROUS_SECOND,
  ...DANGEROUS_DOUBT,
];
const EVERY_INNOCENT = [...INNOCENT, ...INNOCENT_IDIOMS];
const ALWAYS_THERE = { util: 'return {}', net: 'return {}', 'pages.home': 'return {}' };

const encoder = new TextEncoder();

async function analyse({ source, modules }: Case): Promise<readonly Finding[]> {
  const files = new Map([[MAIN, encoder.encode(source)]]);
  for (const [name, text] of Object.entries({ ...ALWAYS_THERE, ...modules }))
    files.set(`assets/scripts/${name.replaceAll('.', '/')}.lua`, encoder.encode(text));
  return luaCheck.run({ files, manifest: null });
}

/** Errors of the analysis itself; a case that does not parse would prove nothing. */
function errors(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter((f) => f.severity === 'error' && f.code !== 'LUA_SYNTAX' && f.code !== 'LUA_TOO_COMPLEX');
}

async function judged<C extends Case>(cases: readonly C[]) {
  return Promise.all(cases.map(async (entry) => ({ ...entry, findings: await analyse(entry) })));
}

test('the corpus is large enough to mean something', () => {
  expect(EVERY_DANGEROUS.length).toBeGreaterThanOrEqual(600);
  expect(EVERY_INNOCENT.length).toBeGreaterThanOrEqual(220);
  expect(new Set(EVERY_DANGEROUS.map((s) => s.technique)).size).toBeGreaterThanOrEqual(40);
  const sources = [...EVERY_DANGEROUS, ...EVERY_INNOCENT].map((s) => JSON.stringify([s.source, s.modules]));
  expect(sources.filter((source, i) => sources.indexOf(source) !== i)).toEqual([]);
});

test('recall is 1 for every technique, and precision is 1', async () => {
  const found = await judged(EVERY_DANGEROUS);
  const missed = found.filter((s) => errors(s.findings).length === 0);
  const wrong = (await judged(EVERY_INNOCENT)).filter((s) => s.findings.length > 0);
  const lines = [...Map.groupBy(found, (s) => s.technique)].map(([technique, cases]) => {
    const caught = cases.filter((s) => errors(s.findings).length > 0).length;
    return `  ${(caught / cases.length).toFixed(3)}  ${technique} (${cases.length})`;
  });
  const caught = found.length - missed.length;
  console.log(
    [
      `Lua corpus: ${found.length} dangerous in ${lines.length} techniques, ${EVERY_INNOCENT.length} innocent; ` +
        `recall ${(caught / found.length).toFixed(3)}, precision ${(caught / (caught + wrong.length)).toFixed(3)}`,
      ...lines,
    ].join('\n'),
  );
  expect(missed.map((s) => [s.source, s.modules])).toEqual([]);
  expect(wrong.map((s) => [s.source, s.findings.map((f) => `${f.code}: ${f.message}`)])).toEqual([]);
});

test.each(EVERY_DANGEROUS)('$code by $technique: $source', async (entry) => {
  const codes = errors(await analyse(entry)).map((f) => f.code);
  if (entry.code === null) expect(codes).not.toEqual([]);
  else expect(codes).toContain(entry.code);
});
