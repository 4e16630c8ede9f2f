/** A server that is killed at any step of a rotation leaves what devices believe, and goes on from there at its next start. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDevice } from '../../device/device.ts';
import { readKeyShelf } from '../../server/distribution/metadata/role-keys.ts';
import { copyMigratedDatabase, makeFolder } from '../support/database.ts';
import { hexOf, independentClient, makeKeys, openRepository, serveFolder, signedBy } from './root-world.ts';

vi.setConfig({ testTimeout: 120_000 });

const CHILD = fileURLToPath(new URL('./killed-rotation.ts', import.meta.url));
const keys = makeKeys(3);
let folder: string;
/** A development root in force, and a draft that replaces it, signed by all that must. */
let before: string;
let draft: string;

beforeAll(async () => {
  folder = await makeFolder();
  before = join(folder, 'before');
  await mkdir(before);
  await copyMigratedDatabase(join(before, 'core.db'));
  const { service, close } = await openRepository(before);
  await service.start();
  await close();
  const { service: resting, close: end } = await openRepository(before);
  const prepared = await resting.root.prepare({ change: 'INIT', roles: [], keys: keys.map(hexOf), threshold: 2 });
  draft = join(folder, 'draft.json');
  await writeFile(draft, signedBy(prepared.draft, keys.slice(1)));
  await end();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function killedAt(dataDir: string, act: string, step: string, file = draft): Promise<void> {
  const child = spawn(process.execPath, [CHILD, dataDir, act, step, file], { stdio: 'inherit' });
  await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');
}

/** Both clients, each provisioned with the first root, believe what lies there as it is. Returns the root they come to. */
async function believed(dataDir: string, name: string): Promise<number> {
  const served = await serveFolder(dataDir);
  try {
    const first = await readFile(join(dataDir, 'roots', '1.root.json'), 'utf8');
    await (await independentClient(served.url, join(dataDir, `tuf-${name}`), first)).refresh();
    const device = createDevice({
      root: join(dataDir, `device-${name}`),
      serverUrl: served.url,
      fetch,
      clock: () => new Date(),
    });
    await device.provisionFromFile(first);
    return (await device.refresh()).version;
  } finally {
    await served.close();
  }
}

async function startedAgain(dataDir: string): Promise<void> {
  const { service, close } = await openRepository(dataDir);
  await service.start();
  await close();
}

describe('a root that is put in force by a server killed', () => {
  it.each([
    ['checked', 1],
    ['signed', 1],
    ['linked', 2],
    ['remove-development-key', 2],
    ['done', 2],
  ])('at %s', async (step, version) => {
    const dataDir = join(folder, `publish-${step}`);
    await cp(before, dataDir, { recursive: true });
    await killedAt(dataDir, 'publish', step);
    expect(await believed(dataDir, 'killed')).toBe(version);
    await startedAgain(dataDir);
    expect(await believed(dataDir, 'again')).toBe(version);
    expect(existsSync(join(dataDir, 'keys', 'metadata', 'root-development.pem'))).toBe(version === 1);
    const { service, close } = await openRepository(dataDir);
    await service.start();
    await service.root.publish(await readFile(draft, 'utf8'));
    await close();
    expect(await believed(dataDir, 'published')).toBe(2);
  });
});

describe('online keys that are rotated by a server killed', () => {
  it.each([
    'make-timestamp',
    'make-bins',
    'made',
    'checked',
    'signed',
    'linked',
    'promote-targets',
    'promote-snapshot',
    'promote-timestamp',
    'done',
  ])('at %s', async (step) => {
    const dataDir = join(folder, `rotate-${step}`);
    await cp(before, dataDir, { recursive: true });
    await killedAt(dataDir, 'rotate', step);
    const then = await believed(dataDir, 'killed');
    await startedAgain(dataDir);
    expect(await believed(dataDir, 'again')).toBe(then);
    const { service, close } = await openRepository(dataDir);
    await service.start();
    await service.root.prepare({ change: 'ROTATE', roles: ['timestamp'], keys: null, threshold: null });
    await close();
    expect(await believed(dataDir, 'rotated')).toBe(then + 1);
    const shelf = await readKeyShelf(join(dataDir, 'keys', 'metadata'));
    expect(Object.values(shelf).map(({ next }) => next)).toEqual([null, null, null, null]);
  });
});
