/** Owns Ed25519 key pairs in files of the data folder: read, or made where there is none. It signs nothing. */
import { randomBytes } from 'node:crypto';
import { decodePrivateKeyPem, encodePrivateKeyPem, type KeyPair } from '../../format/keys.ts';
import { SECRET_KEY_BYTES } from '../../format/signing.ts';
import { KeyFileUnfit, readOrMakeKeyFile } from '../platform/key-file.ts';

/** The pair of the PKCS#8 PEM at `path`, made there when it is missing. Throws KeyFileUnfit; a damaged key is left alone. */
export async function loadKeyPair(path: string): Promise<KeyPair> {
  const pem = await readOrMakeKeyFile(path, () => encodePrivateKeyPem(Uint8Array.from(randomBytes(SECRET_KEY_BYTES))));
  try {
    return decodePrivateKeyPem(pem);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new KeyFileUnfit(`The key ${path} cannot be used: ${reason} Restore it from a backup.`);
  }
}
