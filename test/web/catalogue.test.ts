// How the portal searches and arranges the catalogue of findings.
import { expect, it } from 'vitest';
import { type Entry, shelvesOf } from '../../web/src/routes/(public)/docs/findings/catalogue.ts';

const entry = (code: string, severity: Entry['severity'], section: string, fix = ''): Entry => ({
  code,
  severity,
  section,
  title: code,
  why: '',
  fix,
});
const catalogue = [
  entry('LUA_B', 'WARNING', '6'),
  entry('LUA_A', 'ERROR', '6', 'Use a constant host.'),
  entry('MANIFEST_A', 'ERROR', '3'),
];
const codes = (wanted: Partial<Parameters<typeof shelvesOf>[1]>) =>
  shelvesOf(catalogue, { words: '', severity: '', section: '', ...wanted }).map(({ section, entries }) => [
    section,
    ...entries.map(({ code }) => code),
  ]);

it('shelves by section, the worst first', () => {
  expect(codes({})).toEqual([
    ['3', 'MANIFEST_A'],
    ['6', 'LUA_A', 'LUA_B'],
  ]);
});

it('finds entries that have every word, also in what to do', () => {
  expect(codes({ words: 'host lua' })).toEqual([['6', 'LUA_A']]);
  expect(codes({ words: 'host manifest' })).toEqual([]);
});

it('keeps to the severity and section asked for', () => {
  expect(codes({ severity: 'WARNING' })).toEqual([['6', 'LUA_B']]);
  expect(codes({ section: '3' })).toEqual([['3', 'MANIFEST_A']]);
});
