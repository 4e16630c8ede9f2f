// Times, sizes and counts as the portal words them.

import { expect, it } from 'vitest';
import { isolated } from '../../web/src/lib/format/bidi.ts';
import { byteSize, ordinal, percent } from '../../web/src/lib/format/numbers.ts';
import { dayAndTime, duration, lastDays, relativeTime } from '../../web/src/lib/format/time.ts';
import { describeAgent } from '../../web/src/lib/format/user-agent.ts';

const now = new Date(2026, 2, 10, 14, 30).getTime();
const at = (offsetMs: number) => new Date(now + offsetMs).toISOString();

it('says how long ago in one unit, and the date from a week on', () => {
  expect(relativeTime(at(-20_000), now)).toBe('just now');
  expect(relativeTime(at(-5 * 60_000), now)).toBe('5 min. ago');
  expect(relativeTime(at(3 * 3_600_000), now)).toBe('in 3 hr.');
  expect(relativeTime(at(-9 * 86_400_000), now)).toBe('Mar 1');
});

it('names the neighbouring days by word', () => {
  expect(dayAndTime(new Date(2026, 2, 11, 9, 5).toISOString(), now)).toBe('tomorrow 09:05');
  expect(dayAndTime(new Date(2026, 2, 10, 0, 0).toISOString(), now)).toBe('today 00:00');
  expect(dayAndTime(new Date(2026, 2, 14, 9, 5).toISOString(), now)).toBe('Mar 14 09:05');
});

it('words a length of time in one unit', () => {
  expect([400, 12_000, 300_000, 5 * 3_600_000, 72 * 3_600_000].map(duration)).toEqual([
    '0.4 s',
    '12 s',
    '5 min',
    '5 h',
    '3 d',
  ]);
});

it('lists whole days in UTC up to today', () => {
  expect(lastDays(3, Date.UTC(2026, 2, 1, 0, 30))).toEqual(['2026-02-27', '2026-02-28', '2026-03-01']);
});

it('words sizes in decimal units and never shows 1000 of one', () => {
  expect([0, 999, 1000, 3_812_345, 999_999, '52428800'].map(byteSize)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '3.8 MB',
    '1.0 MB',
    '52 MB',
  ]);
});

it('forms ordinals also past the teens', () => {
  expect([1, 2, 3, 4, 11, 12, 13, 21, 102, 113].map(ordinal)).toEqual([
    '1st',
    '2nd',
    '3rd',
    '4th',
    '11th',
    '12th',
    '13th',
    '21st',
    '102nd',
    '113th',
  ]);
});

it('rounds a share to 100 % only when it is nearly all', () => {
  expect(percent(0.9991)).toBe('99.9 %');
  expect(percent(0.99996)).toBe('100 %');
});

it('reads a browser out of its user agent and shows the raw text otherwise', () => {
  expect(describeAgent('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36')).toBe(
    'Chrome on Linux',
  );
  expect(describeAgent('curl/8')).toBe('curl/8');
  expect(describeAgent(null)).toBeNull();
});

it('isolates only names that run from right to left', () => {
  expect(isolated('Notes')).toBe('Notes');
  expect(isolated('שלום')).toBe('\u2068שלום\u2069');
});
