/** Owns the platform's Ed25519 key: made at the first start, kept in one file that only the server's user may read. */
import { randomBytes, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { toBase64 } from '../../format/base64.ts';
import { decodePrivateKeyPem, encodePrivateKeyPem } from '../../format/keys.ts';
import {
  formatPlatformSignature,
  type PlatformStatement,
  signPlatformStatement,
} from '../../format/platform-statement.ts';
import { keyIdOf, SECRET_KEY_BYTES } from '../../format/signing.ts';

const FILE_NAME = 'platform.pem';
/** Anything for group or others. */
const FOREIGN_MODE = 0o077;

export interface PlatformKey {
  /** `SHA256:<base64url>` of the raw public key. */
  readonly keyId: string;
  /** Base64 of the raw 32 bytes. */
  readonly publicKeyBase64: string;
  /** `<keyId>.<base64>` over the statement about published bytes (docs/PACKAGE_FORMAT.md §4). */
  sign(statement: PlatformStatement): string;
}

/** The key file is not fit for use; the message says what to do. Nothing was changed. */
export class PlatformKeyError extends Error {
  override readonly name = 'PlatformKeyError';
}

/**
 * Reads `platform.pem` (PKCS#8, mode 0600) in `keysDir`, making folder and key at the first start. Two first starts at once
 * get the same key. Throws PlatformKeyError for a file that others can read or that holds no Ed25519 key.
 */
export async function loadPlatformKey(keysDir: string): Promise<PlatformKey> {
  const path = join(keysDir, FILE_NAME);
  let pem = await readPrivateFile(path);
  if (pem === null) {
    await makeKeyFile(keysDir, path);
    pem = await readPrivateFile(path);
  }
  if (pem === null) throw new PlatformKeyError(`The platform key ${path} was removed while the server started.`);
  const { secretKey, publicKey } = decode(path, pem);
  return {
    keyId: keyIdOf(publicKey),
    publicKeyBase64: toBase64(publicKey),
    sign: (statement) => formatPlatformSignature(signPlatformStatement(statement, secretKey)),
  };
}

function decode(path: string, pem: string): ReturnType<typeof decodePrivateKeyPem> {
  try {
    return decodePrivateKeyPem(pem);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PlatformKeyError(`The platform key ${path} cannot be used: ${reason} Restore it from a backup.`);
  }
}

async function readPrivateFile(path: string): Promise<string | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    if (hasCode(error, 'ELOOP'))
      throw new PlatformKeyError(`The platform key ${path} is a symbolic link; put the file itself there.`);
    throw error;
  });
  if (file === null) return null;
  try {
    const { mode } = await file.stat();
    if ((mode & FOREIGN_MODE) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0');
      throw new PlatformKeyError(
        `The platform key ${path} has mode ${shown}: others on this machine can use it. Run \`chmod 600 ${path}\`, and replace the key if anybody may have read it.`,
      );
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Writes and syncs a temporary file, then links it: the name never shows half a key, and the first of two starts wins. */
async function makeKeyFile(keysDir: string, path: string): Promise<void> {
  await mkdir(keysDir, { recursive: true, mode: 0o700 });
  const temporary = join(keysDir, `.${FILE_NAME}.${randomUUID()}`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(encodePrivateKeyPem(Uint8Array.from(randomBytes(SECRET_KEY_BYTES))));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(temporary, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await unlink(temporary);
  }
  const folder = await open(keysDir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
