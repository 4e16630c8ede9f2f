// Small decisions of the review workspace: what changed, what is folded, what is hidden, where the keys lead.
import { expect, it } from 'vitest';
import { collapsedRuns } from '../../web/src/lib/code/collapse.ts';
import { hiddenCharacters } from '../../web/src/lib/code/hidden.ts';
import { languageOf, shapeOf } from '../../web/src/lib/code/shape.ts';
import { spread } from '../../web/src/lib/code/spread.ts';
import { isWholeLine } from '../../web/src/lib/code/whole-lines.ts';
import { filePath, reviewPath } from '../../web/src/lib/reviews/address.ts';
import { countKinds, fileRows, filterFiles, neighbour } from '../../web/src/lib/reviews/files.ts';
import { actOf } from '../../web/src/lib/reviews/kinds.ts';
import { manifestDiff } from '../../web/src/lib/reviews/manifest.ts';
import { readPages } from '../../web/src/lib/reviews/pages.ts';
import { inWalkingOrder, nextReview, stepTo } from '../../web/src/lib/reviews/walk.ts';

const file = (path: string, size = 10) => ({ path, size });

it('lists every file by path, the removed ones among them, with the worst finding of each', () => {
  const rows = fileRows(
    [file('b.lua', 20), file('a.lua')],
    [
      { path: 'b.lua', kind: 'CHANGED', before: { size: '15' } },
      { path: 'c.lua', kind: 'REMOVED', before: { size: 5 } },
    ],
    [
      { file: 'b.lua', severity: 'NOTICE' },
      { file: 'b.lua', severity: 'ERROR' },
      { file: null, severity: 'WARNING' },
    ],
  );
  expect(rows).toEqual([
    { path: 'a.lua', size: 10, before: null, kind: null, findings: 0, worst: null },
    { path: 'b.lua', size: 20, before: 15, kind: 'CHANGED', findings: 2, worst: 'ERROR' },
    { path: 'c.lua', size: null, before: 5, kind: 'REMOVED', findings: 0, worst: null },
  ]);
  expect(countKinds(rows)).toEqual({ ADDED: 0, CHANGED: 1, REMOVED: 1 });
});

it('filters files by every word and walks them in a circle', () => {
  const rows = fileRows([file('assets/net.lua'), file('assets/ui/main.rml'), file('README.md')], [], []);
  expect(filterFiles(rows, 'RML assets', false).map(({ path }) => path)).toEqual(['assets/ui/main.rml']);
  expect(filterFiles(rows, '', true)).toEqual([]);
  expect(neighbour(rows, 'assets/ui/main.rml', 1)?.path).toBe('README.md');
  expect(neighbour(rows, 'README.md', -1)?.path).toBe('assets/ui/main.rml');
  expect(neighbour(rows, null, 1)?.path).toBe('README.md');
});

it('compares manifests field by field, nested ones by their path, lists as one value', () => {
  const before = JSON.stringify({ version: '1.0.0', author: { name: 'Ada', email: 'a@x' }, permissions: ['storage'] });
  const after = JSON.stringify({ version: '1.1.0', author: { name: 'Ada' }, permissions: ['storage', 'camera'] });
  expect(manifestDiff(before, after)).toEqual([
    { field: 'version', before: '1.0.0', after: '1.1.0' },
    { field: 'permissions', before: '["storage"]', after: '["storage","camera"]' },
    { field: 'author.email', before: 'a@x', after: null },
  ]);
});

it('compares no manifest that is none, and survives names that objects have of themselves', () => {
  expect(manifestDiff('{', '{}')).toBeNull();
  expect(manifestDiff('[]', '{}')).toBeNull();
  expect(manifestDiff('{}', '{"__proto__": {"x": 1}, "constructor": 2}')).toEqual([
    { field: '__proto__.x', before: null, after: '1' },
    { field: 'constructor', before: null, after: '2' },
  ]);
});

it('walks findings by file and line, what concerns the whole package first, in a circle', () => {
  const walk = inWalkingOrder([
    { id: 'b9', file: 'b.lua', line: 9 },
    { id: 'b2', file: 'b.lua', line: 2 },
    { id: 'all', file: null, line: null },
    { id: 'a', file: 'a.lua', line: null },
  ]);
  expect(walk.map(({ id }) => id)).toEqual(['all', 'a', 'b2', 'b9']);
  expect(stepTo(walk, 'b9', 1)?.id).toBe('all');
  expect(stepTo(walk, null, -1)?.id).toBe('b9');
  expect(stepTo([], null, 1)).toBeUndefined();
});

it('opens the next review that nobody else holds', () => {
  const row = (id: string, state = 'QUEUED', claimedByViewer = false) => ({ id, state, claimedByViewer });
  const rows = [row('1'), row('2'), row('3', 'CLAIMED'), row('4', 'CLAIMED', true)];
  expect(nextReview(rows, '2')?.id).toBe('4');
  expect(nextReview(rows, '4')?.id).toBe('1');
  expect(nextReview([row('1')], '1')).toBeUndefined();
});

it('says of a review beside the state whether its version stays or goes', () => {
  expect(actOf('MANUAL', 'IN_REVIEW')).toBe('decide');
  expect(actOf('APPEAL', 'IN_REVIEW')).toBe('decide');
  expect(actOf('REPORT', 'PUBLISHED')).toBe('stayOrSuspend');
  expect(actOf('SAMPLE', 'APPROVED')).toBe('stayOrReject');
});

it('keeps the filters of the queue on the way to another review, and leaves the open file behind', () => {
  expect(reviewPath('a=', '?mine=1&file=x&tab=files&pane=decision')).toBe('/reviews/a%3D?mine=1');
  expect(filePath({ href: 'http://h/reviews/a?mine=1&pane=decision' }, 'a b.lua')).toBe(
    '/reviews/a?mine=1&tab=files&file=a+b.lua',
  );
});

it('reads a paged list anew from its first page, so that a row that moved is neither missed nor doubled', async () => {
  const served: (string | null)[] = [];
  const pages: Record<string, { rows: { id: string }[]; endCursor: string | null; hasNext: boolean }> = {
    '': { rows: [{ id: 'new' }, { id: '1' }], endCursor: 'c1', hasNext: true },
    c1: { rows: [{ id: '1' }, { id: '2' }], endCursor: 'c2', hasNext: true },
  };
  const read = await readPages(async (after) => {
    served.push(after);
    return pages[after ?? ''] ?? { rows: [], endCursor: null, hasNext: false };
  }, 2);
  expect(served).toEqual([null, 'c1']);
  expect(read).toEqual({ rows: [{ id: 'new' }, { id: '1' }, { id: '2' }], hasNext: true });
});

it('folds unchanged lines away, but none near a change or a finding', () => {
  const options = { keep: [], margin: 3, minLines: 4 };
  // 100 lines, one change at line 50.
  const gaps = [
    { fromA: 1, fromB: 1, lines: 49 },
    { fromA: 51, fromB: 51, lines: 50 },
  ];
  expect(collapsedRuns(gaps, options)).toEqual([
    { fromA: 1, fromB: 1, lines: 46 },
    { fromA: 54, fromB: 54, lines: 47 },
  ]);
  expect(collapsedRuns(gaps, { ...options, keep: [20] })).toEqual([
    { fromA: 1, fromB: 1, lines: 16 },
    { fromA: 24, fromB: 24, lines: 23 },
    { fromA: 54, fromB: 54, lines: 47 },
  ]);
  expect(collapsedRuns([{ fromA: 1, fromB: 1, lines: 6 }], { ...options, keep: [3] })).toEqual([]);
});

it('finds characters that cannot be seen or that turn the order of what is seen', () => {
  const found = hiddenCharacters('local a = 1\r\n-- \u202E } \u2066if\nlocal b\u200B = "\u{e0041}"\n');
  expect(found).toEqual([
    { line: 2, column: 4, name: 'U+202E right-to-left override', reorders: true },
    { line: 2, column: 8, name: 'U+2066 left-to-right isolate', reorders: true },
    { line: 3, column: 8, name: 'U+200B zero width space', reorders: false },
    { line: 3, column: 13, name: 'U+E0041', reorders: false },
  ]);
  expect(hiddenCharacters('tab\tand\nline\r\nend: שלום, 日本語, é')).toEqual([]);
  expect(hiddenCharacters('\u0000'.repeat(500), 10)).toHaveLength(10);
});

it('knows the language of a file by its ending, and a packed file by its longest line', () => {
  expect(['a.lua', 'b.rml', 'c.RCSS', 'signature.sig', 'd.md', 'e.bin', 'f'].map(languageOf)).toEqual([
    'lua',
    'xml',
    'css',
    'json',
    'markdown',
    null,
    null,
  ]);
  expect(shapeOf('a\nbb\nccc')).toEqual({ lines: 3, longest: 3, packed: false });
  expect(shapeOf('x'.repeat(5000)).packed).toBe(true);
});

it('breaks packed lines for reading, never within a string or a comment, and loses nothing', () => {
  const pad = ' '.repeat(1000);
  const lua = `local a=1;local s="x;end"--[[ local ]]if a then return s end${pad}`;
  const read = spread(`short;line\n${lua}`, 'lua');
  expect(read.text.split('\n').map((line) => line.trim())).toEqual([
    'short;line',
    'local a=1;',
    'local s="x;end"--[[ local ]]',
    'if a then',
    'return s',
    'end',
  ]);
  expect(read.text.replaceAll('\n', '')).toBe(`short;line${lua}`);
  expect([read.lineAt(1, 3), read.lineAt(2, 1), read.lineAt(2, lua.indexOf('return') + 1)]).toEqual([1, 2, 5]);
  expect(spread(`{"a":[1,"{,"],"a":2}${pad}`, 'json').text.trim()).toBe('{\n"a":[\n1,\n"{,"],\n"a":2}');
  expect(spread(lua, null).text).toBe(lua);
});

it('breaks a line of nothing but open strings within a moment', () => {
  const hostile = `"${'\\"'.repeat(100_000)}\\`;
  const startMs = performance.now();
  expect(spread(hostile, 'lua').text).toBe(hostile);
  expect(spread(hostile, 'json').text).toBe(hostile);
  expect(performance.now() - startMs).toBeLessThan(2_000);
});

it('marks changed text only where a part of the line stayed, blanks aside', () => {
  expect(isWholeLine('  local a = 1', [{ from: 0, to: 13 }])).toBe(true);
  expect(isWholeLine('  local a = 1', [{ from: 2, to: 99 }])).toBe(true);
  expect(
    isWholeLine('ab', [
      { from: 0, to: 1 },
      { from: 1, to: 2 },
    ]),
  ).toBe(true);
  expect(isWholeLine('  local a = 1', [{ from: 12, to: 13 }])).toBe(false);
  expect(isWholeLine('    local a', [{ from: 0, to: 2 }])).toBe(false);
  expect(isWholeLine('local a', [])).toBe(false);
});
