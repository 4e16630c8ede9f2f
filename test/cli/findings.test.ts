/** How findings look at the terminal: by file, errors first, a remedy once for a run of one code, and how to learn more. */
import { describe, expect, it } from 'vitest';
import { findingLines, type ShownFinding } from '../../cli/findings.ts';

const found = (code: string, severity: ShownFinding['severity'], place: Partial<ShownFinding> = {}): ShownFinding => ({
  code,
  severity,
  message: `Message of ${code}.`,
  help: `Remedy of ${code}.`,
  ...place,
});
const plain = (findings: readonly ShownFinding[]) => findingLines(findings, 100).map((line) => line.plain);

describe('findings at the terminal', () => {
  it('stand by file, with place, message, remedy and how to learn more', () => {
    expect(plain([found('LUA_SYNTAX', 'error', { file: 'a.lua', line: 3, column: 7 })])).toEqual([
      'a.lua',
      '  error    LUA_SYNTAX  a.lua:3:7',
      '           Message of LUA_SYNTAX.',
      '           Fix: Remedy of LUA_SYNTAX.',
      '',
      'Why, with examples:',
      '  mosis explain LUA_SYNTAX',
      '',
    ]);
  });

  it('begin with the files that have errors, and stand in the order of the lines there', () => {
    const lines = plain([
      found('B_NOTICE', 'notice', { file: 'b.lua', line: 1 }),
      found('C_ERROR', 'error', { file: 'a.lua', line: 9 }),
      found('D_WARNING', 'warning', { file: 'a.lua', line: 1 }),
      found('A_ERROR', 'error', { file: 'a.lua', line: 2 }),
      found('E_ERROR', 'error'),
    ]);
    const heads = lines.filter((line) => /^(?:\S| {2}(?:error|warning|notice))/.test(line)).slice(0, 8);
    expect(heads).toEqual([
      'a.lua',
      '  error    A_ERROR  a.lua:2',
      '  error    C_ERROR  a.lua:9',
      '  warning  D_WARNING  a.lua:1',
      'The package',
      '  error    E_ERROR',
      'b.lua',
      '  notice   B_NOTICE  b.lua:1',
    ]);
  });

  it('say a remedy once for several findings of one code in a file', () => {
    const lines = plain([1, 2, 3].map((line) => found('LUA_PROCESS', 'error', { file: 'a.lua', line })));
    expect(lines.filter((line) => line.includes('Fix:'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('Message'))).toHaveLength(3);
  });

  it('show fifty and count the rest', () => {
    const lines = plain(Array.from({ length: 60 }, (_, i) => found('X_Y', 'error', { file: `${i}.lua` })));
    expect(lines).toContain('10 more; --json lists all.');
    expect(lines.filter((line) => line.startsWith('  error'))).toHaveLength(50);
  });

  it('escape what came from the package', () => {
    const [head = ''] = plain([found('X_Y', 'error', { file: 'a\u001b[31m.lua' })]);
    expect(head).toBe('a\\u{1b}[31m.lua');
  });

  it('say nothing where there are none', () => {
    expect(plain([])).toEqual([]);
  });
});
