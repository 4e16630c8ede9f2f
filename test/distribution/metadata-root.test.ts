/** Replacing roots and online keys, followed by a client of TUF that is not ours and by the reference device. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Metadata, MetadataKind } from '@tufjs/models';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDevice, type Device } from '../../device/device.ts';
import { renewRestored } from '../../server/app.ts';
import { type RoleKey, readKeyShelf, signWith } from '../../server/distribution/metadata/role-keys.ts';
import { takeBackup } from '../../server/ops/backup.ts';
import { restoreBackup } from '../../server/ops/restore.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { copyMigratedDatabase, makeFolder } from '../support/database.ts';
import {
  type BareRepository,
  hexOf,
  independentClient,
  initRoot,
  makeKeys,
  openRepository,
  serveFolder,
  serveInFront,
  signedBy,
} from './root-world.ts';

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let dataDir: string;
let clock: TestClock;
let repository: BareRepository;
let served: Awaited<ReturnType<typeof serveFolder>>;
let device: Device;

beforeEach(async () => {
  folder = await makeFolder();
  dataDir = join(folder, 'data');
  // The client that is not ours has no clock but the machine's.
  clock = createTestClock(new Date());
  await mkdir(dataDir);
  await copyMigratedDatabase(join(dataDir, 'core.db'));
  repository = await openRepository(dataDir, { clock });
  await repository.service.start();
  served = await serveFolder(dataDir);
  const first = await rootFile(1);
  await (await independentClient(served.url, join(folder, 'tuf'), first)).refresh();
  device = deviceAt(served.url, 'device');
  await device.provisionFromFile(first);
  await device.refresh();
});
afterEach(async () => {
  await served.close();
  await repository.close();
  await rm(folder, { recursive: true, force: true });
});

const root = () => repository.service.root;
const rootFile = (version: number) => readFile(join(dataDir, 'roots', `${version}.root.json`), 'utf8');
const deviceAt = (serverUrl: string, name: string) =>
  createDevice({ root: join(folder, name), serverUrl, fetch, clock: () => clock.now() });
const online = () => readKeyShelf(join(dataDir, 'keys', 'metadata'));
const warnings = async () => (await repository.service.health()).warnings.map(({ code }) => code);

/** Both clients believe the repository, and the root in force is this one. */
async function followedTo(version: number): Promise<void> {
  expect(await device.refresh()).toMatchObject({ version });
  await (await independentClient(served.url, join(folder, 'tuf'))).refresh();
  const believed = JSON.parse(await readFile(join(folder, 'tuf', 'root.json'), 'utf8'));
  expect(believed.signed.version).toBe(version);
}

async function reopened(): Promise<void> {
  await repository.close();
  repository = await openRepository(dataDir, { clock });
}

async function signersOf(role: 'timestamp' | 'snapshot' | 'targets'): Promise<string[]> {
  const rows = await repository.db.prisma.metadataText.findMany({ where: { file: { role, supersededAt: null } } });
  const signed = JSON.parse(rows[0]?.body ?? '{}') as { signatures: { keyid: string }[] };
  return signed.signatures.map(({ keyid }) => keyid);
}

describe('the development root', () => {
  it('is replaced by offline keys, two of three, by an ordinary rotation', async () => {
    expect(await warnings()).toEqual(['ROOT_DEVELOPMENT']);
    await initRoot(root(), makeKeys(3), 2);
    expect(await warnings()).toEqual([]);
    expect(await device.refresh()).toMatchObject({ version: 2, development: false });
    await followedTo(2);
    expect(existsSync(join(dataDir, 'keys', 'metadata', 'root-development.pem'))).toBe(false);
    await reopened();
    await repository.service.start();
    await followedTo(2);
  });

  it.each([['timestamp'], ['snapshot'], ['targets'], ['bins']] as const)(
    'has its %s key rotated in one step',
    async (role) => {
      const before = (await online())[role].current;
      expect(await root().prepare({ change: 'ROTATE', roles: [role], keys: null, threshold: null })).toEqual({
        draft: null,
      });
      const after = (await online())[role];
      expect(after.next).toBeNull();
      expect(after.current?.key.keyID).not.toBe(before?.key.keyID);
      await followedTo(role === 'bins' ? 1 : 2);
    },
  );

  it('is renewed in one step', async () => {
    await root().prepare({ change: 'RENEW', roles: [], keys: null, threshold: null });
    await followedTo(2);
  });

  it('cannot be begun anew where its key was lost, and says what to do', async () => {
    await repository.close();
    await rm(join(dataDir, 'keys', 'metadata'), { recursive: true });
    await expect(openRepository(dataDir, { clock })).rejects.toThrow(/root-development\.pem.*Put keys\/metadata back/);
    expect(existsSync(join(dataDir, 'roots', '2.root.json'))).toBe(false);
    await rm(join(dataDir, 'roots'), { recursive: true });
    repository = await openRepository(dataDir, { clock });
  });
});

describe('a root with offline keys', () => {
  let keys: RoleKey[];
  const prepared = async (given: Partial<Parameters<BareRepository['service']['root']['prepare']>[0]>) => {
    const { draft } = await root().prepare({ change: 'RENEW', roles: [], keys: null, threshold: null, ...given });
    return draft;
  };
  beforeEach(async () => {
    keys = makeKeys(3);
    await initRoot(root(), keys, 2);
  });

  it('is renewed by a threshold of its keys, and by no fewer', async () => {
    const draft = await prepared({});
    await expect(root().publish(signedBy(draft, keys.slice(0, 1)))).rejects.toMatchObject({ code: 'VALIDATION' });
    await followedTo(2);
    await root().publish(signedBy(draft, keys.slice(1)));
    await followedTo(3);
  });

  it('has one key replaced that was lost, by those that are left', async () => {
    const [, second, third] = keys;
    const [fresh] = makeKeys(1);
    if (second === undefined || third === undefined || fresh === undefined) throw new Error('no keys');
    const draft = await prepared({ keys: [second, third, fresh].map(hexOf), threshold: 2 });
    await root().publish(signedBy(draft, [second, third]));
    await followedTo(3);
    await root().publish(signedBy(await prepared({}), [third, fresh]));
    await followedTo(4);
  });

  it('needs the old threshold, whatever new keys say', async () => {
    const others = makeKeys(2);
    const draft = await prepared({ keys: others.map(hexOf), threshold: 2 });
    const refused = root().publish(signedBy(draft, [...others, ...keys.slice(0, 1)]));
    await expect(refused).rejects.toThrow(/1 more by the rule of the root before it/);
    expect(existsSync(join(dataDir, 'roots', '3.root.json'))).toBe(false);
  });

  it('needs the new threshold, whatever old keys say', async () => {
    const others = makeKeys(2);
    const draft = await prepared({ keys: others.map(hexOf), threshold: 2 });
    await expect(root().publish(signedBy(draft, keys))).rejects.toThrow(/2 more by the rule of this root itself/);
  });

  it('is signed by none but its keys', async () => {
    const draft = await prepared({});
    expect(() => signedBy(draft, makeKeys(1))).toThrow(/Neither this root nor the one before it names/);
  });

  it('is put in force once, however often it is published', async () => {
    const text = signedBy(await prepared({}), keys);
    await root().publish(text);
    await root().publish(text);
    await followedTo(3);
    expect(existsSync(join(dataDir, 'roots', '4.root.json'))).toBe(false);
  });

  it('cannot follow one that another took the place of', async () => {
    const stale = signedBy(await prepared({}), keys);
    const other = makeKeys(1);
    await root().publish(signedBy(await prepared({ keys: other.map(hexOf), threshold: 1 }), [...keys, ...other]));
    await expect(root().publish(stale)).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it('gives no other role its key, and no threshold beyond its keys', async () => {
    const timestamp = (await online()).timestamp.current;
    if (timestamp === null) throw new Error('no key');
    await expect(prepared({ keys: [hexOf(timestamp)], threshold: 1 })).rejects.toThrow(
      /also the online key of timestamp/,
    );
    await expect(prepared({ threshold: 4 })).rejects.toMatchObject({ code: 'VALIDATION' });
  });

  it('is not made from the development root twice', async () => {
    await expect(prepared({ change: 'INIT', keys: keys.map(hexOf), threshold: 2 })).rejects.toThrow(/root renew/);
  });

  it.each<[string, (sig: string) => string]>([
    ['in capitals', (sig) => sig.toUpperCase()],
    ['with more behind it', (sig) => `${sig}zz`],
  ])('is followed though a signature came %s: nobody vouches for how it is written', async (_how, rewrite) => {
    const draft = JSON.parse(signedBy(await prepared({}), keys));
    for (const signature of draft.signatures) signature.sig = rewrite(signature.sig);
    await root().publish(JSON.stringify(draft));
    await followedTo(3);
  });

  it.each<
    [string, (signed: { keys: Record<string, { keyval: { public: string } }>; [name: string]: unknown }) => void]
  >([
    ['more than fits', (signed) => Object.assign(signed, { 'x-more': 'A'.repeat(600_000) })],
    ['a field of no root', (signed) => Object.assign(signed, { 'x-more': 1 })],
    ['a key that no role has', (signed) => Object.assign(signed.keys, { zz: Object.values(signed.keys)[0] })],
    ['keys with a field more', (signed) => Object.values(signed.keys).map((key) => Object.assign(key, { note: 1 }))],
    [
      'keys in capitals',
      (signed) => {
        for (const { keyval } of Object.values(signed.keys)) keyval.public = keyval.public.toUpperCase();
      },
    ],
    ['an end in another form', (signed) => Object.assign(signed, { expires: '2099-01-01T00:00:00+00:00' })],
  ])(
    'with %s is neither signed nor put in force: devices that cannot read it reach none after it',
    async (_what, change) => {
      const draft = JSON.parse((await prepared({})) ?? '');
      change(draft.signed);
      const text = JSON.stringify(draft);
      expect(() => signedBy(text, keys)).toThrow(/This root cannot be used/);
      const forced = Metadata.fromJSON(MetadataKind.Root, { signed: draft.signed, signatures: [] });
      for (const key of keys) signWith(forced, key);
      await expect(root().publish(JSON.stringify(forced.toJSON()))).rejects.toMatchObject({ code: 'VALIDATION' });
      expect(existsSync(join(dataDir, 'roots', '3.root.json'))).toBe(false);
    },
  );

  it('serves only signatures that count', async () => {
    const draft = JSON.parse(signedBy(await prepared({}), keys));
    draft.signatures.push({ keyid: 'a'.repeat(64), sig: 'b'.repeat(128) });
    await root().publish(JSON.stringify(draft));
    const served3 = JSON.parse(await rootFile(3));
    expect(served3.signatures).toHaveLength(3);
    expect(Object.keys(served3).sort()).toEqual(['signatures', 'signed']);
    await followedTo(3);
  });

  describe('when an online key is rotated', () => {
    it('keeps signing with the old key until the root is published, and with the new one from then on', async () => {
      const before = (await online()).timestamp.current?.key.keyID;
      const draft = await prepared({ change: 'ROTATE', roles: ['timestamp'] });
      expect(await warnings()).toEqual(['KEY_WAITS']);
      await followedTo(2);
      expect(await signersOf('timestamp')).toEqual([before]);
      await root().publish(signedBy(draft, keys.slice(0, 2)));
      const after = (await online()).timestamp;
      expect(after.next).toBeNull();
      expect(after.current?.key.keyID).not.toBe(before);
      expect(await warnings()).toEqual([]);
      await followedTo(3);
    });

    it('refuses a root that was prepared before a later rotation', async () => {
      const first = await prepared({ change: 'ROTATE', roles: ['timestamp'] });
      await prepared({ change: 'ROTATE', roles: ['timestamp'] });
      await expect(root().publish(signedBy(first, keys))).rejects.toThrow(/before a later rotate/);
      await followedTo(2);
    });

    it('has devices refuse what its thief signs, and forget how far the thief had driven the numbers', async () => {
      const stolen = await online();
      const ahead = Math.floor(Date.now() / 1000) + 6 * 3_600;
      const forged = await forgedTimestamp(stolen.timestamp.current, ahead);
      const thief = await serveInFront(served.url, new Map([['timestamp.json', forged]]));
      try {
        await expect(deviceAt(thief.url, 'device').refresh()).resolves.toMatchObject({ version: 2 });
        await expect(device.refresh()).rejects.toMatchObject({ code: 'METADATA_ROLLBACK' });

        await root().publish(signedBy(await prepared({ change: 'ROTATE', roles: ['timestamp', 'snapshot'] }), keys));
        await expect(deviceAt(thief.url, 'device').refresh()).rejects.toMatchObject({ code: 'METADATA_UNTRUSTED' });
        const client = await independentClient(thief.url, join(folder, 'tuf'));
        await expect(client.refresh()).rejects.toThrow(/signed by 0\/1 keys/);
        await followedTo(3);
      } finally {
        await thief.close();
      }
    });

    it('has the bins signed anew at once: no root names their key', async () => {
      const before = (await online()).bins.current?.key.keyID ?? '';
      expect(await prepared({ change: 'ROTATE', roles: ['bins'] })).toBeNull();
      const bodies = await repository.db.prisma.metadataText.findMany({
        where: { file: { supersededAt: null, role: { startsWith: 'bin-' } } },
      });
      expect(bodies).toHaveLength(16);
      expect(bodies.filter(({ body }) => body.includes(before))).toEqual([]);
      await followedTo(2);
    });
  });

  it('whose online keys are all lost gets new ones by the next root', async () => {
    await repository.close();
    await rm(join(dataDir, 'keys', 'metadata'), { recursive: true });
    repository = await openRepository(dataDir, { clock });
    await expect(repository.service.start()).rejects.toThrow(/names other online keys.*root renew/);
    expect(await warnings()).toContain('KEYS_MISSING');
    await root().publish(signedBy(await prepared({}), keys));
    await repository.service.start();
    await followedTo(3);
  });

  it('survives a restore of a backup from before it, on the same server', async () => {
    await backedUpAndRestored(async () => root().publish(signedBy(await prepared({}), keys)), true);
    expect((await repository.service.health()).root.version).toBe(3);
    await repository.service.start();
    await followedTo(3);
  });

  it('is taken back from its files where a backup from before it is restored on a new disk', async () => {
    let lost = '';
    await backedUpAndRestored(async () => {
      const draft = await prepared({ change: 'ROTATE', roles: ['timestamp'] });
      await root().publish(signedBy(draft, keys));
      await device.refresh();
      lost = await rootFile(3);
    }, false);
    expect((await repository.service.health()).root.version).toBe(2);
    await root().restore([await rootFile(1), await rootFile(2), lost]);
    // The key that root 3 names went with the disk.
    expect(await warnings()).toContain('KEYS_MISSING');
    await root().publish(signedBy(await prepared({}), keys));
    await repository.service.start();
    await followedTo(4);
  });

  it('is not imported while devices are served', async () => {
    await expect(root().restore([await rootFile(2)])).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  });

  /** A timestamp of the snapshot in force, numbered as its thief likes. */
  async function forgedTimestamp(key: RoleKey | null, version: number): Promise<string> {
    const text = await (await fetch(`${served.url}/v1/metadata/timestamp.json`)).text();
    const json = JSON.parse(text);
    json.signed.version = version;
    const metadata = Metadata.fromJSON(MetadataKind.Timestamp, json);
    metadata.signatures = {};
    if (key !== null) signWith(metadata, key);
    return JSON.stringify(metadata.toJSON());
  }

  async function backedUpAndRestored(meanwhile: () => Promise<void>, sameDisk: boolean): Promise<void> {
    const backup = join(folder, 'backup');
    const progress = { update: () => undefined, end: () => undefined };
    const { manifest } = await takeBackup({ dataDir, folder: backup, copies: true, now: clock.now(), progress });
    await meanwhile();
    await served.close();
    await repository.close();
    if (!sameDisk) {
      await rm(dataDir, { recursive: true });
      await mkdir(dataDir);
    }
    await restoreBackup({
      ...{ dataDir, folder: backup, manifest, replaces: true, now: clock.now(), progress },
      renew: (path) => renewRestored(path, backup, clock),
    });
    repository = await openRepository(dataDir, { clock });
    served = await serveFolder(dataDir);
    device = deviceAt(served.url, 'device');
    // Numbers are seconds, and what was signed meanwhile took a few of them ahead.
    clock.advance(60_000);
  }
});
