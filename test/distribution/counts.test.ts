import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed } from '../support/seed.ts';
import { createDistributionWorld, type DistributionWorld, type StoredVersion } from './world.ts';

const SIZE = 3_000_000;
/** More than the system holds of it unread, twice. */
const LARGE = 30_000_000;
let world: DistributionWorld;
let version: StoredVersion;
let app: TestApp | null = null;

beforeEach(async () => {
  world = await createDistributionWorld();
  version = await world.version({ bytes: randomBytes(SIZE) });
});
afterEach(() => world.dispose());
afterAll(() => app?.close());

async function counted(): Promise<object[]> {
  await world.distribution.flushCounts();
  const rows = await world.db.prisma.downloadCount.findMany();
  return rows.map(({ full, delta, bytes }) => ({ full, delta, bytes: Number(bytes) }));
}

const fetchAll = async (headers: Record<string, string> = {}, method = 'GET'): Promise<void> => {
  await (await world.get(version.path, headers, method)).arrayBuffer();
};

it('a download counts once, and once more each time', async () => {
  await fetchAll();
  expect(await counted()).toEqual([{ full: 1, delta: 0, bytes: SIZE }]);
  await fetchAll();
  await fetchAll();
  expect(await counted()).toEqual([{ full: 3, delta: 0, bytes: 3 * SIZE }]);
});

it('a download that broke off and was continued counts once', async () => {
  const sent = request(`${world.url}${version.path}`).end();
  const [response] = await once(sent, 'response');
  await once(response, 'data');
  response.destroy();
  await fetchAll({ range: 'bytes=1000-1999' });
  await fetchAll({ range: 'bytes=2000-', 'if-range': `"${version.sha256}"` });
  expect(await counted()).toEqual([{ full: 1, delta: 0, bytes: SIZE - 2_000 }]);
});

it('a download that broke off after more than half counts once, whether it is continued or not', async () => {
  const large = await world.version({ packageId: 'com.example.large', versionCode: 1, bytes: randomBytes(LARGE) });
  const sent = request(`${world.url}${large.path}`).end();
  const [response] = await once(sent, 'response');
  let got = 0;
  for await (const piece of response) {
    got += piece.length;
    if (got > LARGE * 0.6) break;
  }
  await (await world.get(large.path, { range: `bytes=${got}-` })).arrayBuffer();
  expect(await counted()).toMatchObject([{ full: 1, delta: 0 }]);
});

it('ranges of a few bytes count nothing, halves that make a whole count once', async () => {
  for (const range of ['bytes=-1', 'bytes=0-0', `bytes=${SIZE - 1}-`, `bytes=1-${SIZE / 2}`]) await fetchAll({ range });
  expect(await counted()).toEqual([]);
  await fetchAll({ range: `bytes=0-${SIZE / 2 - 1}` });
  await fetchAll({ range: `bytes=${SIZE / 2}-` });
  expect(await counted()).toEqual([{ full: 1, delta: 0, bytes: SIZE / 2 }]);
});

it('questions count nothing', async () => {
  await fetchAll({}, 'HEAD');
  await fetchAll({ 'if-none-match': `"${version.sha256}"` });
  await fetchAll({ range: `bytes=${SIZE}-` });
  const redirect = await world.get(`/v1/store/apps/com.example.hello/download`);
  expect([redirect.status, redirect.headers.get('location')]).toEqual([302, expect.stringContaining(version.path)]);
  expect(await counted()).toEqual([]);
});

it('members of the app see the days with downloads, and nobody else does', async () => {
  app = await startApp();
  const seed = createSeed(app);
  const ada = await seed.developer('Ada');
  const reviewer = await seed.reviewer();
  const notes = await (await ada.app('com.example.notes')).upload();
  await notes.published(reviewer);
  await (await fetch(`${app.url}/v1/packages/com.example.notes/${notes.versionCode}/package.mosis`)).arrayBuffer();
  const { dataDir } = app;
  // What was counted is added at the latest when the server stops.
  await app.close({ keep: true });
  app = await startApp({ dataDir });
  const today = new Date();
  const day = (offset: number): string => new Date(today.getTime() + offset * 86_400_000).toISOString().slice(0, 10);
  const document = `query($id: ID!, $from: Date!, $to: Date!) { version(id: $id) {
    downloads(range: { from: $from, to: $to }) { date full delta bytes } } }`;
  const again = createSeed(app);
  const session = await again.signIn(ada.email);
  const ask = (from: string, to: string, as = session) =>
    (app as TestApp).client().as(as).send(document, { id: notes.id, from, to });
  const answer = await ask(day(-1), day(1));
  expect(answer.data).toEqual({
    version: {
      downloads: [{ date: expect.any(String), full: 1, delta: 0, bytes: notes.bytes.length }],
    },
  });
  expect((await ask(day(1), day(2))).data).toEqual({ version: { downloads: [] } });
  expect((await ask(day(1), day(0))).text).toContain('VALIDATION');
  expect((await ask(day(-500), day(0))).text).toContain('VALIDATION');
  const other = await again.signIn(reviewer.email);
  expect((await ask(day(-1), day(1), other)).text).not.toContain('"full":1');
});
