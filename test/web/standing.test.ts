// Where the portal says that a version stands between its developer and the reviewers.
import { expect, it } from 'vitest';
import { dayName } from '../../web/src/lib/format/time.ts';
import { appealStanding, isHeld, nextVersionName } from '../../web/src/lib/versions/standing.ts';

const rejected = { viewerCanAppeal: true, checks: [{ name: 'lua', state: 'FAILED' }] };

it('offers an appeal once, and not against the format', () => {
  expect(appealStanding(rejected, [{ type: 'REJECTED' }])).toBe('possible');
  expect(appealStanding(rejected, [{ type: 'REJECTED' }, { type: 'APPEALED' }, { type: 'REJECTED' }])).toBe('appealed');
  const unsigned = { ...rejected, checks: [...rejected.checks, { name: 'signature', state: 'FAILED' }] };
  expect(appealStanding(unsigned, [])).toBe('format');
  expect(appealStanding({ ...rejected, viewerCanAppeal: false }, [])).toBe('role');
});

it('says that a reviewer holds it until the claim is given back or the next round waits', () => {
  expect(isHeld([{ type: 'QUEUED' }])).toBe(false);
  expect(isHeld([{ type: 'QUEUED' }, { type: 'CLAIMED' }, { type: 'COMMENTED' }])).toBe(true);
  expect(isHeld([{ type: 'QUEUED' }, { type: 'CLAIMED' }, { type: 'RELEASED' }])).toBe(false);
  expect(isHeld([{ type: 'CLAIMED' }, { type: 'REJECTED' }, { type: 'APPEALED' }, { type: 'QUEUED' }])).toBe(false);
});

it('names the version that mends another', () => {
  expect(['1.4.0', '0.9.19', '2.0.0-beta.3', '1.0.0+build.7', 'odd'].map(nextVersionName)).toEqual([
    '1.4.1',
    '0.9.20',
    '2.0.0',
    '1.0.1',
    'odd',
  ]);
});

it('names days next to today by word and others by date', () => {
  const now = new Date(2026, 2, 10, 0, 30).getTime();
  const at = (days: number) => new Date(2026, 2, 10 + days, 23, 0).toISOString();
  expect([-2, -1, 0, 1].map((days) => dayName(at(days), now))).toEqual(['Mar 8', 'yesterday', 'today', 'tomorrow']);
});
