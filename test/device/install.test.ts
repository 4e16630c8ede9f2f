// What a device accepts, refuses and survives, against a real HTTP server and real folders.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDevice, type Device, type DeviceOptions } from '../../device/device.ts';
import { signPinLink } from '../../format/pins.ts';
import { keyIdOf, publicKeyFrom } from '../../format/signing.ts';
import type { TargetFacts } from '../../format/trust/targets.ts';
import {
  DEVELOPER_SECRET,
  firstPin,
  makePackage,
  packageHeaders,
  type StoreServer,
  sendPackage,
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

  it('refuses without a root', async () => {
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
    store.publish({}, { bytes: good });
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

  it('refuses a version that the signed metadata does not list', async () => {
    store.publish({}, { facts: null });
    await refused('NOT_VOUCHED_FOR', (device) => device.install(APP));
  });

  it('refuses a package signed by a key that is not pinned, whatever the metadata lists', async () => {
    const other = new Uint8Array(32).fill(9);
    const otherId = keyIdOf(publicKeyFrom(other));
    const { facts } = store.publish({ versionCode: 1 }, { id: 'com.example.other' });
    if (facts === null) throw new Error('no facts');
    // The metadata names the right key of the chain, but the package is another developer's.
    store.publish({}, { facts: { ...facts, signer_key_id: otherId, pins: [firstPin(APP, other)] } });
    await refused('SIGNER_NOT_PINNED', (device) => device.install(APP));
  });

  it('refuses a signer outside of the pinned set', async () => {
    const { facts } = store.publish({});
    if (facts === null) throw new Error('no facts');
    store.publish({}, { facts: { ...facts, signer_key_id: `SHA256:${'B'.repeat(43)}` } });
    await refused('SIGNER_NOT_PINNED', (device) => device.install(APP));
  });

  it('refuses a chain of keys that does not verify', async () => {
    const { facts } = store.publish({});
    if (facts === null) throw new Error('no facts');
    store.publish({}, { facts: { ...facts, pins: [firstPin('com.example.other')] } });
    await refused('PIN_CHAIN_BROKEN', (device) => device.install(APP));
  });

  it.each(['paused', 'halted'] as const)('refuses a version whose rollout is %s', async (state) => {
    const { facts } = store.publish({});
    if (facts === null) throw new Error('no facts');
    const stable = { seed: 'ab'.repeat(32), basis_points: 10_000, state };
    store.publish({}, { facts: { ...facts, rollouts: { stable } } });
    await refused('NOT_OFFERED', (device) => device.install(APP));
  });

  it('refuses a package without a developer signature, even with the repository behind it', async () => {
    store.publish({ signed: false });
    await refused('PACKAGE_REFUSED', (device) => device.install(APP));
  });

  it('refuses a package of another app or version than the metadata names', async () => {
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

  it('goes down by a signed entry for exactly this step, and by none else', async () => {
    const old = store.publish({ versionCode: 4 });
    if (old.facts === null) throw new Error('no facts');
    store.publish({ versionCode: 5 });
    const device = await provisioned();
    await device.install(APP);
    const entry = (from: number) => ({ track: 'stable' as const, from, reason: 'crashes', restore_data: false });
    store.publish({ versionCode: 4 }, { facts: { ...old.facts, rollbacks: [entry(6)] } });
    await expect(device.update(APP)).rejects.toMatchObject({ code: 'DOWNGRADE_REFUSED' });
    store.publish({ versionCode: 4 }, { facts: { ...old.facts, rollbacks: [entry(6), entry(5)] } });
    expect(await device.update(APP)).toMatchObject({ kind: 'updated', app: { versionCode: 4 } });
    expect(await installedVersion()).toBe('4');
  });

  it('reaches the share of devices that a rollout names, the same ones as it grows', async () => {
    const reached = async (): Promise<string[]> => {
      const inside: string[] = [];
      for (const name of Array.from({ length: 12 }, (_, index) => `device-${index}`)) {
        const device = await provisioned({ root: join(root, name) });
        if ((await device.list()).length > 0) inside.push(name);
        else if ((await device.install(APP).catch(() => null)) !== null) inside.push(name);
      }
      return inside;
    };
    const { facts } = store.publish({});
    if (facts === null) throw new Error('no facts');
    const share = (basisPoints: number): TargetFacts => ({
      ...facts,
      rollouts: { stable: { seed: 'cd'.repeat(32), basis_points: basisPoints, state: 'active' } },
    });
    const shares = [0, 3_000, 7_000, 10_000];
    const seen: string[][] = [];
    for (const basisPoints of shares) {
      store.publish({}, { facts: share(basisPoints) });
      seen.push(await reached());
    }
    expect(seen[0]).toEqual([]);
    expect(seen[3]).toHaveLength(12);
    for (const [index, inside] of seen.entries())
      expect(seen[index + 1] ?? inside).toEqual(expect.arrayContaining(inside));
  });

  it('refuses an update whose chain of keys is not the one it knows', async () => {
    store.publish({});
    const device = await provisioned();
    await device.install(APP);
    const thief = new Uint8Array(32).fill(7);
    const { facts } = store.publish({ versionCode: 2 });
    if (facts === null) throw new Error('no facts');
    store.publish(
      { versionCode: 2 },
      { facts: { ...facts, pins: [firstPin(APP, thief)], signer_key_id: keyIdOf(publicKeyFrom(thief)) } },
    );
    await expect(device.update(APP)).rejects.toMatchObject({ code: 'PIN_CHAIN_BROKEN' });
    expect(await installedVersion()).toBe('1');
  });

  it('refuses a version signed by a key that the chain has dropped since: it may be a thief’s', async () => {
    const next = new Uint8Array(32).fill(6);
    const second = signPinLink({ packageId: APP, serial: 2, keyIds: [keyIdOf(publicKeyFrom(next))] }, DEVELOPER_SECRET);
    const { keyIds, publicKey, signature } = second;
    const link = { serial: 2, key_ids: [...keyIds], public_key: publicKey, signature, recovered: false };
    store.publish({});
    const device = await provisioned();
    await device.install(APP);
    const { facts } = store.publish({ versionCode: 2 });
    if (facts === null) throw new Error('no facts');
    store.publish({ versionCode: 2 }, { facts: { ...facts, pins: [firstPin(APP), link] } });
    await expect(device.update(APP)).rejects.toMatchObject({ code: 'SIGNER_NOT_PINNED' });
    expect(await installedVersion()).toBe('1');
  });

  it('follows a chain that goes on, and asks before keys that the platform recovered', async () => {
    store.publish({});
    const device = await provisioned();
    await device.install(APP);
    const platform = new Uint8Array(32).fill(8);
    const keyIds = [keyIdOf(publicKeyFrom(DEVELOPER_SECRET)), keyIdOf(publicKeyFrom(platform))];
    const second = signPinLink({ packageId: APP, serial: 2, keyIds }, DEVELOPER_SECRET);
    const link = (signed: typeof second, recovered: boolean) => ({
      serial: signed.serial,
      key_ids: [...signed.keyIds],
      public_key: signed.publicKey,
      signature: signed.signature,
      recovered,
    });
    const { facts } = store.publish({ versionCode: 2 });
    if (facts === null) throw new Error('no facts');
    store.publish({ versionCode: 2 }, { facts: { ...facts, pins: [firstPin(APP), link(second, false)] } });
    expect(await device.update(APP)).toMatchObject({ app: { versionCode: 2 } });
    const third = signPinLink(
      { packageId: APP, serial: 3, keyIds: [keyIdOf(publicKeyFrom(DEVELOPER_SECRET))] },
      platform,
    );
    store.publish(
      { versionCode: 3 },
      { facts: { ...facts, pins: [firstPin(APP), link(second, false), link(third, true)] } },
    );
    await expect(device.update(APP)).rejects.toMatchObject({ code: 'PERMISSIONS_REFUSED' });
    const asked: boolean[] = [];
    await device.update(APP, { confirm: async ({ recoveredKeys }) => asked.push(recoveredKeys) > 0 });
    expect(asked).toEqual([true]);
    expect(await installedVersion()).toBe('3');
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
