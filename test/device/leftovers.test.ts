// What killed processes leave half written goes at the next start, and nothing that somebody living writes.
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDevice } from '../../device/device.ts';
import { bornAt } from '../../device/holder.ts';
import { createStorage } from '../../device/storage.ts';
import { installRecord } from './reporting.ts';

/** No process has it: ids end far below. */
const DEAD = '999999999';
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mosis-leftovers-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const device = () => createDevice({ root, serverUrl: 'http://127.0.0.1:1', fetch, clock: () => new Date() });
const names = async (...folder: string[]) => (await readdir(join(root, ...folder))).sort();

it('removes half written state, locks of the dead and downloads that were installed', async () => {
  const storage = createStorage(root);
  await storage.prepare();
  await storage.writeInstalled('com.example.notes', installRecord('com.example.notes'));
  await device().recover();
  const before = { state: await names('state'), trust: await names('state', 'trust').catch(() => []) };
  await writeFile(join(root, 'state', '.installed.json.0123456789ab.tmp'), '{');
  await writeFile(join(root, 'state', `lock.${DEAD}.0123456789ab`), '');
  await writeFile(join(root, 'state', `telemetry.lock.${DEAD}.0123456789ab`), DEAD);
  await writeFile(join(root, 'downloads', `.${'1'.repeat(64)}.json.0123456789ab.tmp`), '{');
  await writeFile(join(root, 'state', '.secret.0123456789ab.0123456789ab.tmp'), 'f');
  await utimes(join(root, 'state', '.secret.0123456789ab.0123456789ab.tmp'), 1, 1);
  const sha256 = installRecord('com.example.notes').sha256;
  for (const name of [`${sha256}.part`, `${sha256}.json`, `${'1'.repeat(64)}.part`])
    await writeFile(join(root, 'downloads', name), 'x');
  await device().recover();
  expect(await names('state')).toEqual(before.state);
  expect(await names('downloads')).toEqual([`${'1'.repeat(64)}.part`]);
});

it('leaves alone what a living process is about to link', async () => {
  await createStorage(root).prepare();
  const living = [
    `lock.${process.ppid}.0123456789ab`,
    `lock.${process.pid}.ba9876543210`,
    '.secret.0123456789ab.0123456789ab.tmp',
  ];
  for (const name of living) await writeFile(join(root, 'state', name), '');
  await device().recover();
  expect(await names('state')).toEqual(expect.arrayContaining(living));
});

it('is not kept out by a process that has the id of a dead holder since', async () => {
  await createStorage(root).prepare();
  const lock = join(root, 'state', 'lock');
  const born = await bornAt(process.ppid);
  await writeFile(lock, `${process.ppid} ${born}`);
  await expect(device().recover()).rejects.toMatchObject({ code: 'DEVICE_BUSY' });
  // The same number of another boot, as a power cut leaves it behind.
  if (born !== null) await writeFile(lock, `${process.ppid} another-boot/1`);
  else await writeFile(lock, DEAD);
  await device().recover();
});
