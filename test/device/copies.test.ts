// The one copy of an app's data from before its last update: when it is made, what is in it, and when it comes back.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Device } from '../../device/device.ts';
import { hint, offering } from './store.ts';
import { APP, type Bench, createBench } from './support.ts';

let bench: Bench;
let device: Device;
beforeEach(async () => {
  bench = await createBench();
  bench.store.onCheck = offering(bench.publish({ versionCode: 1 }));
  device = await bench.provisioned();
  await device.install(APP);
});
afterEach(() => bench.close());

const own = (...path: string[]) => join(bench.root, 'apps', APP, ...path);
const kept = (...path: string[]) => join(bench.root, 'state', 'copies', APP, ...path);
const text = (path: string) => readFile(path, 'utf8');

async function update(versionCode: number): Promise<void> {
  bench.store.onCheck = offering(bench.publish({ versionCode }));
  expect((await device.update(APP)).app.versionCode).toBe(versionCode);
}

/** Publishes an entry that takes devices from one code back to another, and obeys it. */
async function rollBack(from: number, to: number, restoreData: boolean) {
  const entry = { track: 'stable' as const, from, reason: 'crashes', restore_data: restoreData };
  const back = bench.publish({ versionCode: to }, { rollbacks: [entry] });
  bench.store.onCheck = () => ({ tag: 'x', updates: [hint(back, { kind: 'rollback' })], gone: [] });
  return await device.update(APP);
}

describe('before an update', () => {
  it('data and db are copied byte by byte, cache is not', async () => {
    await mkdir(own('data', 'deep', 'er'), { recursive: true });
    await writeFile(own('data', 'deep', 'er', 'note.txt'), 'old', { mode: 0o600 });
    await writeFile(own('db', 'app.db'), 'x'.repeat(3_000_000));
    await writeFile(own('cache', 'thumb'), 'c');
    await update(2);
    expect((await readdir(kept())).sort()).toEqual(['copy.json', 'data', 'db']);
    expect(await text(kept('data', 'deep', 'er', 'note.txt'))).toBe('old');
    expect((await stat(kept('data', 'deep', 'er', 'note.txt'))).mode & 0o777).toBe(0o600);
    expect((await stat(kept('db', 'app.db'))).size).toBe(3_000_000);
    // Changed in place, as a database does: a link would change along.
    await writeFile(own('data', 'deep', 'er', 'note.txt'), 'new', { flag: 'r+' });
    expect(await text(kept('data', 'deep', 'er', 'note.txt'))).toBe('old');
  });

  it('links and special files are not followed: nothing from outside comes into the copy', async () => {
    const secret = join(bench.root, 'state', 'secret');
    await symlink(secret, own('data', 'link'));
    await symlink(join(bench.root, 'state'), own('data', 'folder'));
    execFileSync('mkfifo', [own('data', 'pipe')]);
    await writeFile(own('data', 'note.txt'), 'kept');
    await update(2);
    expect(await readdir(kept('data'))).toEqual(['note.txt']);
    expect((await readdir(own('data'))).sort()).toEqual(['folder', 'link', 'note.txt', 'pipe']);
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ['a link itself', (path) => symlink(join(bench.root, 'state'), path)],
    ['a link to nothing', (path) => symlink('/nowhere', path)],
    ['a file', (path) => writeFile(path, 'x')],
  ])('a data folder that is %s leads nowhere, and is a folder after the update', async (_what, make) => {
    await rm(own('db'), { recursive: true });
    await make(own('db'));
    await update(2);
    expect(await readdir(kept('db'))).toEqual([]);
    expect((await lstat(own('db'))).isDirectory()).toBe(true);
    expect(await readdir(own('db'))).toEqual([]);
    expect(existsSync(join(bench.root, 'state', 'secret'))).toBe(true);
    expect(await rollBack(2, 1, true)).toMatchObject({ rollback: { dataRestored: true } });
  });

  it('a newer copy takes the place of the last, one an app', async () => {
    await writeFile(own('data', 'note.txt'), 'of 1');
    await update(2);
    await writeFile(own('data', 'note.txt'), 'of 2');
    await update(3);
    expect(await text(kept('data', 'note.txt'))).toBe('of 2');
    expect(JSON.parse(await text(kept('copy.json')))).toMatchObject({ versionCode: 2 });
    expect(await readdir(join(bench.root, 'state', 'copies'))).toEqual([APP]);
  });

  it('no copy is left of one that was refused', async () => {
    bench.store.onCheck = offering(bench.publish({ versionCode: 2, signed: false }));
    await expect(device.update(APP)).rejects.toMatchObject({ code: 'PACKAGE_REFUSED' });
    expect(existsSync(kept())).toBe(false);
    expect(await readdir(join(bench.root, 'staging'))).toEqual([]);
  });
});

describe('a rollback', () => {
  beforeEach(async () => {
    await writeFile(own('data', 'note.txt'), 'of 1');
    await update(2);
    await writeFile(own('data', 'note.txt'), 'of 2');
    await writeFile(own('data', 'new.txt'), 'of 2');
  });

  it('puts the data back where its entry says so, and keeps what was there', async () => {
    expect(await rollBack(2, 1, true)).toMatchObject({ app: { versionCode: 1 }, rollback: { dataRestored: true } });
    expect(await readdir(own('data'))).toEqual(['note.txt']);
    expect(await text(own('data', 'note.txt'))).toBe('of 1');
    expect(await text(kept('data', 'new.txt'))).toBe('of 2');
    expect(JSON.parse(await text(kept('copy.json')))).toMatchObject({ versionCode: 2 });
  });

  it('leaves the data where its entry does not', async () => {
    expect(await rollBack(2, 1, false)).toMatchObject({ rollback: { dataRestored: false } });
    expect(await text(own('data', 'note.txt'))).toBe('of 2');
    expect(await text(kept('data', 'note.txt'))).toBe('of 1');
  });

  it('leaves the data where the copy is of another version than the one gone back to', async () => {
    await update(3);
    expect(await rollBack(3, 1, true)).toMatchObject({ app: { versionCode: 1 }, rollback: { dataRestored: false } });
    expect(await text(own('data', 'note.txt'))).toBe('of 2');
  });

  it('leaves the data where there is no whole copy', async () => {
    await rm(kept('db'), { recursive: true });
    expect(await rollBack(2, 1, true)).toMatchObject({ rollback: { dataRestored: false } });
    expect(await text(own('data', 'note.txt'))).toBe('of 2');
  });
});

describe('an uninstallation', () => {
  it.each([true, false])('removes the copy, whether the data is kept (%s) or not', async (keepData) => {
    await update(2);
    await device.uninstall(APP, { keepData });
    expect(existsSync(kept())).toBe(false);
  });
});
