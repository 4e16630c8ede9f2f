// Data that an app arranged so that it can hardly be copied or removed stops neither its updates nor the device.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDataTally, DATA_LIMITS, DataTooLarge } from '../../device/data-limits.ts';
import type { Device } from '../../device/device.ts';
import { cloneFile, copySparsely } from '../../device/sparse-copy.ts';
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
const DEEP = `for (let n = 0; n < 40; n += 1) { fs.mkdirSync('d'.repeat(200)); process.chdir('d'.repeat(200)); }
  fs.writeFileSync('leaf', 'x');`;

/** Folders in each other to twice the length that a path may have; an app makes them by going into each. */
const goDeep = (folder: string) => execFileSync(process.execPath, ['-e', DEEP], { cwd: folder });

describe('data that goes deeper than a path can say', () => {
  beforeEach(() => void goDeep(own('data')));

  it('leaves the app updated, with a copy of what can be named', async () => {
    await writeFile(own('data', 'note.txt'), 'kept');
    for (const versionCode of [2, 3]) {
      bench.store.onCheck = offering(bench.publish({ versionCode }));
      expect((await device.update(APP)).app.versionCode).toBe(versionCode);
    }
    expect(await readFile(join(bench.root, 'state', 'copies', APP, 'data', 'note.txt'), 'utf8')).toBe('kept');
    await device.uninstall(APP, { keepData: false });
  });

  it('goes with the app, and the device works on', async () => {
    await device.uninstall(APP, { keepData: false });
    expect(await readdir(join(bench.root, 'staging'))).toEqual([]);
    expect(existsSync(own())).toBe(false);
    await device.recover();
    expect((await device.install(APP)).kind).toBe('installed');
  });
});

describe('data with holes', () => {
  const kept = (...path: string[]) => join(bench.root, 'state', 'copies', APP, ...path);

  it('is copied with its holes: the copy reads the same and takes no more of the disk', async () => {
    const size = 2 ** 30 + 12_345;
    const database = await open(own('db', 'app.db'), 'w');
    await database.write(Buffer.from('begin'), 0, 5, 0);
    // Over the edge of a block, and of what is read at once.
    await database.write(Buffer.from('middle'), 0, 6, 2 ** 29 - 3);
    await database.truncate(size);
    await database.close();
    bench.store.onCheck = offering(bench.publish({ versionCode: 2 }));
    expect(await device.update(APP)).toMatchObject({ kind: 'updated', dataNotKept: null });
    const facts = await stat(kept('db', 'app.db'));
    expect(facts.size).toBe(size);
    expect(facts.blocks * 512).toBeLessThan(64 * 1024);
    const copy = await open(kept('db', 'app.db'));
    const read = async (at: number) => (await copy.read(Buffer.alloc(8), 0, 8, at)).buffer.toString('latin1');
    expect(await read(0)).toBe('begin\0\0\0');
    expect(await read(2 ** 29 - 4)).toBe('\0middle\0');
    expect(await read(size - 8)).toBe('\0'.repeat(8));
    await copy.close();
  });

  it('is not copied where they are longer than any disk, and the app is updated; no older copy stays in its place', async () => {
    await writeFile(own('data', 'note.txt'), 'of 1');
    bench.store.onCheck = offering(bench.publish({ versionCode: 2 }));
    expect(await device.update(APP)).toMatchObject({ dataNotKept: null });
    await writeFile(own('data', 'large'), '');
    // As much as this file system lets a file have, up to what a number says exactly.
    for (let size = 2 ** 53; ; size /= 2) if (await fits(own('data', 'large'), size)) break;
    expect((await stat(own('data', 'large'))).size).toBeGreaterThan(DATA_LIMITS.holeBytes);
    bench.store.onCheck = offering(bench.publish({ versionCode: 3 }));
    expect(await device.update(APP)).toMatchObject({ kind: 'updated', dataNotKept: 'DATA_TOO_LARGE' });
    expect(await readdir(kept())).toEqual(['copy.json']);
    await writeFile(own('data', 'note.txt'), 'of 3');
    const entry = { track: 'stable' as const, from: 3, reason: 'crashes', restore_data: true };
    const back = bench.publish({ versionCode: 1 }, { rollbacks: [entry] });
    bench.store.onCheck = () => ({ tag: 'x', updates: [hint(back, { kind: 'rollback' })], gone: [] });
    expect(await device.update(APP)).toMatchObject({ app: { versionCode: 1 }, rollback: { dataRestored: false } });
    expect(await readFile(own('data', 'note.txt'), 'utf8')).toBe('of 3');
  });

  it('that grows too large while the update is fetched leaves the app updated, and nothing half copied', async () => {
    bench.store.onCheck = offering(bench.publish({ versionCode: 2 }));
    await writeFile(own('db', 'app.db'), '');
    const onStep = (step: string) => {
      if (step === 'copy-db') execFileSync('truncate', ['-s', '20G', own('db', 'app.db')]);
    };
    expect(await bench.device({ onStep }).update(APP)).toMatchObject({ dataNotKept: 'DATA_TOO_LARGE' });
    expect(await readdir(kept())).toEqual(['copy.json']);
    expect(await readdir(join(bench.root, 'staging'))).toEqual([]);
  });

  async function fits(path: string, size: number): Promise<boolean> {
    try {
      await truncate(path, size);
      return true;
    } catch {
      return false;
    }
  }
});

describe('the tally of data', () => {
  it.each([2 ** 40, 2 ** 53, 2 ** 63])('ends at a file of %i bytes that the disk does not hold', (size) => {
    expect(() => createDataTally(DATA_LIMITS).file({ size, blocks: 8 })).toThrow(DataTooLarge);
  });

  it('adds up the holes of many files, and only holes', () => {
    const tally = createDataTally({ entries: 10, holeBytes: 1_000_000 });
    for (let n = 0; n < 10; n += 1) tally.file({ size: 100_512, blocks: 1 });
    tally.file({ size: 2 ** 45, blocks: 2 ** 36 });
    expect(() => tally.file({ size: 513, blocks: 1 })).toThrow(DataTooLarge);
    expect(tally.allocatedBytes).toBe(2 ** 45 + 11 * 512);
  });

  it('ends at one entry too many', () => {
    const tally = createDataTally({ entries: 2, holeBytes: 0 });
    tally.entry();
    tally.entry();
    expect(() => tally.entry()).toThrow(DataTooLarge);
  });
});

it('data in more files and folders than are looked at is not copied, and the app is updated', async () => {
  await mkdir(own('data', 'many'));
  execFileSync('bash', ['-c', `seq 1 ${DATA_LIMITS.entries} | xargs touch`], { cwd: own('data', 'many') });
  bench.store.onCheck = offering(bench.publish({ versionCode: 2 }));
  expect(await device.update(APP)).toMatchObject({ kind: 'updated', dataNotKept: 'DATA_TOO_LARGE' });
}, 60_000);

it.each([0, 1, 4095, 4096, 4097, 1024 * 1024 + 1])(
  'a copy of %i bytes among zeros is the same bytes',
  async (length) => {
    const bytes = Buffer.alloc(3 * 1024 * 1024 + 7);
    bytes.fill('x', 1_000_000, 1_000_000 + length);
    await writeFile(join(bench.root, 'from'), bytes);
    const source = await open(join(bench.root, 'from'));
    await copySparsely(source, join(bench.root, 'to'), { mode: 0o640, sizeBytes: bytes.length });
    expect(Buffer.compare(await readFile(join(bench.root, 'to')), bytes)).toBe(0);
    expect((await stat(join(bench.root, 'to'))).blocks * 512).toBeLessThanOrEqual(length + 64 * 1024);
    // Only some file systems clone; where this one does not, no file is left for the plain copy to stumble over.
    const isCloned = await cloneFile(source, join(bench.root, 'clone'), 0o640);
    await source.close();
    expect(existsSync(join(bench.root, 'clone'))).toBe(isCloned);
    if (!isCloned) return;
    expect(Buffer.compare(await readFile(join(bench.root, 'clone')), bytes)).toBe(0);
    expect((await stat(join(bench.root, 'clone'))).mode & 0o7777).toBe(0o640);
  },
);

it.each(['..', '.', '../apps'])(
  'a journal that names %s in staging is refused, and what is installed stays',
  async (trash) => {
    const change = { kind: 'remove', packageId: APP, trash, keepData: false };
    await writeFile(join(bench.root, 'state', 'journal.json'), JSON.stringify(change));
    await expect(device.recover()).rejects.toMatchObject({ code: 'STATE_BROKEN' });
    expect(await bench.installedVersion()).toBe('1');
  },
);

it('data that nobody may open is let in, copied and removed', () => {
  const url = (path: string) => JSON.stringify(pathToFileURL(join(import.meta.dirname, '../..', path)).href);
  const script = `
    import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    import { join } from 'node:path';
    import { makeCopy, dataBytes } from ${url('device/copies.ts')};
    import { removeTree } from ${url('device/durable.ts')};
    import { createStorage } from ${url('device/storage.ts')};
    const storage = createStorage(mkdtempSync(join(tmpdir(), 'mosis-locked-')));
    const inner = join(storage.appFolder('${APP}'), 'data', 'inner');
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, 'note'), 'kept', { mode: 0 });
    const lock = () => chmodSync(inner, 0);
    const room = lstatSync(join(inner, 'note')).blocks * 512;
    lock();
    if ((await dataBytes(storage, '${APP}')) !== room) throw new Error('not counted');
    lock();
    const app = { packageId: '${APP}', versionCode: 1, sha256: 'a' };
    const folder = join(storage.root, 'copy');
    await makeCopy({ storage, app, folder, now: new Date(), onStep: () => undefined });
    chmodSync(join(folder, 'data/inner/note'), 0o400);
    if (readFileSync(join(folder, 'data/inner/note'), 'utf8') !== 'kept') throw new Error('not copied');
    lock();
    await removeTree(storage.root);
    if (existsSync(storage.root)) throw new Error('not removed');`;
  // To whoever may do anything nothing is forbidden.
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  execFileSync(process.execPath, ['--input-type=module', '-e', script], { ...nobody, stdio: 'pipe' });
});
