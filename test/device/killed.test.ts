// A device that is killed at any step has the old version or the new one after recovery, whole, and never a mix.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDevice } from '../../device/device.ts';
import { hint, offering, type Published, type StoreServer, startStore } from './store.ts';

// Each test starts several programs, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const APP = 'com.example.notes';
const CHILD = fileURLToPath(new URL('./killed-device.ts', import.meta.url));
let store: StoreServer;
let root: string;
let first: Published;
let second: Published;

beforeAll(async () => {
  store = await startStore();
  store.deltas = true;
});
afterAll(() => store.close());
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mosis-killed-'));
  first = store.publish({ versionCode: 1, fillerBytes: 40_000 });
  store.onCheck = offering(first);
  await device().provisionFromNetwork();
  await device().install(APP);
  await writeFile(join(root, 'apps', APP, 'data', 'note.txt'), 'of 1');
  await writeFile(join(root, 'apps', APP, 'db', 'app.db'), 'of 1');
  second = store.publish({ versionCode: 2, fillerBytes: 40_000 });
  store.onCheck = offering(second);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const device = () => createDevice({ root, serverUrl: store.url, fetch, clock: () => new Date() });

function runKilled(act: string, step: string, occurrence = 1, failing = ''): Promise<NodeJS.Signals | number | null> {
  const child = spawn(process.execPath, [CHILD, root, store.url, act, step, String(occurrence), failing], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code)));
}

/** The whole of what is installed, by every file that tells the versions apart. */
async function installed(): Promise<{ files: string; manifest: number; record: number }> {
  const folder = join(root, 'apps', APP, 'package');
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  const [record] = await device().list();
  const versionCode = (manifest as { version_code: number }).version_code;
  expect((await readdir(join(folder, 'assets'))).sort()).toEqual(['filler.txt', 'main.rml', 'version.txt']);
  return {
    files: (await readFile(join(folder, 'assets', 'version.txt'), 'utf8')).trim(),
    manifest: versionCode,
    record: record?.versionCode ?? 0,
  };
}

const whole = (version: number) => ({ files: String(version), manifest: version, record: version });

/** What the app's data and db say of where they are from, and the same of the kept copy with its note. */
async function data(folder = join(root, 'apps', APP)): Promise<string[]> {
  const read = (path: string) => readFile(join(folder, path), 'utf8').catch(() => 'none');
  return [await read('data/note.txt'), await read('db/app.db')];
}

async function copy(): Promise<{ of: number; data: string[] } | null> {
  const folder = join(root, 'state', 'copies', APP);
  const note = await readFile(join(folder, 'copy.json'), 'utf8').catch(() => null);
  if (note === null) return null;
  return { of: (JSON.parse(note) as { versionCode: number }).versionCode, data: await data(folder) };
}

async function nothingLeftOver(): Promise<void> {
  expect(await readdir(join(root, 'staging'))).toEqual([]);
  expect((await readdir(join(root, 'state'))).filter((name) => name.includes('journal'))).toEqual([]);
}

describe('an update killed', () => {
  it.each([
    ['fetch', 1, 1],
    ['fetch', 4, 1],
    ['bytes', 1, 1],
    ['downloaded', 1, 1],
    ['extract', 1, 1],
    ['extract-file', 3, 1],
    ['copy-data', 1, 1],
    ['copy-file', 2, 1],
    ['copied', 1, 1],
    ['write-journal', 1, 1],
    ['copy-old-away', 1, 2],
    ['copy-new-in', 1, 2],
    ['move-old-away', 1, 2],
    ['move-new-in', 1, 2],
    ['sync-folders', 1, 2],
    ['write-installed', 1, 2],
    ['clear-journal', 1, 2],
    ['done', 1, 2],
  ])('at %s (%i) leaves version %i whole, and its copy with it', async (step, occurrence, version) => {
    expect(await runKilled('update', step, occurrence)).toBe('SIGKILL');
    await device().recover();
    expect(await installed()).toEqual(whole(version));
    expect(await data()).toEqual(['of 1', 'of 1']);
    expect(await copy()).toEqual(version === 1 ? null : { of: 1, data: ['of 1', 'of 1'] });
    await nothingLeftOver();
    // And the device still works.
    expect((await device().update(APP)).app.versionCode).toBe(2);
    expect(await copy()).toEqual({ of: 1, data: ['of 1', 'of 1'] });
  });

  it('recovers although the recovery is killed as well', async () => {
    expect(await runKilled('update', 'move-new-in')).toBe('SIGKILL');
    expect(await runKilled('update', 'sync-folders')).toBe('SIGKILL');
    expect(await runKilled('update', 'write-installed')).toBe('SIGKILL');
    await device().recover();
    expect(await installed()).toEqual(whole(2));
    await nothingLeftOver();
  });

  it.each(['undo-package', 'undo-old-back', 'undo-copy', 'undo-sync'])(
    'at %s, while it takes back what a full disk ended, goes on to the end',
    async (step) => {
      expect(await runKilled('update', step, 1, 'write-installed')).toBe('SIGKILL');
      await device().recover();
      expect(await installed()).toEqual(whole(2));
      expect(await data()).toEqual(['of 1', 'of 1']);
      expect(await copy()).toEqual({ of: 1, data: ['of 1', 'of 1'] });
      await nothingLeftOver();
    },
  );

  it('at any moment leaves one version or the other', async () => {
    for (const ms of [250, 400, 550, 700, 850]) {
      const child = spawn(process.execPath, [CHILD, root, store.url, 'update-all'], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      setTimeout(() => child.kill('SIGKILL'), ms);
      await ended;
      await device().recover();
      const found = await installed();
      expect([whole(1), whole(2)]).toContainEqual(found);
      expect(await data()).toEqual(['of 1', 'of 1']);
      await nothingLeftOver();
    }
  });
});

describe('a rollback with its data killed', () => {
  beforeEach(async () => {
    await device().update(APP);
    await writeFile(join(root, 'apps', APP, 'data', 'note.txt'), 'of 2');
    await writeFile(join(root, 'apps', APP, 'db', 'app.db'), 'of 2');
    if (first.facts === null) throw new Error('no facts');
    const rollbacks = [{ track: 'stable' as const, from: 2, reason: 'crashes', restore_data: true }];
    // The store lists the newest publication of a code.
    const back = store.publish({ versionCode: 1, fillerBytes: 40_000 }, { facts: { ...first.facts, rollbacks } });
    store.onCheck = () => ({ tag: 'back', updates: [hint(back, { kind: 'rollback' })], gone: [] });
  });

  it.each([
    ['write-journal', 2],
    ['restore-data-away', 1],
    ['restore-data-back', 1],
    ['restore-db-away', 1],
    ['restore-db-back', 1],
    ['copy-old-away', 1],
    ['copy-new-in', 1],
    ['move-old-away', 1],
    ['move-new-in', 1],
    ['write-installed', 1],
    ['clear-journal', 1],
  ])('at %s leaves version %i with its own data', async (step, version) => {
    expect(await runKilled('update', step)).toBe('SIGKILL');
    await device().recover();
    expect(await installed()).toEqual(whole(version));
    expect(await data()).toEqual([`of ${version}`, `of ${version}`]);
    const kept = 3 - version;
    expect(await copy()).toEqual({ of: kept, data: [`of ${kept}`, `of ${kept}`] });
    await nothingLeftOver();
  });

  it.each(['undo-package', 'undo-copy', 'undo-restore-data', 'undo-restore-data-back', 'undo-restore-db', 'undo-sync'])(
    'at %s, while it takes back what a full disk ended, goes on to the end',
    async (step) => {
      expect(await runKilled('update', step, 1, 'write-installed')).toBe('SIGKILL');
      await device().recover();
      expect(await installed()).toEqual(whole(1));
      expect(await data()).toEqual(['of 1', 'of 1']);
      expect(await copy()).toEqual({ of: 2, data: ['of 2', 'of 2'] });
      await nothingLeftOver();
    },
  );
});

describe('provisioning killed', () => {
  it.each([
    ['fetch', 1],
    ['write-root', 1],
    ['forget-metadata', 1],
    ['forget-metadata', 3],
  ])('at %s (%i) leaves a device that can be provisioned, and one that was still works', async (step, occurrence) => {
    expect(await runKilled('provision', step, occurrence)).toBe('SIGKILL');
    expect((await device().update(APP)).app.versionCode).toBe(2);
    await rm(join(root, 'state', 'trust'), { recursive: true });
    expect(await runKilled('provision', step, occurrence)).toBe('SIGKILL');
    expect(await device().provisionFromNetwork()).toMatchObject({ version: 1 });
  });
});

describe('a removal killed', () => {
  it.each([
    ['write-journal', true],
    ['move-away', false],
    ['sync-folders', false],
    ['write-installed', false],
    ['clear-journal', false],
  ])('at %s leaves the app whole or gone, with its copy', async (step, stays) => {
    await device().update(APP);
    expect(await runKilled('uninstall', step)).toBe('SIGKILL');
    await device().recover();
    expect(await device().list()).toHaveLength(stays ? 1 : 0);
    expect(existsSync(join(root, 'apps', APP))).toBe(stays);
    expect(existsSync(join(root, 'state', 'copies', APP))).toBe(stays);
    await nothingLeftOver();
  });

  it('keeps the data when that was asked', async () => {
    expect(await runKilled('uninstall-keep', 'write-installed')).toBe('SIGKILL');
    await device().recover();
    expect(await data()).toEqual(['of 1', 'of 1']);
    expect(existsSync(join(root, 'apps', APP, 'package'))).toBe(false);
    expect(await device().list()).toEqual([]);
  });
});
