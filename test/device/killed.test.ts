// A device that is killed at any step has the old version or the new one after recovery, whole, and never a mix.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDevice } from '../../device/device.ts';
import { type StoreServer, startStore } from './store.ts';

// Each test starts several programs, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const APP = 'com.example.notes';
const CHILD = fileURLToPath(new URL('./killed-device.ts', import.meta.url));
let store: StoreServer;
let root: string;

beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store.close());
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mosis-killed-'));
  store.publish({ versionCode: 1 });
  await device().provisionFromNetwork();
  await device().install(APP);
  await writeFile(join(root, 'apps', APP, 'data', 'note.txt'), 'kept');
  store.publish({ versionCode: 2 });
});
afterEach(() => rm(root, { recursive: true, force: true }));

const device = () => createDevice({ root, serverUrl: store.url, fetch, clock: () => new Date() });

function runKilled(act: string, step: string, occurrence = 1): Promise<NodeJS.Signals | number | null> {
  const child = spawn(process.execPath, [CHILD, root, store.url, act, step, String(occurrence)], { stdio: 'inherit' });
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

async function nothingLeftOver(): Promise<void> {
  expect(await readdir(join(root, 'staging'))).toEqual([]);
  expect((await readdir(join(root, 'state'))).filter((name) => name.includes('journal'))).toEqual([]);
}

describe('an update killed', () => {
  it.each([
    ['extract', 1, 1],
    ['extract-file', 1, 1],
    ['extract-file', 3, 1],
    ['write-journal', 1, 1],
    ['move-old-away', 1, 2],
    ['move-new-in', 1, 2],
    ['sync-folders', 1, 2],
    ['write-installed', 1, 2],
    ['clear-journal', 1, 2],
    ['done', 1, 2],
  ])('at %s (%i) leaves version %i', async (step, occurrence, version) => {
    expect(await runKilled('update', step, occurrence)).toBe('SIGKILL');
    await device().recover();
    expect(await installed()).toEqual({ files: String(version), manifest: version, record: version });
    expect(await readFile(join(root, 'apps', APP, 'data', 'note.txt'), 'utf8')).toBe('kept');
    await nothingLeftOver();
    // And the device still works.
    expect((await device().update(APP)).app.versionCode).toBe(2);
  });

  it('recovers although the recovery is killed as well', async () => {
    expect(await runKilled('update', 'move-new-in')).toBe('SIGKILL');
    expect(await runKilled('update', 'sync-folders')).toBe('SIGKILL');
    expect(await runKilled('update', 'write-installed')).toBe('SIGKILL');
    await device().recover();
    expect(await installed()).toEqual({ files: '2', manifest: 2, record: 2 });
    await nothingLeftOver();
  });
});

describe('a removal killed', () => {
  it.each([
    ['write-journal', true],
    ['move-away', false],
    ['sync-folders', false],
    ['write-installed', false],
    ['clear-journal', false],
  ])('at %s leaves the app whole or gone', async (step, stays) => {
    expect(await runKilled('uninstall', step)).toBe('SIGKILL');
    await device().recover();
    expect(await device().list()).toHaveLength(stays ? 1 : 0);
    expect(existsSync(join(root, 'apps', APP))).toBe(stays);
    await nothingLeftOver();
  });

  it('keeps the data when that was asked', async () => {
    expect(await runKilled('uninstall-keep', 'write-installed')).toBe('SIGKILL');
    await device().recover();
    expect(await readFile(join(root, 'apps', APP, 'data', 'note.txt'), 'utf8')).toBe('kept');
    expect(existsSync(join(root, 'apps', APP, 'package'))).toBe(false);
    expect(await device().list()).toEqual([]);
  });
});
