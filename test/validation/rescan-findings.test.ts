/** What counts as new in a rescan. */
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../format/findings.ts';
import { newFindings } from '../../server/validation/rescan-findings.ts';

describe('a finding is new', () => {
  const found = (code: string, file: string, line: number, severity: Finding['severity'] = 'warning'): Finding => ({
    code,
    severity,
    message: 'm',
    help: 'h',
    file,
    line,
  });
  const known = (code: string, file: string, line: number, severity = 'WARNING') => ({ code, severity, file, line });

  it('unless the record has one of its code in its file, at that line or another', () => {
    expect(newFindings([found('A', 'x', 3)], [known('A', 'x', 3)])).toEqual([]);
    expect(newFindings([found('A', 'x', 3)], [known('A', 'x', 9)])).toEqual([]);
    expect(newFindings([found('A', 'x', 3)], [known('A', 'y', 3)])).toHaveLength(1);
    expect(newFindings([found('A', 'x', 3)], [known('B', 'x', 3)])).toHaveLength(1);
  });

  it('if there are more of them than the record has, and it is the one at another line', () => {
    expect(newFindings([found('A', 'x', 1), found('A', 'x', 3)], [known('A', 'x', 3)]).map(({ line }) => line)).toEqual(
      [1],
    );
  });

  it('if it weighs more than before; a notice never is', () => {
    expect(newFindings([found('A', 'x', 1, 'error')], [known('A', 'x', 1)])).toHaveLength(1);
    expect(newFindings([found('A', 'x', 1, 'notice')], [])).toEqual([]);
  });
});
