/** Real devices on the real server while a version is rolled out: who gets it, who keeps it, who goes back. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDevice, type Device } from '../../device/device.ts';
import { makeFolder } from '../support/database.ts';
import { createStand, type Stand } from './stand.ts';

const DEVICES = 5;
let stand: Stand;
let folder: string;
let devices: Device[];
beforeAll(async () => {
  stand = await createStand();
  folder = await makeFolder();
  await stand.published();
  await stand.app.services.metadata.settled();
  devices = await Promise.all(
    Array.from({ length: DEVICES }, async (_, n) => {
      const device = deviceAt(n);
      await device.provisionFromNetwork();
      await device.install(stand.notes.packageId);
      return device;
    }),
  );
}, 60_000);
afterAll(async () => {
  await stand.close();
  await rm(folder, { recursive: true, force: true });
});

function deviceAt(n: number): Device {
  return createDevice({
    root: join(folder, String(n)),
    serverUrl: stand.app.url,
    mosisVersion: '9.0.0',
    fetch,
    clock: () => new Date(),
    sleep: async () => undefined,
  });
}

/** What each device has once it looked for updates. */
async function updated(): Promise<(number | undefined)[]> {
  await stand.app.services.metadata.settled();
  const codes: (number | undefined)[] = [];
  for (const device of devices) {
    await device.updateAll();
    codes.push((await device.list())[0]?.versionCode);
  }
  return codes;
}

it('a share gets the version and keeps it, more follow as it grows, none while it is paused, and all go back by a rollback', async () => {
  expect(await updated()).toEqual(devices.map(() => 1));
  const second = await stand.published({ percent: 40 });
  const at40 = await updated();
  expect(await updated()).toEqual(at40);
  const rollout = await stand.rollout(second);
  await stand.act('pauseRollout', rollout, { reason: 'A look' });
  expect(await updated()).toEqual(at40);
  await stand.act('resumeRollout', rollout);
  await stand.act('raiseRollout', rollout, { percent: 80 });
  const at80 = await updated();
  at40.forEach((code, n) => {
    if (code === 2) expect(at80[n]).toBe(2);
  });
  await stand.act('haltRollout', rollout, { reason: 'Stop' });
  expect(await updated()).toEqual(at80);
  await stand.ada.done('startRollout', { versionId: second.id, track: 'STABLE' });
  expect(await updated()).toEqual(devices.map(() => 2));
  const { app } = await stand.ada.query<{ app: { versions: { nodes: { id: string; versionCode: number }[] } } }>(
    'query($id: String!) { app(packageId: $id) { versions { nodes { id versionCode } } } }',
    { id: stand.notes.packageId },
  );
  await stand.ada.done('rollBack', {
    appId: stand.notes.id,
    track: 'STABLE',
    fromVersionId: second.id,
    toVersionId: app.versions.nodes.find(({ versionCode }) => versionCode === 1)?.id,
    reason: 'Notes are lost',
  });
  expect(await updated()).toEqual(devices.map(() => 1));
  await stand.published();
  expect(await updated()).toEqual(devices.map(() => 3));
}, 180_000);
