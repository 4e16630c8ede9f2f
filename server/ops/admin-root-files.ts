/** Owns the files of `mosis-admin root`: keys in PEM and roots on their way. Nothing is overwritten but a root that was signed. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { decodePrivateKeyPem, decodePublicKeyPem, KeyFileError, type KeyPair } from '../../format/keys.ts';
import { MAX_ROOT_BYTES } from '../distribution/metadata/root-draft.ts';
import { AdminError } from './operator-client.ts';

/** Where set, it opens root key files, and new ones are encrypted with it. */
export const PASSPHRASE_VARIABLE = 'MOSIS_ROOT_PASSPHRASE';

/** The raw public key of a PEM. Throws KEY_INVALID, and says so of a private key, which has no business here. */
export function publicKeyOf(name: string, pem: string): Uint8Array {
  if (pem.includes('PRIVATE KEY'))
    throw new AdminError(
      'KEY_INVALID',
      `${name} is a private key. It does not belong on this machine: whoever breaks in here must not find it.`,
      `remove it here, and name its public half: --key ${name}.pub`,
    );
  try {
    return decodePublicKeyPem(pem);
  } catch (error) {
    throw error instanceof KeyFileError
      ? new AdminError('KEY_INVALID', `${name}: ${error.message}`, 'mosis-admin root keygen --out FILE')
      : error;
  }
}

/** The pair of a private key's PEM, opened with the passphrase where there is one. Throws KEY_INVALID. */
export function keyPairOf(pem: string, passphrase: string | undefined): KeyPair {
  try {
    return decodePrivateKeyPem(pem, passphrase);
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    const next =
      error.problem === 'passphrase-needed' ? `set ${PASSPHRASE_VARIABLE}` : 'name the file that root keygen made';
    throw new AdminError('KEY_INVALID', error.message, next);
  }
}

/** Throws CONFLICT where something is there. */
export function requireFree(path: string): void {
  if (existsSync(path))
    throw new AdminError('CONFLICT', `${path} is there already, and nothing is overwritten.`, 'name another file');
}

/** A root or a key as text. Throws NOT_FOUND or BAD_REQUEST. */
export async function readText(path: string): Promise<string> {
  const unread = (error: NodeJS.ErrnoException): never => {
    const why = error.code === 'ENOENT' ? 'is not there' : `cannot be read: ${error.message}`;
    throw new AdminError('NOT_FOUND', `${path} ${why}.`, 'check the path');
  };
  // Before it is opened: a pipe would be waited for, and a device file has no end.
  const facts = await stat(path).catch(unread);
  if (!facts.isFile()) throw new AdminError('BAD_REQUEST', `${path} is no file.`, 'check the path');
  if (facts.size > 2 * MAX_ROOT_BYTES) throw new AdminError('BAD_REQUEST', `${path} is too long for a root or a key.`);
  return readFile(path, 'utf8').catch(unread);
}

/** Writes a file that is not there yet, synced. Throws CONFLICT or FAILED. */
export async function writeNew(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') requireFree(path);
    throw new AdminError('FAILED', `${path} cannot be written: ${error.message}.`, 'name another file');
  });
  try {
    // Whatever the umask: what is read by others was asked for.
    await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The old file or the new one, whenever this process ends. */
export async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, text, { mode: 0o644, flag: 'wx', flush: true });
  await rename(temporary, path);
}
