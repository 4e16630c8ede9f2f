import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom, madeUpApp } from '../../prisma/seed-data.ts';
import { parseSearch } from '../../server/store/match.ts';
import { type AppSetup, createStoreWorld, type StoreWorld } from './world.ts';

/** What people look for, and the app they mean. The rest of the store is made-up apps full of the same words. */
const LABELLED: readonly { readonly query: string; readonly wanted: string }[] = [
  { query: 'chess', wanted: 'Chess' },
  { query: 'CHESS', wanted: 'Chess' },
  { query: 'weather', wanted: 'Weather' },
  { query: 'weather radar', wanted: 'Weather Radar Live' },
  { query: 'radar', wanted: 'Weather Radar Live' },
  { query: 'meteo', wanted: 'Météo Paris' },
  { query: 'météo', wanted: 'Météo Paris' },
  { query: 'paris', wanted: 'Météo Paris' },
  { query: 'sudo', wanted: 'Sudoku' },
  { query: 'notes', wanted: 'Notes' },
  { query: 'notes markdown', wanted: 'Plain Notes' },
  { query: 'markdown', wanted: 'Plain Notes' },
  { query: 'tide tables', wanted: 'Harbour' },
  { query: 'harb', wanted: 'Harbour' },
  { query: '2048', wanted: '2048 Again' },
  { query: 'c++', wanted: 'C++ Reference' },
  { query: 'гитара', wanted: 'Гитара' },
  { query: '電卓', wanted: '電卓' },
  { query: 'piano tuner', wanted: 'Piano Tuner' },
  { query: 'tuner piano', wanted: 'Piano Tuner' },
];
const APPS: readonly AppSetup[] = [
  { name: 'Chess', summary: 'The game of kings' },
  { name: 'Weather', summary: 'Will it rain' },
  { name: 'Weather Radar Live', summary: 'Rain on a map' },
  { name: 'Météo Paris', summary: 'Le temps' },
  { name: 'Sudoku', summary: 'Nine by nine' },
  { name: 'Notes', summary: 'Write it down' },
  { name: 'Plain Notes', summary: 'Text only', tags: ['markdown'] },
  { name: 'Harbour', summary: 'Tide tables for sailors' },
  { name: '2048 Again', summary: 'Slide the tiles' },
  { name: 'C++ Reference', summary: 'The standard library' },
  { name: 'Гитара', summary: 'Аккорды' },
  { name: '電卓', summary: '計算' },
  { name: 'Piano Tuner', summary: 'Listens and tells' },
];

let world: StoreWorld;

beforeAll(async () => {
  world = await createStoreWorld();
  // The wanted apps are the oldest: being new is no help to them.
  for (const app of APPS) await world.app(app);
  const random = createRandom(7);
  for (let index = 0; index < 600; index += 1) {
    const { name, summary, description, tags } = madeUpApp(index, random);
    await world.app({
      name: `${name} ${index}`,
      summary,
      description: `${description} Not a chess, weather or markdown notes app.`,
      tags,
    });
  }
});
afterAll(() => world.dispose());

/** Mean reciprocal rank over the labelled queries. */
function quality(ranked: (query: string) => readonly string[]): number {
  const ranks = LABELLED.map(({ query, wanted }) => {
    const place = ranked(query).indexOf(wanted);
    return place < 0 ? 0 : 1 / (place + 1);
  });
  return ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length;
}

describe('search', () => {
  it.each(LABELLED)('finds $wanted for $query among the first three', ({ query, wanted }) => {
    expect(world.names({ search: query, first: 3 })).toContain(wanted);
  });

  it('ranks as well as bm25 over everything', () => {
    const bm25 = world.db.raw
      .prepare<[string], string>(
        `SELECT a.name FROM app_fts JOIN apps a ON a.row_id = app_fts.rowid
         WHERE app_fts MATCH ? ORDER BY bm25(app_fts, 10, 4, 1, 6) LIMIT 20`,
      )
      .pluck();
    const plain = quality((query) =>
      bm25.all(
        query
          .split(' ')
          .map((word) => `"${word}" *`)
          .join(' AND '),
      ),
    );
    const ours = quality((query) => world.names({ search: query }));
    expect(plain).toBeGreaterThan(0.5);
    expect(ours).toBeGreaterThanOrEqual(plain);
    expect(ours).toBeGreaterThan(0.9);
  });

  it('has every match once over all pages', () => {
    const found = world.all({ search: 'weather', first: 7 });
    const expected = world.db.raw
      .prepare('SELECT count(*) FROM app_fts WHERE app_fts MATCH ?')
      .pluck()
      .get('"weather" *');
    expect(found.length).toBe(expected);
    expect(new Set(found).size).toBe(found.length);
  });

  it('wants every word', () => {
    expect(world.names({ search: 'chess zebra' })).toEqual([]);
    expect(world.names({ search: 'harbour sailors' })).toEqual(['Harbour']);
  });

  it('with only spaces is the whole store, with only signs finds nothing', () => {
    expect(world.names({ search: '   ' })).toEqual(world.names({}));
    expect(world.names({ search: '!!! ???' })).toEqual([]);
  });

  it.each([
    '"',
    '""',
    '"""',
    "'",
    "' OR 1=1 --",
    '*',
    'chess*',
    '^chess',
    'name:chess',
    '{name} : chess',
    'chess NOT game',
    'AND',
    'OR',
    'NOT',
    'NEAR(chess game, 2)',
    '(((',
    ')))',
    'chess AND',
    '+',
    '-chess',
    'a"b',
    '\\',
    '\0',
    'chess\0',
    '\u202e',
    '\ud800',
    'a\u0301',
    '%',
    '_',
    '{',
    '}',
    ':',
    'x'.repeat(200),
    'a '.repeat(100),
    '"* NOT *"',
    'rowid:1',
    'app_fts',
    'ＣＨＥＳＳ',
    '🙂',
    '🙂 chess',
  ])('takes %j as text', (search) => {
    expect(() => world.store.list({ search })).not.toThrow();
    expect(() => world.store.list({ search, sort: 'NAME' })).not.toThrow();
  });

  it('reads signs inside words as text, not as syntax', () => {
    expect(world.names({ search: 'chess*' })[0]).toBe('Chess');
    expect(world.names({ search: 'chess NOT kings' })).toEqual([]);
    expect(world.names({ search: 'name:chess' })).toEqual([]);
  });

  it('looks for at most eight words', () => {
    expect(parseSearch('a b c d e f g h i j').grades.at(-1)?.includes('"i"')).toBe(false);
    expect(parseSearch('one').grades).toHaveLength(5);
  });
});
