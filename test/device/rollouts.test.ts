// Devices and the real server: tracks, shares, rollbacks with data, and what a developer knows of an update that failed.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createDevice, type Device, type DeviceOptions } from '../../device/device.ts';
import { createStand, type Stand } from '../rollouts/stand.ts';
import { makeFolder } from '../support/database.ts';
import type { VersionHandle } from '../support/seed.ts';

let server: Stand;
let stand: Stand;
let id: string;
const folders: string[] = [];
beforeAll(async () => {
  server = await createStand();
});
beforeEach(async () => {
  stand = await server.another();
  id = stand.notes.packageId;
});
afterAll(async () => {
  await server.close();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

const options = (root: string): DeviceOptions => ({
  root,
  serverUrl: stand.app.url,
  fetch,
  clock: () => new Date(),
  random: () => 0,
  sleep: async () => undefined,
});

async function newDevice(): Promise<Device> {
  const root = await makeFolder();
  folders.push(root);
  const device = createDevice(options(root));
  await settled();
  await device.provisionFromNetwork();
  return device;
}

/** The signed metadata says what the database says. */
const settled = () => stand.app.services.metadata.settled();

async function updated(device: Device): Promise<number | string> {
  await settled();
  const [outcome] = (await device.updateAll()).outcomes;
  return outcome === undefined || outcome.kind === 'failed' ? (outcome?.error.code ?? 'none') : outcome.app.versionCode;
}

const note = (device: Device) => join(device.root, 'apps', id, 'data', 'note.txt');

function rollBack(from: VersionHandle, to: VersionHandle, restoreData: boolean) {
  const input = { appId: stand.notes.id, track: 'STABLE', fromVersionId: from.id, toVersionId: to.id };
  return stand.ada.done('rollBack', { ...input, reason: 'Notes are lost', restoreData }, 'rollout { state }');
}

it('an app that is on beta alone comes to devices that ask for beta, its very first version too', async () => {
  await stand.published({ track: 'BETA' });
  const device = await newDevice();
  await expect(device.install(id)).rejects.toMatchObject({ code: 'NOT_OFFERED' });
  expect(await device.install(id, { track: 'beta' })).toMatchObject({ app: { versionCode: 1, track: 'beta' } });
  await stand.published({ track: 'BETA' });
  expect(await updated(device)).toBe(2);
});

it('a staged version comes to a new device and to one with the version before alike, once it reaches them', async () => {
  await stand.published();
  const device = await newDevice();
  await device.install(id);
  // Two devices in twenty thousand would be reached already.
  const second = await stand.published({ percent: 0.01 });
  expect(await updated(device)).toBe(1);
  const fresh = await newDevice();
  expect(await fresh.install(id)).toMatchObject({ app: { versionCode: 1 } });
  await stand.act('raiseRollout', await stand.rollout(second), { percent: 100 });
  expect([await updated(device), await updated(fresh)]).toEqual([2, 2]);
});

it('a rollback brings the data back, on stable and on beta, and a fix goes on from there', async () => {
  const first = await stand.published();
  const devices = [await newDevice(), await newDevice()];
  for (const [at, device] of devices.entries()) {
    await device.install(id, { track: at === 0 ? 'stable' : 'beta' });
    await writeFile(note(device), 'of 1');
  }
  const second = await stand.published();
  for (const device of devices) {
    expect(await updated(device)).toBe(2);
    await writeFile(note(device), 'of 2');
  }
  await rollBack(second, first, true);
  for (const device of devices) {
    expect(await updated(device)).toBe(1);
    expect(await readFile(note(device), 'utf8')).toBe('of 1');
    // It stays there.
    expect(await updated(device)).toBe(1);
  }
  await stand.published();
  for (const device of devices) {
    expect(await updated(device)).toBe(3);
    expect(await readFile(note(device), 'utf8')).toBe('of 1');
  }
});

it('a version rolled out again after it was taken back is taken again', async () => {
  const [first, second] = [await stand.published(), await stand.published()];
  const device = await newDevice();
  await device.install(id);
  await rollBack(second, first, false);
  expect(await updated(device)).toBe(1);
  await stand.ada.done('startRollout', { versionId: second.id, track: 'STABLE', percent: 100 }, 'rollout { state }');
  expect(await updated(device)).toBe(2);
});

it('a failed update is told to the developer, whose note comes back to the device', async () => {
  await stand.published();
  const device = await newDevice();
  await device.install(id);
  const second = await stand.published();
  const known = { versionId: second.id, reason: 'DISK_FULL', note: 'It needs 1 GB while it installs.' };
  await stand.ada.done('noteKnownIssue', known, 'knownIssue { id }');
  await settled();
  const full = createDevice({ ...options(device.root), freeBytes: async () => 10 });
  expect((await full.updateAll()).outcomes).toMatchObject([{ kind: 'failed', error: { code: 'DISK_FULL' } }]);
  expect(await full.reporter.flush({ urgent: true })).toMatchObject({ problem: null });
  expect((await device.list())[0]?.failedUpdates).toMatchObject([
    { versionCode: 2, code: 'DISK_FULL', note: 'It needs 1 GB while it installs.' },
  ]);
  // There is room now, and somebody asks.
  expect(await device.update(id)).toMatchObject({ app: { versionCode: 2 } });
});
