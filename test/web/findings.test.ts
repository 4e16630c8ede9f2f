// How findings are ordered for reading.
import { expect, it } from 'vitest';
import { groupFindings, placeOf } from '../../web/src/lib/versions/findings.ts';

type Finding = Parameters<typeof groupFindings>[0][number];
function finding(id: string, severity: Finding['severity'], file: string | null, line: number | null = null): Finding {
  return { id, code: 'X', severity, message: id, help: '', file, line, column: null };
}

it('puts what concerns the whole package first, then files with errors, then the rest by name', () => {
  const groups = groupFindings([
    finding('a', 'WARNING', 'a.lua'),
    finding('z', 'ERROR', 'z.lua'),
    finding('p', 'NOTICE', null),
    finding('b', 'NOTICE', 'b.lua'),
  ]);
  expect(groups.map((group) => group.file)).toEqual([null, 'z.lua', 'a.lua', 'b.lua']);
});

it('puts the worst finding of a file first, and equal ones by line', () => {
  const [group] = groupFindings([
    finding('late', 'ERROR', 'a.lua', 90),
    finding('note', 'NOTICE', 'a.lua', 1),
    finding('early', 'ERROR', 'a.lua', 4),
  ]);
  expect(group?.findings.map((each) => each.id)).toEqual(['early', 'late', 'note']);
  expect(group).toMatchObject({ errors: 2, warnings: 0, notices: 1 });
});

it('names the place as far as it is known', () => {
  expect(placeOf({ file: 'net.lua', line: 42, column: 7 })).toBe('net.lua:42:7');
  expect(placeOf({ file: 'net.lua', line: null, column: null })).toBe('net.lua');
  expect(placeOf({ file: null, line: null })).toBe('');
});
