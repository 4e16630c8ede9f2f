// The labelled corpus: every dangerous snippet is an error of its code, every look-alike is clean. Both figures are printed.
import { expect, test } from 'vitest';
import type { Finding } from '../../format/findings.ts';
import { analyseLua } from '../../format/lua/analyse.ts';
import { Modules } from '../../format/lua/modules.ts';
import { DANGEROUS } from './lua-corpus/dangerous.ts';
import { INNOCENT } from './lua-corpus/innocent.ts';

const FILES = ['util', 'net', 'pages/home'].map((name) => `assets/scripts/${name}.lua`);
const modules = new Modules(new Map(FILES.map((file) => [file, new Uint8Array()])), []);

function analyse(text: string): readonly Finding[] {
  const file = 'assets/scripts/main.lua';
  return analyseLua({ file, text, line: 1, column: 1, locals: [] }, (name) => modules.resolve(name, file)).findings;
}

test('the corpus is large enough to mean something', () => {
  expect(DANGEROUS.length).toBeGreaterThanOrEqual(60);
  expect(INNOCENT.length).toBeGreaterThanOrEqual(60);
  expect(new Set(DANGEROUS.map((s) => s.technique)).size).toBeGreaterThanOrEqual(15);
});

test('recall and precision on the corpus are 1', () => {
  const missed = DANGEROUS.filter((s) => !analyse(s.source).some((f) => f.severity === 'error'));
  const wrong = INNOCENT.filter((s) => analyse(s.source).length > 0);
  const caught = DANGEROUS.length - missed.length;
  const recall = caught / DANGEROUS.length;
  const precision = caught / (caught + wrong.length);
  console.log(
    `Lua corpus: ${DANGEROUS.length} dangerous, ${INNOCENT.length} innocent; recall ${recall.toFixed(3)}, precision ${precision.toFixed(3)}`,
  );
  expect(missed.map((s) => s.source)).toEqual([]);
  expect(wrong.map((s) => [s.source.slice(0, 200), analyse(s.source).map((f) => `${f.code}: ${f.message}`)])).toEqual(
    [],
  );
});

test.each(DANGEROUS.map((s) => [s.code, s.technique, s.source]))('%s by %s: %s', (code, _technique, source) => {
  expect(analyse(source).map((f) => f.code)).toContain(code);
});
