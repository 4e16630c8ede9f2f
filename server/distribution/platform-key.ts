/** Owns the platform's Ed25519 key, which signs the statement about every published package. */
import { join } from 'node:path';
import { toBase64 } from '../../format/base64.ts';
import {
  formatPlatformSignature,
  type PlatformStatement,
  signPlatformStatement,
} from '../../format/platform-statement.ts';
import { keyIdOf } from '../../format/signing.ts';
import { loadKeyPair } from './key-pair.ts';

const FILE_NAME = 'platform.pem';

export interface PlatformKey {
  /** `SHA256:<base64url>` of the raw public key. */
  readonly keyId: string;
  /** Base64 of the raw 32 bytes. */
  readonly publicKeyBase64: string;
  /** `<keyId>.<base64>` over the statement about published bytes (docs/PACKAGE_FORMAT.md §4). */
  sign(statement: PlatformStatement): string;
}

/**
 * Reads `platform.pem` (PKCS#8, mode 0600) in `keysDir`, making folder and key at the first start. Two first starts at once
 * get the same key. Throws KeyFileUnfit for a file that others can read or that holds no Ed25519 key.
 */
export async function loadPlatformKey(keysDir: string): Promise<PlatformKey> {
  const { secretKey, publicKey } = await loadKeyPair(join(keysDir, FILE_NAME));
  return {
    keyId: keyIdOf(publicKey),
    publicKeyBase64: toBase64(publicKey),
    sign: (statement) => formatPlatformSignature(signPlatformStatement(statement, secretKey)),
  };
}
