import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fromBase64 } from '../../format/base64.ts';
import { parsePlatformSignature, verifyPlatformStatement } from '../../format/platform-statement.ts';
import { keyIdOf } from '../../format/signing.ts';
import { loadPlatformKey } from '../../server/distribution/platform-key.ts';
import { KeyFileUnfit } from '../../server/platform/key-file.ts';

let folder: string;
let keys: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosis-key-'));
  keys = join(folder, 'keys');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('makes one key at the first start and keeps it', async () => {
  const first = await loadPlatformKey(keys);
  const again = await loadPlatformKey(keys);
  expect(again.keyId).toBe(first.keyId);
  expect((await stat(join(keys, 'platform.pem'))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(keys, 'platform.pem'), 'utf8')).toContain('-----BEGIN PRIVATE KEY-----');
  expect(await readdir(keys)).toEqual(['platform.pem']);
});

it('gives starts at the same moment the same key', async () => {
  const loaded = await Promise.all(Array.from({ length: 16 }, () => loadPlatformKey(keys)));
  expect(new Set(loaded.map(({ keyId }) => keyId)).size).toBe(1);
  expect(await readdir(keys)).toEqual(['platform.pem']);
});

it('signs statements that its public key proves', async () => {
  const key = await loadPlatformKey(keys);
  const statement = { packageId: 'com.example.hello', versionCode: 7, size: 123, sha256: 'ab'.repeat(32) };
  const signature = parsePlatformSignature(key.sign(statement));
  const publicKey = fromBase64(key.publicKeyBase64, 32);
  if (signature === null || publicKey === null) throw new Error('no signature or key');
  expect(keyIdOf(publicKey)).toBe(key.keyId);
  expect(verifyPlatformStatement(statement, signature, publicKey)).toBe(true);
  expect(verifyPlatformStatement({ ...statement, size: 124 }, signature, publicKey)).toBe(false);
});

it.each([0o640, 0o604, 0o620, 0o644])('refuses a key file of mode %o and leaves it alone', async (mode) => {
  await loadPlatformKey(keys);
  const path = join(keys, 'platform.pem');
  const before = await readFile(path, 'utf8');
  await chmod(path, mode);
  await expect(loadPlatformKey(keys)).rejects.toThrow(/chmod 600/);
  expect(await readFile(path, 'utf8')).toBe(before);
});

it('refuses a damaged key rather than making another', async () => {
  await loadPlatformKey(keys);
  const path = join(keys, 'platform.pem');
  await writeFile(path, 'not a key');
  await expect(loadPlatformKey(keys)).rejects.toThrow(KeyFileUnfit);
  expect(await readFile(path, 'utf8')).toBe('not a key');
});

it('refuses a folder and a pipe, and waits for neither', async () => {
  await mkdir(join(keys, 'platform.pem'), { recursive: true });
  await expect(loadPlatformKey(keys)).rejects.toThrow(/is no file/);
  await rm(join(keys, 'platform.pem'), { recursive: true });
  execFileSync('mkfifo', ['-m', '600', join(keys, 'platform.pem')]);
  await expect(loadPlatformKey(keys)).rejects.toThrow(/is no file/);
});

it('refuses a symbolic link', async () => {
  await loadPlatformKey(keys);
  const other = join(folder, 'other');
  await mkdir(other);
  await symlink(join(keys, 'platform.pem'), join(other, 'platform.pem'));
  await expect(loadPlatformKey(other)).rejects.toThrow(/symbolic link/);
});
