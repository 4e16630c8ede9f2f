// Updates that fail: the old version runs, the developer hears why, and the same bytes are not fetched again and again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Device } from '../../device/device.ts';
import { offering } from './store.ts';
import { APP, type Bench, createBench } from './support.ts';

const CHILD = fileURLToPath(new URL('./killed-device.ts', import.meta.url));
const HOUR = 3_600_000;
let bench: Bench;
let device: Device;
beforeEach(async () => {
  bench = await createBench();
  bench.store.onCheck = offering(bench.publish({ versionCode: 1 }));
  device = await bench.provisioned();
  await device.install(APP);
  await writeFile(join(bench.root, 'apps', APP, 'data', 'note.txt'), 'of 1');
  await device.reporter.flush({ urgent: true });
  bench.store.forgetPosts();
});
afterEach(() => bench.close());

async function unharmed(): Promise<void> {
  expect(await bench.installedVersion()).toBe('1');
  expect((await device.list())[0]?.versionCode).toBe(1);
  expect(await readFile(join(bench.root, 'apps', APP, 'data', 'note.txt'), 'utf8')).toBe('of 1');
  expect(await readdir(join(bench.root, 'staging'))).toEqual([]);
  expect(existsSync(join(bench.root, 'state', 'journal.json'))).toBe(false);
}

interface Sent {
  readonly version_code: number;
  readonly events: readonly { type: string; data?: unknown }[];
}
async function reported(): Promise<{ under: number; data: unknown }[]> {
  await device.reporter.flush({ urgent: true });
  return bench.store.posts
    .map(({ body }) => body as Sent)
    .flatMap(({ version_code: under, events }) =>
      events.filter(({ type }) => type === 'app_update_failed').map(({ data }) => ({ under, data })),
    );
}

describe('an update that is refused', () => {
  beforeEach(() => {
    bench.store.onCheck = offering(bench.publish({ versionCode: 2, signed: false }));
    bench.store.ranges.length = 0;
  });
  const fails = async () => expect((await device.updateAll()).outcomes).toMatchObject([{ kind: 'failed' }]);

  it('leaves the old version and its data, and tells the developer under that version', async () => {
    await fails();
    await unharmed();
    expect(await reported()).toEqual([{ under: 1, data: { from_code: 1, to_code: 2, reason: 'PACKAGE_REFUSED' } }]);
  });

  it('is tried again after an hour, then two, and so on up to a week, and not in between', async () => {
    const waits: number[] = [];
    for (let tries = 0; tries < 10; tries += 1) {
      await fails();
      const [failed] = (await device.list())[0]?.failedUpdates ?? [];
      waits.push(((failed?.retryAt.getTime() ?? 0) - bench.now.getTime()) / HOUR);
      bench.now = new Date((failed?.retryAt.getTime() ?? 0) - 1);
      expect((await device.updateAll()).outcomes).toMatchObject([{ kind: 'waiting', failure: { versionCode: 2 } }]);
      bench.now = new Date(bench.now.getTime() + 1);
      // The metadata is signed anew meanwhile.
      await publishAgain();
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 168, 168]);
    expect(bench.store.ranges).toHaveLength(10);
  });

  it('is tried at once where somebody names the app', async () => {
    await fails();
    await expect(device.update(APP)).rejects.toMatchObject({ code: 'PACKAGE_REFUSED' });
    expect(bench.store.ranges).toHaveLength(2);
  });

  it('does not keep another package from coming', async () => {
    await fails();
    bench.store.onCheck = offering(bench.publish({ versionCode: 3 }));
    expect((await device.updateAll()).outcomes).toMatchObject([{ kind: 'updated', app: { versionCode: 3 } }]);
    expect((await device.list())[0]?.failedUpdates).toEqual([]);
  });

  it('is tried again when the clock was set back, which must not make a wait of years', async () => {
    await fails();
    bench.now = new Date(bench.now.getTime() - 6 * HOUR);
    await fails();
  });

  it('shows what the developer knows of it, by its reason before in general', async () => {
    const issue = (reason: string | null, note: string) => ({ version_code: 2, reason, note });
    bench.store.telemetryAnswers.push({
      status: 202,
      body: { known_issues: [issue(null, 'Version 2 is broken.'), issue('PACKAGE_REFUSED', 'Wait for 2.0.1.')] },
    });
    await fails();
    expect(await reported()).toHaveLength(1);
    expect((await device.list())[0]?.failedUpdates).toMatchObject([{ versionCode: 2, note: 'Wait for 2.0.1.' }]);
  });

  it('is forgotten with damaged notes, which are never an error', async () => {
    await fails();
    for (const name of ['failed-updates.json', 'known-issues.json'])
      await writeFile(join(bench.root, 'state', name), '{"x": 1');
    expect((await device.list())[0]?.failedUpdates).toEqual([]);
    await fails();
  });
});

/** The same targets under new signatures, for a clock that went on. */
async function publishAgain(): Promise<void> {
  const { repository } = bench.store;
  const seconds = Math.floor(bench.now.getTime() / 1_000);
  const names = [...repository.files.keys()];
  const latest = (role: string) =>
    Math.max(...names.flatMap((name) => (name.endsWith(`.${role}.json`) ? [Number.parseInt(name, 10)] : [])));
  const expires = new Date(bench.now.getTime() + 400 * 24 * HOUR);
  const versions: Record<string, number> = {};
  for (const role of ['targets', ...Array.from({ length: 16 }, (_, bin) => `bin-${bin.toString(16)}`)]) {
    versions[role] = seconds;
    const { signed } = JSON.parse(repository.files.get(`${latest(role)}.${role}.json`) ?? '{}');
    const targets = Object.fromEntries(
      Object.entries<{ length: number; hashes: { sha256: string }; custom: { mosis: unknown } }>(signed.targets).map(
        ([path, { length, hashes, custom }]) => [path, { length, sha256: hashes.sha256, facts: custom.mosis }],
      ),
    );
    const text =
      role === 'targets' ? repository.targets(seconds, { expires }) : repository.bin(seconds, targets, { expires });
    repository.files.set(`${seconds}.${role}.json`, text);
  }
  repository.files.set(`${seconds}.snapshot.json`, repository.snapshot(seconds, versions, { expires }));
  repository.files.set('timestamp.json', repository.timestamp(seconds, seconds, { expires }));
}

describe('a link that broke', () => {
  it('is no failure of the update: it is tried at the next run, and nobody is told', async () => {
    bench.store.onCheck = offering(bench.publish({ versionCode: 2 }));
    bench.store.onPackage = (_, response) => {
      response.destroy();
      return true;
    };
    expect((await device.updateAll()).outcomes).toMatchObject([{ kind: 'failed', error: { code: 'NETWORK' } }]);
    expect(await reported()).toEqual([]);
    expect((await device.list())[0]?.failedUpdates).toEqual([]);
  });
});

describe('a disk without room', () => {
  it('ends an update before any byte of it is fetched', async () => {
    bench.store.onCheck = offering(bench.publish({ versionCode: 2 }));
    bench.store.ranges.length = 0;
    const full = bench.device({ freeBytes: async () => 1_000 });
    await expect(full.update(APP)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(bench.store.ranges).toEqual([]);
    await unharmed();
    expect(await reported()).toEqual([{ under: 1, data: { from_code: 1, to_code: 2, reason: 'DISK_FULL' } }]);
  });

  it('counts the copy of the data', async () => {
    const two = bench.publish({ versionCode: 2 });
    bench.store.onCheck = offering(two);
    const own = (...path: string[]) => join(bench.root, 'apps', APP, ...path);
    await writeFile(own('db', 'app.db'), Buffer.alloc(100_000, 1));
    // Holes take no room, however long.
    await writeFile(own('db', 'sparse.db'), '');
    await truncate(own('db', 'sparse.db'), 2 ** 31);
    const files = [own('db', 'app.db'), own('data', 'note.txt')];
    const allocated = files.reduce((bytes, path) => bytes + statSync(path).blocks * 512, 0);
    expect(allocated).toBeGreaterThanOrEqual(100_000);
    const need = 2 * two.bytes.length + allocated;
    const with1 = (free: number) => bench.device({ freeBytes: async () => free });
    await expect(with1(need - 1).update(APP)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await with1(need).update(APP)).toMatchObject({ kind: 'updated' });
  });

  it.each(['extract', 'extract-file', 'copy-file', 'write-journal', 'move-old-away', 'move-new-in', 'write-installed'])(
    'found at %s takes back what was done',
    async (step) => {
      bench.store.onCheck = offering(bench.publish({ versionCode: 2 }));
      const onStep = (name: string) => {
        if (name === step) throw Object.assign(new Error('no space left'), { code: 'ENOSPC', syscall: 'write' });
      };
      await expect(bench.device({ onStep }).update(APP)).rejects.toMatchObject({ code: 'DISK_FULL' });
      await unharmed();
      expect(existsSync(join(bench.root, 'state', 'copies', APP))).toBe(false);
      expect(await device.update(APP)).toMatchObject({ kind: 'updated' });
    },
  );

  it.each([
    // Both are in the kernel's own unit of 1024 bytes: one ends the download, one a file of the package.
    ['the download', 40_000, 20],
    ['the app’s data', 0, 60],
  ])('is told from a broken link, when the kernel ends the writing of %s', async (_what, fillerBytes, limit) => {
    bench.store.onCheck = offering(bench.publish({ versionCode: 2, fillerBytes }));
    await writeFile(join(bench.root, 'apps', APP, 'data', 'large'), Buffer.alloc(100_000, 1));
    const command = `ulimit -f ${limit}; exec "$@"`;
    const child = spawn(
      'bash',
      ['-c', command, 'bash', process.execPath, CHILD, bench.root, bench.store.url, 'update', '-'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += String(chunk);
    });
    await once(child, 'exit');
    expect(said).toBe('DISK_FULL\n');
    await unharmed();
    expect(await readdir(join(bench.root, 'downloads'))).toEqual([]);
    expect(await device.update(APP)).toMatchObject({ kind: 'updated' });
  });

  it('lets an app be removed, which makes room', async () => {
    const onStep = (name: string) => {
      // The journal finds room: the kept package of the app went first.
      if (name === 'write-journal' && existsSync(join(bench.root, 'state', 'bases', `${APP}.mosis`)))
        throw Object.assign(new Error('no space left'), { code: 'ENOSPC', syscall: 'write' });
    };
    await bench.device({ onStep }).uninstall(APP, { keepData: false });
    expect(await device.list()).toEqual([]);
  });

  it('keeps an app whose removal could not be written down', async () => {
    const onStep = (name: string) => {
      if (name === 'write-installed')
        throw Object.assign(new Error('no space left'), { code: 'ENOSPC', syscall: 'write' });
    };
    const full = bench.device({ onStep });
    await expect(full.uninstall(APP, { keepData: false })).rejects.toMatchObject({ code: 'DISK_FULL' });
    await unharmed();
  });
});

describe('a folder that cannot be used', () => {
  it.each(['move-old-away', 'move-new-in', 'copy-new-in', 'sync-folders'])(
    'found at %s takes back what was done',
    async (step) => {
      bench.store.onCheck = offering(bench.publish({ versionCode: 2 }));
      const onStep = (name: string) => {
        if (name === step) throw Object.assign(new Error('permission denied'), { code: 'EACCES', syscall: 'rename' });
      };
      await expect(bench.device({ onStep }).update(APP)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      await unharmed();
      expect(await device.update(APP)).toMatchObject({ kind: 'updated' });
    },
  );

  it.each(['downloads', 'staging'])(
    'because something else lies at %s is said, and what is installed runs',
    async (name) => {
      bench.store.onCheck = offering(bench.publish({ versionCode: 2 }));
      await rm(join(bench.root, name), { recursive: true });
      await writeFile(join(bench.root, name), 'not a folder');
      await expect(device.update(APP)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      expect(await bench.installedVersion()).toBe('1');
    },
  );
});

describe('two processes', () => {
  it('do not work on one folder: the second is refused by the lock of the first', async () => {
    bench.store.onCheck = offering(bench.publish({ versionCode: 2, fillerBytes: 40_000 }));
    const slow = Promise.withResolvers<void>();
    bench.store.onPackage = (_request, response, app) => {
      response.writeHead(200, { etag: '"slow"', 'content-length': app.bytes.length });
      response.write(app.bytes.subarray(0, 1_000));
      slow.promise.then(() => response.end(app.bytes.subarray(1_000)));
      return true;
    };
    const child = spawn(process.execPath, [CHILD, bench.root, bench.store.url, 'hold'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await once(child, 'message');
    await expect(device.updateAll()).rejects.toMatchObject({ code: 'DEVICE_BUSY' });
    await expect(device.uninstall(APP, { keepData: true })).rejects.toMatchObject({ code: 'DEVICE_BUSY' });
    slow.resolve();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await bench.installedVersion()).toBe('2');
  });
});
