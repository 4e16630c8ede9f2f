// Updates by delta, against the real server and real folders: what is saved, what is survived, what is never believed.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createDevice, type Device } from '../../device/device.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { makeFolder } from '../support/database.ts';
import { createSeed } from '../support/seed.ts';

const APP = 'com.example.notes';
const ASSETS = { 'assets/data.json': JSON.stringify(randomBytes(100_000).toString('hex')) };
let app: TestApp;
let codes: readonly [number, number];
let sizes: readonly [number, number];
let root: string;
/** Requests of the device for package bytes: what it asked and got. */
let asked: { method: string; dictionary: boolean; status: number; coding: string | null; bytes: number }[];
/** What happens to the next answers about packages, for tests that disturb. */
let disturb: (response: Response, method: string) => Promise<Response>;

beforeAll(async () => {
  app = await startApp();
  const seed = createSeed(app);
  const notes = await (await seed.developer('Ada')).app(APP);
  const reviewer = await seed.reviewer();
  const first = await notes.upload({ files: ASSETS, version_code: 1 });
  await first.published(reviewer);
  await app.services.metadata.settled();
  root = await makeFolder();
  await (await device()).install(APP);
  const second = await notes.upload({ files: ASSETS, version_code: 2, version: '2.0.0' });
  await second.published(reviewer);
  await app.services.jobs.idle();
  await app.services.metadata.settled();
  codes = [first.versionCode, second.versionCode];
  sizes = [first.bytes.length, second.bytes.length];
  firstFolder = root;
}, 60_000);
afterAll(() => app.close());

/** A device folder with version 1, copied for each test. */
let firstFolder: string;

beforeEach(async () => {
  const { cp } = await import('node:fs/promises');
  root = await makeFolder();
  await cp(firstFolder, root, { recursive: true });
  asked = [];
  disturb = async (response) => response;
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function device(): Promise<Device> {
  asked = [];
  disturb ??= async (response) => response;
  const made = createDevice({
    root,
    serverUrl: app.url,
    clock: () => new Date(),
    random: () => 0,
    sleep: async () => undefined,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (!String(input).includes('/v1/packages/')) return response;
      const method = init?.method ?? 'GET';
      asked.push({
        method,
        dictionary: new Headers(init?.headers).has('available-dictionary'),
        status: response.status,
        coding: response.headers.get('content-encoding'),
        bytes: Number(response.headers.get('content-length')),
      });
      return disturb(response, method);
    },
  });
  if (!existsSync(join(root, 'state', 'trust'))) await made.provisionFromNetwork();
  return made;
}

const gets = () => asked.filter(({ method }) => method === 'GET');
const base = () => join(root, 'state', 'bases', `${APP}.mosis`);

it('an update is a delta, and the package that it makes is kept for the next', async () => {
  const result = await (await device()).update(APP);
  expect(result).toMatchObject({ kind: 'updated', app: { versionCode: codes[1] } });
  expect(gets()).toMatchObject([{ dictionary: true, coding: 'dcz' }]);
  expect(gets()[0]?.bytes).toBeLessThan(sizes[1] / 5);
  expect((await readFile(base())).length).toBe(sizes[1]);
  expect(await readdir(join(root, 'downloads'))).toEqual([]);
});

it('a first installation is a full download without a question for deltas', async () => {
  await rm(root, { recursive: true });
  await (await device()).install(APP);
  expect(asked.some(({ dictionary }) => dictionary)).toBe(false);
  expect(gets()).toMatchObject([{ coding: null, bytes: sizes[1] }]);
});

it.each<[string, () => Promise<void>]>([
  ['is gone', () => rm(base())],
  ['was changed', () => writeFile(base(), randomBytes(5_000))],
])('where the kept file %s, the full package comes', async (_what, harm) => {
  await harm();
  await (await device()).update(APP);
  expect(gets()).toMatchObject([{ coding: null, bytes: sizes[1] }]);
  expect((await readFile(base())).length).toBe(sizes[1]);
});

it('a delta that was changed on the way makes nothing: the full package comes', async () => {
  disturb = async (response, method) => {
    if (method !== 'GET' || response.headers.get('content-encoding') !== 'dcz') return response;
    const bytes = Buffer.from(await response.arrayBuffer());
    bytes.writeUInt8((bytes[bytes.length - 5] ?? 0) ^ 0xff, bytes.length - 5);
    return new Response(bytes, { status: response.status, headers: response.headers });
  };
  const result = await (await device()).update(APP);
  expect(result.kind).toBe('updated');
  expect(gets().map(({ coding }) => coding)).toEqual(['dcz', null]);
  expect(await readdir(join(root, 'downloads'))).toEqual([]);
});

it('a delta cut off goes on where it broke off, also in the next run', async () => {
  let cuts = 0;
  disturb = async (response, method) => {
    if (method !== 'GET' || response.headers.get('content-encoding') !== 'dcz' || cuts > 7) return response;
    cuts += 1;
    const bytes = Buffer.from(await response.arrayBuffer()).subarray(0, cuts === 1 ? 100 : 0);
    return new Response(bytes, { status: response.status, headers: response.headers });
  };
  await expect((await device()).update(APP)).rejects.toMatchObject({ code: 'NETWORK' });
  expect((await readdir(join(root, 'downloads'))).toSorted()).toHaveLength(2);
  cuts = 8;
  await (await device()).update(APP);
  expect(asked.map(({ method, status }) => [method, status])).toEqual([['GET', 206]]);
  expect((await readFile(base())).length).toBe(sizes[1]);
});

it('an uninstalled app leaves no package behind, even where its data stays', async () => {
  const own = await device();
  expect(existsSync(base())).toBe(true);
  await own.uninstall(APP, { keepData: true });
  expect(existsSync(base())).toBe(false);
});
