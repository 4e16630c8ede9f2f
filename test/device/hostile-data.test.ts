// Data that an app arranged so that it can hardly be copied or removed stops neither its updates nor the device.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Device } from '../../device/device.ts';
import { offering } from './store.ts';
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
    import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
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
    lock();
    if ((await dataBytes(storage, '${APP}')) !== 4) throw new Error('not counted');
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
