import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DomainError } from '../../server/errors.ts';
import { createStoreWorld, type StoreWorld } from './world.ts';

let world: StoreWorld;

beforeAll(async () => {
  world = await createStoreWorld();
  const { app } = world;
  await app({ name: 'banana', category: 'FOOD', tags: ['fruit', 'yellow'], permissions: ['storage'] });
  await app({ name: 'Apple', category: 'FOOD', tags: ['fruit'], permissions: ['storage', 'camera'] });
  await app({ name: 'cherry', category: 'GAMES', tags: ['fruit', 'red'] });
  await app({ name: 'Date', category: 'TOOLS', permissions: ['camera'] });
  await app({ name: 'apple', category: 'GAMES', tags: ['fruit', 'red'], permissions: ['storage'] });
  await app({ name: 'Hidden draft', status: 'DRAFT', category: 'FOOD', tags: ['fruit'] });
  await app({ name: 'Hidden by owner', status: 'UNPUBLISHED', category: 'FOOD', tags: ['fruit'] });
  await app({ name: 'Hidden by us', status: 'SUSPENDED', category: 'FOOD', tags: ['fruit'] });
});
afterAll(() => world.dispose());

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

describe('the store', () => {
  it('lists what is published, newest first', () => {
    expect(world.names({})).toEqual(['apple', 'Date', 'cherry', 'Apple', 'banana']);
  });

  it('lists by name without the case of letters, older first of equals', () => {
    expect(world.names({ sort: 'NAME' })).toEqual(['Apple', 'apple', 'banana', 'cherry', 'Date']);
  });

  it.each([
    [{ category: 'FOOD' }, ['Apple', 'banana']],
    [{ tags: ['fruit', 'red'] }, ['apple', 'cherry']],
    [{ permissions: ['camera'] }, ['Date', 'Apple']],
    [{ permissions: ['camera', 'storage'], category: 'FOOD', tags: ['fruit'] }, ['Apple']],
    [{ tags: ['fruit', 'nobody-has-it'] }, []],
    [{ category: 'GAMES', permissions: ['camera'] }, []],
    [{ category: 'FOOD', sort: 'NAME' }, ['Apple', 'banana']],
    [{ tags: ['fruit', 'red'], sort: 'NAME' }, ['apple', 'cherry']],
    [{ search: 'apple', category: 'GAMES' }, ['apple']],
    [{ search: 'fruit', tags: ['red'], sort: 'NAME' }, ['apple', 'cherry']],
    [{ search: 'fruit', sort: 'NEWEST' }, ['apple', 'cherry', 'Apple', 'banana']],
  ] as const)('filters by %j', (input, expected) => {
    expect(world.names(input)).toEqual(expected);
  });

  it.each([
    {},
    { sort: 'NAME' },
    { search: 'fruit' },
    { search: 'fruit', sort: 'NAME' },
    { tags: ['fruit', 'red'] },
    { category: 'FOOD', sort: 'NAME' },
  ] as const)('gives the same in pages of one as in one page: %j', (input) => {
    const whole = world.names({ ...input, first: 100 });
    expect(whole.length).toBeGreaterThan(1);
    expect(world.all({ ...input, first: 1 })).toEqual(whole);
  });

  it('shows an app with the version it offers', () => {
    const app = world.store.app('com.example.app2');
    expect(app).toMatchObject({ name: 'Apple', category: 'FOOD', tags: ['fruit'], developerName: 'Ada' });
    expect(app?.version).toMatchObject({
      versionCode: 3,
      permissions: ['storage', 'camera'],
      iconSizes: ['64'],
      packageSize: 1234,
    });
    expect(app?.updatedAt.toISOString()).toBe('2026-01-05T12:02:00.000Z');
  });

  it.each([
    'com.example.app6',
    'com.example.app7',
    'com.example.app8',
    'com.example.none',
    "x' OR 1=1 --",
    'x'.repeat(10_000),
  ])('has no page for %s', (packageId) => {
    expect(world.store.app(packageId)).toBeNull();
  });

  it.each([
    [{ first: 0 }, 'VALIDATION'],
    [{ first: 101 }, 'VALIDATION'],
    [{ search: 'x'.repeat(201) }, 'VALIDATION'],
    [{ tags: ["a' OR 1"] }, 'VALIDATION'],
    [{ permissions: ['everything'] }, 'VALIDATION'],
    [{ tags: 'abcdefghijk'.split('') }, 'VALIDATION'],
    [{ after: 'garbage' }, 'CURSOR_INVALID'],
    [{ after: Buffer.from('["NAME","a",1]').toString('base64url') }, 'CURSOR_INVALID'],
    [{ after: Buffer.from('["NEWEST",{"$gt":1},1]').toString('base64url') }, 'CURSOR_INVALID'],
    [{ after: 'A'.repeat(5_000) }, 'CURSOR_INVALID'],
  ])('refuses %j', (input, code) => {
    expect(codeOf(() => world.store.list(input))).toBe(code);
  });
});

describe('a page after a cursor', () => {
  it.each([
    { sort: 'NEWEST' },
    { sort: 'NAME' },
    { search: 'walk' },
    { search: 'walk', sort: 'NAME' },
    { tags: ['walked'], category: 'SPORTS' },
  ] as const)('repeats nothing and loses nothing while apps are added: %j', async (input) => {
    const own = await createStoreWorld();
    const listed = { summary: 'a walk', tags: ['walked'], category: 'SPORTS' };
    for (let i = 0; i < 30; i++)
      await own.app({ ...listed, name: `Walk ${String.fromCharCode(65 + ((i * 7) % 26))}${i}` });
    const before = own.all({ ...input, first: 100 });
    const seen: string[] = [];
    for (let after: string | null = null; ; ) {
      const page = own.store.list({ ...input, first: 4, after });
      seen.push(...page.items.map((item) => item.app.name));
      if (!page.hasNextPage) break;
      after = page.items.at(-1)?.cursor ?? null;
      await own.app({
        ...listed,
        name: `Walk ${String.fromCharCode(65 + ((seen.length * 5) % 26))} late ${seen.length}`,
      });
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((name) => !name.includes('late'))).toEqual(before);
    await own.dispose();
  });
});

describe('what is listed', () => {
  it('follows publishing, hiding, renaming, new tags and deletion', async () => {
    const own = await createStoreWorld();
    const packageId = await own.app({ name: 'First', tags: ['old'], category: 'FOOD', permissions: ['camera'] });
    const change = (data: object) => own.db.prisma.app.update({ where: { packageId }, data });
    expect(own.names({ tags: ['old'], permissions: ['camera'] })).toEqual(['First']);
    await change({ tags: ['new'], tagText: 'new', name: 'Second', category: null });
    expect([own.names({ tags: ['old'] }), own.names({ tags: ['new'] }), own.names({ category: 'FOOD' })]).toEqual([
      [],
      ['Second'],
      [],
    ]);
    expect([own.names({ search: 'First' }), own.names({ search: 'Second' })]).toEqual([[], ['Second']]);
    await change({ status: 'SUSPENDED' });
    expect([
      own.names({}),
      own.names({ sort: 'NAME' }),
      own.names({ search: 'second' }),
      own.names({ tags: ['new'] }),
    ]).toEqual([[], [], [], []]);
    await change({ status: 'PUBLISHED' });
    expect(own.names({ permissions: ['camera'] })).toEqual(['Second']);
    await change({ latestVersionId: null, status: 'UNPUBLISHED' });
    expect(own.names({})).toEqual([]);
    await own.db.prisma.app.delete({ where: { packageId } });
    expect(own.db.raw.prepare('SELECT count(*) FROM store_facets').pluck().get()).toBe(0);
    await own.dispose();
  });

  it('is written anew only when what the store shows changes', async () => {
    const own = await createStoreWorld();
    const packageId = await own.app({ name: 'One', tags: ['a'] });
    const changes = (): unknown =>
      own.db.raw.prepare('SELECT group_concat(facet || last_published_at) FROM store_facets').pluck().get();
    const before = changes();
    await own.db.prisma.app.update({ where: { packageId }, data: { highestCode: 9, status: 'PUBLISHED' } });
    expect(changes()).toBe(before);
    await own.dispose();
  });
});
