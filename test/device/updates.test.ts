// What a device learns of updates in one call, from the server's own route.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createStorage, type Storage } from '../../device/storage.ts';
import { checkForUpdates } from '../../device/updates.ts';
import { createDistributionWorld, type DistributionWorld } from '../distribution/world.ts';
import { makeFolder } from '../support/database.ts';

const APP = 'com.example.hello';
let world: DistributionWorld;
let root: string;
let storage: Storage;
let sent: { tag: string | null }[];

beforeEach(async () => {
  world = await createDistributionWorld({ updateChecksAtOnce: 3, updateChecksPerSecond: 0.01 });
  root = await makeFolder();
  storage = createStorage(root);
  await storage.prepare();
  sent = [];
});
afterEach(async () => {
  await world.dispose();
  await rm(root, { recursive: true, force: true });
});

async function publish(versionCode: number): Promise<void> {
  const { id } = await world.version({ versionCode });
  const { appId } = await world.db.prisma.appVersion.findUniqueOrThrow({ where: { id } });
  const at = new Date('2026-01-05T12:00:00.000Z');
  const facts = { seed: '0'.repeat(64), basisPoints: 10_000, state: 'COMPLETE', schedule: [] };
  await world.db.prisma.rollout.create({
    data: { id, appId, versionId: id, track: 'STABLE', ...facts, startedAt: at, updatedAt: at },
  });
  world.distribution.storeChanged();
}

const install = (packageId: string, versionCode: number) =>
  storage.writeInstalled(packageId, {
    packageId,
    name: 'Hello',
    versionCode,
    versionName: '1.0.0',
    sha256: '0'.repeat(64),
    signerKeyId: 'SHA256:x',
    permissions: [],
    track: 'stable',
    pins: [],
    installedAt: '2026-01-05T12:00:00.000Z',
    updatedAt: '2026-01-05T12:00:00.000Z',
  });

const check = () =>
  checkForUpdates(storage, {
    mosisVersion: '1.0.0',
    network: {
      serverUrl: world.url,
      clock: () => new Date(),
      sleep: async () => undefined,
      random: () => 0,
      fetch: (input, init) => {
        sent.push(JSON.parse(String(init?.body)) as { tag: string | null });
        return fetch(input, init);
      },
    },
  });

it('asks for nothing where nothing is installed', async () => {
  expect(await check()).toEqual({ updates: [], gone: [], unchanged: true });
  expect(sent).toEqual([]);
});

it('learns of updates and of what is gone, and knows them when nothing moved', async () => {
  await publish(2);
  await install(APP, 1);
  await install('com.example.never', 1);
  const first = await check();
  expect(first).toMatchObject({ updates: [{ package_id: APP, version_code: 2 }], gone: ['com.example.never'] });
  const second = await check();
  expect(second).toEqual({ ...first, unchanged: true });
  expect(sent.map(({ tag }) => tag === null)).toEqual([true, false]);
  await publish(3);
  expect(await check()).toMatchObject({ updates: [{ version_code: 3 }], unchanged: false });
  await expect(check()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
});

it('asks anew after an installation, and where its notes are damaged', async () => {
  await publish(2);
  await install(APP, 1);
  await check();
  await install(APP, 2);
  expect(await check()).toMatchObject({ updates: [], unchanged: false });
  await writeFile(join(root, 'state', 'updates.json'), '{');
  expect(await check()).toMatchObject({ updates: [], unchanged: false });
  expect(sent.map(({ tag }) => tag)).toEqual([null, null, null]);
});
