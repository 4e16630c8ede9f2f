/** The cache of public answers: the same bytes, never a viewer's, and gone with every change that the store shows. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPublicCache } from '../../server/graphql/public-cache.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { type AppHandle, createSeed, type Developer, type Reviewer, type VersionHandle } from '../support/seed.ts';

let app: TestApp;
let ada: Developer;
let rita: Reviewer;
let notes: AppHandle;
let version: VersionHandle;
beforeAll(async () => {
  app = await startApp();
  const seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer();
  notes = await ada.app('com.example.notes');
  version = await notes.upload();
  await version.published(rita);
});
afterAll(() => app.close());

const STORE = '{ store { nodes { packageId name developerName version { versionCode } } } }';

async function ask(query: string, headers: Record<string, string> = {}): Promise<{ text: string; headers: Headers }> {
  const response = await fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  return { text: await response.text(), headers: response.headers };
}

/** Changes a row behind the server's back, which only an answer that is computed anew can show. */
function renameBehind(name: string): Promise<void> {
  return app.services.work(async ({ tx }) => void (await tx.app.update({ where: { id: notes.key }, data: { name } })));
}

it('answers a repeat with the same bytes, without computing it again', async () => {
  const first = await ask(STORE);
  await renameBehind('Changed');
  const again = await ask(STORE);
  expect(again.text).toBe(first.text);
  expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
  expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
  const other = await ask(`${STORE} # another document`);
  expect(other.text).toContain('Changed');
});

it('is not asked and not filled by a viewer', async () => {
  const query = '{ store { nodes { name } } }';
  await ask(query);
  await renameBehind('For viewers');
  const byCookie = await ask(query, { cookie: ada.session.cookie ?? '', origin: app.url });
  expect(byCookie.text).toContain('For viewers');
  const mixed = '{ store { nodes { name } } viewer { developer { email } } }';
  expect((await ask(mixed, { cookie: ada.session.cookie ?? '', origin: app.url })).text).toContain(ada.email);
  expect((await ask(mixed)).text).not.toContain(ada.email);
  expect((await ask(query)).text).not.toContain('For viewers');
});

it.each([
  ['a new listing', () => ada.done('updateListing', { appId: notes.id, name: 'Listing' }), 'Listing'],
  ['unpublishing', () => ada.done('unpublishVersion', { versionId: version.id }), '"nodes":[]'],
  ['publishing', () => ada.done('publishVersion', { versionId: version.id }), 'com.example.notes'],
  ['suspending', () => rita.done('suspendVersion', { versionId: version.id, reason: 'x' }), '"nodes":[]'],
  ['reinstating', () => rita.done('reinstateVersion', { versionId: version.id, reason: 'x' }), 'com.example.notes'],
  ['unpublishing the app', () => ada.done('unpublishApp', { appId: notes.id }), '"nodes":[]'],
  ['publishing again', () => ada.done('publishVersion', { versionId: version.id }), 'com.example.notes'],
  ['a new name of the developer', () => ada.done('updateProfile', { name: 'Countess' }), 'Countess'],
])('is dropped by %s', async (_name, change, shown) => {
  expect((await ask(STORE)).text).not.toContain(shown);
  await change();
  expect((await ask(STORE)).text).toContain(shown);
});

it('keeps no answer that was computed before a change', () => {
  const cache = createPublicCache({ maxBytes: 1_000_000 });
  const key = cache.keyOf({ query: '{ store { nodes { id } } }' }, '') ?? '';
  const before = cache.generation();
  cache.clear();
  cache.set(key, { type: 'x', bytes: Buffer.from('old') }, before);
  expect(cache.get(key)).toBeUndefined();
});

it('has no key for what is not public, and another for other variables, operation or type of answer', () => {
  const cache = createPublicCache({ maxBytes: 1_000_000 });
  for (const query of [
    '{ viewer { developer { email } } }',
    '{ store { nodes { id } } viewer { developer { email } } }',
    '{ ...A } fragment A on Query { viewer { developer { email } } }',
    '{ ... on Query { viewer { developer { email } } } }',
    'query A { store { nodes { id } } } query B { viewer { developer { email } } }',
    'mutation { signOut { __typename } }',
    'subscription { viewerEvents { cursor } }',
    '{ store: viewer { developer { email } } }',
    '{ broken',
  ]) {
    expect(cache.keyOf({ query }, '')).toBeNull();
  }
  const query = 'query A($n: Int) { store(first: $n) { nodes { id } } }';
  const keys = [
    cache.keyOf({ query, variables: { n: 1 } }, ''),
    cache.keyOf({ query, variables: { n: 2 } }, ''),
    cache.keyOf({ query, variables: { n: 1 } }, 'application/json'),
    cache.keyOf({ query, variables: { n: 1 }, operationName: 'A' }, ''),
  ];
  expect(new Set(keys).size).toBe(4);
  expect(keys).not.toContain(null);
});

it('holds at most its bytes, and forgets what was unused longest', () => {
  const cache = createPublicCache({ maxBytes: 10_000 });
  const answer = { type: 'x', bytes: Buffer.alloc(1_000) };
  for (let n = 0; n < 20; n += 1) cache.set(`key ${n}`, answer, 0);
  expect(cache.get('key 0')).toBeUndefined();
  expect(cache.get('key 19')).toBe(answer);
  cache.set('large', { type: 'x', bytes: Buffer.alloc(5_000) }, 0);
  expect(cache.get('large')).toBeUndefined();
});
