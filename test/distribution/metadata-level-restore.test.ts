/** A server restored from before its repository grew into more bins is not behind devices that saw those. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTrustedRepository, trustRoot } from '../../device/trust/repository.ts';
import { targetPath } from '../../format/trust/targets.ts';
import { renewRestored } from '../../server/app.ts';
import { BIN_LEVEL_FILE } from '../../server/distribution/metadata/bin-level.ts';
import { takeBackup } from '../../server/ops/backup.ts';
import { restoreBackup } from '../../server/ops/restore.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { copyMigratedDatabase, makeFolder } from '../support/database.ts';
import { type BareRepository, independentClient, openRepository, serveFolder } from './root-world.ts';

const APP = 'com.example.notes';
const KEY_ID = `SHA256:${'A'.repeat(43)}`;
const DAY = 86_400_000;

let folder: string;
let dataDir: string;
let clock: TestClock;
let repository: BareRepository;
let served: Awaited<ReturnType<typeof serveFolder>>;

beforeEach(async () => {
  folder = await makeFolder();
  dataDir = join(folder, 'data');
  await mkdir(dataDir);
  await copyMigratedDatabase(join(dataDir, 'core.db'));
  // The client that is not ours has no clock but the machine's.
  clock = createTestClock(new Date());
  await open();
});
afterEach(async () => {
  await close();
  await rm(folder, { recursive: true, force: true });
});

async function open(): Promise<void> {
  repository = await openRepository(dataDir, { clock });
  served = await serveFolder(dataDir);
}

async function close(): Promise<void> {
  await served.close();
  await repository.close();
}

/** Published versions of one app, from this code to that, beside what the server knows of them by events. */
async function published(from: number, to: number): Promise<void> {
  const { prisma } = repository.db;
  const at = { createdAt: clock.now(), updatedAt: clock.now() };
  const owner = { email: 'ada@example.com' };
  const { id: ownerId } = await prisma.developer.upsert({
    ...{ where: owner, update: {}, create: { id: randomUUID(), ...owner, name: 'Ada', ...at } },
  });
  const { id: appId } = await prisma.app.upsert({
    where: { packageId: APP },
    update: {},
    create: {
      id: randomUUID(),
      packageId: APP,
      name: 'Notes',
      developerId: ownerId,
      tags: [],
      status: 'PUBLISHED',
      ...at,
    },
  });
  const signed = { publicKey: 'x', signature: 'x', signerKeyId: KEY_ID };
  await prisma.pinLink.upsert({
    where: { appId_serial: { appId, serial: 1 } },
    update: {},
    create: { appId, serial: 1, keyIds: [KEY_ID], ...signed, createdAt: clock.now() },
  });
  await prisma.appVersion.createMany({
    data: Array.from({ length: to - from + 1 }, (_, index) => ({
      ...{ id: randomUUID(), appId, versionCode: from + index, versionName: '1.0.0', state: 'PUBLISHED' },
      ...{ claimedCode: from + index, packageSize: 1_000, packageSha256: 'a'.repeat(64), unpackedSize: 1_000 },
      ...{ manifest: {}, permissions: [], minMosisVersion: '1.0.0', reviewReasons: [], signerKeyId: KEY_ID },
      ...{ uploadedById: ownerId, publishedAt: clock.now(), ...at },
    })),
  });
}

/** What both kinds of client are told at their next look: whether this version is listed. */
async function listed(code: number): Promise<boolean[]> {
  const network = {
    serverUrl: served.url,
    fetch,
    clock: () => clock.now(),
    sleep: async () => undefined,
    random: () => 0,
  };
  const device = createTrustedRepository({ network, folder: join(folder, 'device') });
  await device.refresh();
  const other = await independentClient(served.url, join(folder, 'tuf'));
  await other.refresh();
  const path = targetPath(APP, code);
  return [(await device.target(APP, code)) !== null, (await other.getTargetInfo(path)) !== undefined];
}

it('follows devices over the step from 16 to 256 bins, whatever became of the 16 since the backup', async () => {
  await published(1, 10);
  await repository.service.start();
  const root = await readFile(join(dataDir, 'roots', '1.root.json'), 'utf8');
  await trustRoot(join(folder, 'device'), root);
  await independentClient(served.url, join(folder, 'tuf'), root);
  expect(await listed(10)).toEqual([true, true]);
  const backup = join(folder, 'backup');
  const progress = { update: () => undefined, end: () => undefined };
  const { manifest } = await takeBackup({ dataDir, folder: backup, copies: true, now: clock.now(), progress });

  // First the 16 are signed again, then there are 256: clients have seen later numbers of both.
  clock.advance(61 * DAY);
  await reopened(async () => repository.service.start());
  expect(await listed(10)).toEqual([true, true]);
  await published(11, 300);
  await reopened(async () => repository.service.start());
  expect(await listed(300)).toEqual([true, true]);
  expect(await bins()).toBe(16 + 256);

  await close();
  await restoreBackup({
    ...{ dataDir, folder: backup, manifest, replaces: true, now: clock.now(), progress },
    renew: (path) => renewRestored(path, backup, clock),
  });
  clock.advance(60_000);
  await open();
  expect(await repository.db.prisma.appVersion.count()).toBe(10);
  await repository.service.start();
  expect(await listed(10)).toEqual([true, true]);
  expect(await listed(300)).toEqual([false, false]);
  expect(await bins()).toBe(16 + 256);
});

it('says what to do where the note of the level holds something else', async () => {
  await writeFile(join(dataDir, 'roots', BIN_LEVEL_FILE), '9\n');
  await expect(repository.service.start()).rejects.toThrow(/bin-level must hold 4, 8, 12/);
});

it('notes the level before anything of it is in force', async () => {
  await published(1, 300);
  await repository.db.prisma.$executeRawUnsafe(
    `CREATE TRIGGER no_bins BEFORE UPDATE ON metadata_files WHEN NEW.superseded_at IS NULL BEGIN SELECT raise(ABORT, 'killed here'); END`,
  );
  await expect(repository.service.start()).rejects.toThrow();
  expect(await bins()).toBe(0);
  expect(await readFile(join(dataDir, 'roots', BIN_LEVEL_FILE), 'utf8')).toBe('8\n');
});

async function reopened(act: () => Promise<void>): Promise<void> {
  await close();
  await open();
  await act();
}

/** Bins in force, of every level. */
function bins(): Promise<number> {
  return repository.db.prisma.metadataFile.count({ where: { supersededAt: null, role: { startsWith: 'bin-' } } });
}
