// The key of webhook secrets: made once, for its owner alone, and never in place of one that cannot be read.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadSeal } from '../../server/notifications/seal.ts';

let root: string;
let dir: string;
let key: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mosis-seal-'));
  dir = join(root, 'keys');
  key = join(dir, 'webhooks.key');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const secrets = { current: 'whsec_x', previous: null };

it('of several processes that start at once one makes the key, and all have that one', async () => {
  const seals = await Promise.all(Array.from({ length: 8 }, () => loadSeal(dir)));
  const sealed = seals[0]?.close('1', secrets) ?? '';
  for (const seal of [...seals, await loadSeal(dir)]) expect(seal.open('1', sealed)).toEqual(secrets);
  expect(await readdir(dir)).toEqual(['webhooks.key']);
  expect((await stat(key)).mode & 0o777).toBe(0o600);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
});

it('a key that others could read is its owner’s alone from the start on', async () => {
  await loadSeal(dir);
  const before = await readFile(key, 'utf8');
  await chmod(key, 0o644);
  await loadSeal(dir);
  expect([(await stat(key)).mode & 0o777, await readFile(key, 'utf8')]).toEqual([0o600, before]);
});

it.each(['', 'no key', 'AAAA'])('a file that holds %j is refused and stays', async (text) => {
  await mkdir(dir);
  await writeFile(key, text);
  await expect(loadSeal(dir)).rejects.toThrow('is not a webhook key file');
  expect(await readFile(key, 'utf8')).toBe(text);
});
