// What a device accepts, refuses and survives, against a real HTTP server and real folders.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDevice, type Device, type DeviceOptions } from '../../device/device.ts';
import { formatPlatformSignature, signPlatformStatement } from '../../format/platform-statement.ts';
import {
  DEVELOPER_SECRET,
  makePackage,
  PLATFORM_SECRET,
  packageHeaders,
  type StoreServer,
  sendPackage,
  sha256,
  startStore,
} from './store.ts';

const APP = 'com.example.notes';
let store: StoreServer;
let root: string;
let waits: number[];

beforeEach(async () => {
  store = await startStore();
  root = await mkdtemp(join(tmpdir(), 'mosis-device-'));
  waits = [];
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

async function provisioned(options: Partial<DeviceOptions> = {}): Promise<Device> {
  const device = createDevice({
    root,
    serverUrl: store.url,
    fetch,
    clock: () => new Date(),
    random: () => 0,
    sleep: async (ms) => {
      waits.push(ms);
    },
    ...options,
  });
  await device.provisionFromNetwork();
  return device;
}

const installedVersion = async () =>
  (await readFile(join(root, 'apps', APP, 'package', 'assets', 'version.txt'), 'utf8')).trim();

describe('install', () => {
  it('puts a verified package in place with its data folders', async () => {
    store.publish({});
    const result = await (await provisioned()).install(APP);
    expect(result.kind).toBe('installed');
    expect(await installedVersion()).toBe('1');
    expect((await readdir(join(root, 'apps', APP))).sort()).toEqual(['cache', 'data', 'db', 'package']);
    expect(await readdir(join(root, 'staging'))).toEqual([]);
    expect(await readdir(join(root, 'downloads'))).toEqual([]);
  });

  it('does nothing when the version is current', async () => {
    store.publish({});
    const device = await provisioned();
    await device.install(APP);
    expect((await device.install(APP)).kind).toBe('current');
    expect(store.ranges).toHaveLength(1);
  });

  it('updates and keeps the data of the app', async () => {
    store.publish({});
    const device = await provisioned();
    await device.install(APP);
    await writeFile(join(root, 'apps', APP, 'data', 'note.txt'), 'kept');
    store.publish({ versionCode: 2 });
    const result = await device.update(APP);
    expect(result.kind).toBe('updated');
    expect(await installedVersion()).toBe('2');
    expect(await readFile(join(root, 'apps', APP, 'data', 'note.txt'), 'utf8')).toBe('kept');
  });

  it('keeps the secret to itself and readable by its owner alone', async () => {
    store.publish({});
    const device = await provisioned();
    await device.install(APP);
    await device.reporter.track(APP, { type: 'app_start', consent: false });
    await device.reporter.flush();
    const secret = (await readFile(join(root, 'state', 'secret'), 'utf8')).trim();
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(store.posts)).not.toContain(secret);
  });
});

describe('refusals leave nothing behind', () => {
  const refused = async (
    code: string,
    act: (device: Device) => Promise<unknown>,
    options: Partial<DeviceOptions> = {},
  ) => {
    const device = await provisioned(options);
    await expect(act(device)).rejects.toMatchObject({ code });
    expect(existsSync(join(root, 'apps', APP, 'package'))).toBe(false);
    expect(await readdir(join(root, 'staging'))).toEqual([]);
    expect(await readdir(join(root, 'downloads'))).toEqual([]);
    expect(await device.list()).toEqual([]);
  };

  it('refuses without a platform key', async () => {
    store.publish({});
    const device = createDevice({ root, serverUrl: store.url, fetch, clock: () => new Date() });
    await expect(device.install(APP)).rejects.toMatchObject({ code: 'DEVICE_NOT_PROVISIONED' });
  });

  it('refuses an app that the store does not have', () =>
    refused('NOT_FOUND', (device) => device.install('com.example.other')));

  it('refuses bytes with another hash than announced', async () => {
    const good = makePackage();
    const bad = Uint8Array.from(good);
    bad[bad.length - 30] = (bad[bad.length - 30] ?? 0) ^ 1;
    store.publish({}, { sha256: sha256(good) });
    store.onPackage = (_request, response, app) => {
      const { 'repr-digest': _, ...headers } = packageHeaders(app);
      response.writeHead(200, { ...headers, 'content-length': bad.length });
      response.end(bad);
      return true;
    };
    await refused('DOWNLOAD_CORRUPT', (device) => device.install(APP));
  });

  it('refuses a Repr-Digest of another file before reading the body', async () => {
    store.publish({});
    store.onPackage = (_, response, app) => {
      const digest = `sha-256=:${Buffer.alloc(32).toString('base64')}:`;
      response.writeHead(200, { ...packageHeaders(app), 'repr-digest': digest, 'content-length': app.bytes.length });
      response.end(app.bytes);
      return true;
    };
    await refused('DOWNLOAD_CORRUPT', (device) => device.install(APP));
  });

  it('refuses more bytes than announced', async () => {
    const app = store.publish({});
    store.onPackage = (_, response) => {
      response.writeHead(200, packageHeaders(app));
      response.end(Buffer.concat([app.bytes, Buffer.alloc(100_000)]));
      return true;
    };
    await refused('DOWNLOAD_CORRUPT', (device) => device.install(APP));
  });

  it.each([
    ['another version', { packageId: APP, versionCode: 2 }],
    ['another app', { packageId: 'com.example.other', versionCode: 1 }],
  ])('refuses a statement about %s', async (_, identity) => {
    const bytes = makePackage();
    const statement = { ...identity, size: bytes.length, sha256: sha256(bytes) };
    const signature = formatPlatformSignature(signPlatformStatement(statement, PLATFORM_SECRET));
    store.publish({}, { bytes, signature });
    await refused('PLATFORM_SIGNATURE_INVALID', (device) => device.install(APP));
  });

  it('refuses a statement by a key that it was not given', async () => {
    const bytes = makePackage();
    const statement = { packageId: APP, versionCode: 1, size: bytes.length, sha256: sha256(bytes) };
    store.publish(
      {},
      { bytes, signature: formatPlatformSignature(signPlatformStatement(statement, DEVELOPER_SECRET)) },
    );
    await refused('PLATFORM_SIGNATURE_INVALID', (device) => device.install(APP));
  });

  it('refuses an answer without a statement', async () => {
    store.publish({});
    store.onPackage = (_, response, app) => {
      const { 'x-mosis-signature': _signature, ...headers } = packageHeaders(app);
      response.writeHead(200, headers).end(app.bytes);
      return true;
    };
    await refused('PLATFORM_SIGNATURE_INVALID', (device) => device.install(APP));
  });

  it('refuses a package without a developer signature, even with the platform behind it', async () => {
    store.publish({ signed: false });
    await refused('PACKAGE_REFUSED', (device) => device.install(APP));
  });

  it('refuses a package of another app or version than the statement names', async () => {
    store.publish({}, { bytes: makePackage({ id: 'com.example.other' }) });
    await refused('PACKAGE_MISMATCH', (device) => device.install(APP));
    store.publish({}, { bytes: makePackage({ versionCode: 7 }) });
    await refused('PACKAGE_MISMATCH', (device) => device.install(APP));
  });

  it('refuses an app that needs a newer Mosis', async () => {
    store.publish({ minMosisVersion: '2.0.0' });
    await refused('MOSIS_TOO_OLD', (device) => device.install(APP), { mosisVersion: '1.9.9' });
  });

  it('refuses dangerous permissions that nobody granted', async () => {
    store.publish({ permissions: ['camera'] });
    await refused('PERMISSIONS_REFUSED', (device) => device.install(APP));
    await refused('PERMISSIONS_REFUSED', (device) => device.install(APP, { confirm: async () => false }));
  });

  it('refuses a redirect to another scheme', async () => {
    store.publish({});
    store.onPackage = (_, response) => {
      response.writeHead(302, { location: 'file:///etc/passwd' }).end();
      return true;
    };
    await refused('PROTOCOL', (device) => device.install(APP));
  });
});

describe('versions', () => {
  it('takes an older version when the newest needs a newer Mosis', async () => {
    store.publish({ versionCode: 1 });
    store.publish({ versionCode: 2, minMosisVersion: '2.0.0' });
    const result = await (await provisioned({ mosisVersion: '1.9.9' })).install(APP);
    expect(result.app.versionCode).toBe(1);
  });

  it('never goes down, and keeps what is installed', async () => {
    store.publish({ versionCode: 5 });
    const device = await provisioned();
    await device.install(APP);
    store.publish({ versionCode: 4 });
    await expect(device.install(APP)).rejects.toMatchObject({ code: 'DOWNGRADE_REFUSED' });
    store.publish({ versionCode: 5, version: '9.9.9' });
    await expect(device.install(APP)).rejects.toMatchObject({ code: 'DOWNGRADE_REFUSED' });
    expect(await installedVersion()).toBe('5');
  });

  it('asks only for dangerous permissions that are new', async () => {
    store.publish({ permissions: ['camera', 'storage'] });
    const device = await provisioned();
    const asked: string[][] = [];
    const confirm = async ({ newDangerous }: { newDangerous: readonly string[] }) => asked.push([...newDangerous]) > 0;
    await device.install(APP, { confirm });
    store.publish({ versionCode: 2, permissions: ['camera', 'location'] });
    await device.install(APP, { confirm });
    store.publish({ versionCode: 3, permissions: ['camera', 'location'] });
    await device.install(APP, { confirm });
    expect(asked).toEqual([['camera'], ['location']]);
  });

  it('keeps the running version when an update fails', async () => {
    store.publish({});
    const device = await provisioned();
    await device.install(APP);
    store.publish({ versionCode: 2, signed: false });
    await expect(device.update(APP)).rejects.toMatchObject({ code: 'PACKAGE_REFUSED' });
    expect(await installedVersion()).toBe('1');
    expect((await device.list())[0]).toMatchObject({ versionCode: 1 });
  });
});

describe('download', () => {
  it.each([1, 2, 63, 64, 1000, 39_999])('goes on after the link broke at byte %i', async (cut) => {
    const app = store.publish({ fillerBytes: 60_000 });
    let cuts = 0;
    store.onPackage = (_, response) => {
      cuts += 1;
      if (cuts > 1) return false;
      response.writeHead(200, { ...packageHeaders(app), 'content-length': app.bytes.length });
      response.write(app.bytes.subarray(0, cut), () => setImmediate(() => response.destroy()));
      return true;
    };
    await (await provisioned()).install(APP);
    expect(await installedVersion()).toBe('1');
    expect(store.ranges[0]).toBeNull();
    // Bytes in flight when the link breaks may be lost, never invented.
    const from = Number(/^bytes=(\d+)-$/.exec(store.ranges[1] ?? 'bytes=0-')?.[1]);
    expect(from).toBeLessThanOrEqual(cut);
  });

  it('goes on in a later run with what an earlier run left', async () => {
    const app = store.publish({ fillerBytes: 60_000 });
    store.onPackage = (request, response) => {
      const start = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      if (start > 0) {
        response.destroy();
        return true;
      }
      response.writeHead(200, { ...packageHeaders(app), 'content-length': app.bytes.length });
      response.write(app.bytes.subarray(0, 20_000), () => setTimeout(() => response.destroy(), 50));
      return true;
    };
    await expect((await provisioned()).install(APP)).rejects.toMatchObject({ code: 'NETWORK' });
    store.onPackage = null;
    store.ranges.length = 0;
    await (await provisioned()).install(APP);
    expect(store.ranges).toEqual(['bytes=20000-']);
    expect(await installedVersion()).toBe('1');
  });

  it('begins again when the server has another file behind the same name', async () => {
    const app = store.publish({ fillerBytes: 60_000 });
    let first = true;
    store.onPackage = (request, response) => {
      if (first) {
        first = false;
        response.writeHead(200, { ...packageHeaders(app), etag: '"other"', 'content-length': app.bytes.length });
        response.write(Buffer.alloc(20_000), () => setTimeout(() => response.destroy(), 50));
      } else sendPackage(request, response, app);
      return true;
    };
    await (await provisioned()).install(APP);
    expect(store.ranges).toEqual([null, 'bytes=20000-']);
    expect(await installedVersion()).toBe('1');
  });

  it('waits as long as Retry-After says, and gives up beyond a minute', async () => {
    store.publish({});
    const answers = ['7', null];
    store.onPackage = (_, response) => {
      const wait = answers.shift();
      if (wait === undefined || wait === null) return false;
      response.writeHead(429, { 'retry-after': wait }).end();
      return true;
    };
    await (await provisioned()).install(APP);
    expect(waits).toEqual([7_000]);
    store.publish({ versionCode: 2 });
    answers.unshift('3600');
    await expect((await provisioned()).install(APP)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });
});

describe('uninstall', () => {
  it('removes the app with its data, or keeps the data', async () => {
    store.publish({});
    const device = await provisioned();
    await device.install(APP);
    await writeFile(join(root, 'apps', APP, 'data', 'note.txt'), 'kept');
    await device.uninstall(APP, { keepData: true });
    expect(await readdir(join(root, 'apps', APP))).toEqual(expect.arrayContaining(['data']));
    expect(existsSync(join(root, 'apps', APP, 'package'))).toBe(false);
    await device.install(APP);
    expect(await readFile(join(root, 'apps', APP, 'data', 'note.txt'), 'utf8')).toBe('kept');
    await device.uninstall(APP, { keepData: false });
    expect(existsSync(join(root, 'apps', APP))).toBe(false);
    await expect(device.uninstall(APP, { keepData: false })).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
  });
});

describe('one folder', () => {
  it('lets one process work at a time and takes over from a dead one', async () => {
    store.publish({});
    const device = await provisioned();
    await writeFile(join(root, 'state', 'lock'), '1');
    await expect(device.install(APP)).rejects.toMatchObject({ code: 'DEVICE_BUSY' });
    await writeFile(join(root, 'state', 'lock'), '4194305');
    expect((await device.install(APP)).kind).toBe('installed');
    expect((await readdir(join(root, 'state'))).filter((name) => name.startsWith('lock'))).toEqual([]);
  });

  it('lets one work at a time in the same process too', async () => {
    store.publish({});
    const device = await provisioned();
    const [first, second] = await Promise.allSettled([device.install(APP), device.install(APP)]);
    expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected']);
    const refused = [first, second].find((one) => one.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: 'DEVICE_BUSY' });
    expect(await installedVersion()).toBe('1');
  });

  it.each([
    ['that a power cut left empty', ''],
    ['of an earlier process that had the same id', String(process.pid)],
  ])('takes over from a lock %s', async (_name, holder) => {
    store.publish({});
    const device = await provisioned();
    await writeFile(join(root, 'state', 'lock'), holder);
    expect((await device.install(APP)).kind).toBe('installed');
  });
});
