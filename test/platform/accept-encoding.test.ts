import { expect, it } from 'vitest';
import { acceptsCoding } from '../../server/platform/accept-encoding.ts';

it.each(['br', 'gzip, br', 'gzip;q=0.5, BR ; q=0.001', 'br;q=1', 'br;q=1.000', 'deflate,br,gzip'])(
  'takes br: %s',
  (header) => {
    expect(acceptsCoding(header, 'br')).toBe(true);
  },
);

it.each([
  '',
  '*',
  'gzip',
  'brotli',
  'br;q=0',
  'br;q=0.000',
  'br, br;q=0',
  'br;q=-1',
  'br;q=2',
  'br;q=0.0001',
  'br;x',
  `br,${'x'.repeat(1024)}`,
])('does not take br: %s', (header) => {
  expect(acceptsCoding(header, 'br')).toBe(false);
});
