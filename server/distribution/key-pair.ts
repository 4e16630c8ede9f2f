/** Owns Ed25519 key pairs in files of the data folder: read, or made where there is none. It signs nothing. */
import { randomBytes } from 'node:crypto';
import { decodePrivateKeyPem, encodePrivateKeyPem, type KeyPair } from '../../format/keys.ts';
import { SECRET_KEY_BYTES } from '../../format/signing.ts';
import { KeyFileUnfit, readKeyFile, readOrMakeKeyFile } from '../platform/key-file.ts';

/** The pair of the PKCS#8 PEM at `path`, made there when it is missing. Throws KeyFileUnfit; a damaged key is left alone. */
export async function loadKeyPair(path: string): Promise<KeyPair> {
  const make = () => encodePrivateKeyPem(Uint8Array.from(randomBytes(SECRET_KEY_BYTES)));
  return decoded(path, await readOrMakeKeyFile(path, make));
}

/** The pair of the PKCS#8 PEM at `path`, or null where there is none. Throws KeyFileUnfit. */
export async function readKeyPair(path: string): Promise<KeyPair | null> {
  const pem = await readKeyFile(path);
  return pem === null ? null : decoded(path, pem);
}

function decoded(path: string, pem: string): KeyPair {
  try {
    return decodePrivateKeyPem(pem);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new KeyFileUnfit(`The key ${path} cannot be used: ${reason} Restore it from a backup.`);
  }
}
