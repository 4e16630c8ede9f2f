/** Owns key files, docs/PACKAGE_FORMAT.md §4: PKCS#8 and SPKI PEM to raw bytes and back. Node only; it stores nothing. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { PUBLIC_KEY_BYTES, publicKeyFrom, SECRET_KEY_BYTES } from './signing.ts';

/** RFC 8410 §7: PrivateKeyInfo of an Ed25519 seed up to the seed. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
/** RFC 8410 §4: SubjectPublicKeyInfo of an Ed25519 key up to the key. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const SPKI_PEM = /^\s*-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]{1,200}?)\s*-----END PUBLIC KEY-----\s*$/;
/** An encrypted PKCS#8 PEM of an Ed25519 key takes under 400 bytes. */
const MAX_PEM_CHARACTERS = 4_096;

export const KEY_FILE_PROBLEMS = ['malformed', 'not-ed25519', 'passphrase-needed', 'passphrase-wrong'] as const;
export type KeyFileProblem = (typeof KEY_FILE_PROBLEMS)[number];

/** A key file that cannot be used, and why. */
export class KeyFileError extends Error {
  readonly problem: KeyFileProblem;

  constructor(problem: KeyFileProblem, message: string) {
    super(message);
    this.name = 'KeyFileError';
    this.problem = problem;
  }
}

export interface KeyPair {
  /** 32-byte seed of RFC 8032. */
  readonly secretKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** A key pair from 32 random bytes, which the caller brings. */
export function keyPairFrom(secretKey: Uint8Array): KeyPair {
  return { secretKey, publicKey: publicKeyFrom(secretKey) };
}

/** PKCS#8 PEM of a secret key, encrypted (PBES2, AES-256-CBC) when a passphrase is given. */
export function encodePrivateKeyPem(secretKey: Uint8Array, passphrase?: string): string {
  const key = privateKeyObject(secretKey);
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  return key.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString();
}

/** A secret key as OpenSSL takes it. */
export function privateKeyObject(secretKey: Uint8Array): KeyObject {
  if (secretKey.length !== SECRET_KEY_BYTES) throw new RangeError(`A secret key has ${SECRET_KEY_BYTES} bytes.`);
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, secretKey]), format: 'der', type: 'pkcs8' });
}

/** The key pair of a PKCS#8 PEM. Throws `KeyFileError`. */
export function decodePrivateKeyPem(pem: string, passphrase?: string): KeyPair {
  if (pem.length > MAX_PEM_CHARACTERS) throw new KeyFileError('malformed', 'The file is too long for a private key.');
  const encrypted = pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');
  if (!encrypted && !pem.includes('-----BEGIN PRIVATE KEY-----')) {
    throw new KeyFileError('malformed', 'The file is no PKCS#8 private key in PEM.');
  }
  if (encrypted && passphrase === undefined) {
    throw new KeyFileError('passphrase-needed', 'The private key is encrypted; its passphrase is needed.');
  }
  const key = openPrivateKey(pem, encrypted ? passphrase : undefined);
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new KeyFileError('not-ed25519', `The private key is of type ${key.asymmetricKeyType}, not Ed25519.`);
  }
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return keyPairFrom(Uint8Array.from(der.subarray(PKCS8_PREFIX.length, PKCS8_PREFIX.length + SECRET_KEY_BYTES)));
}

function openPrivateKey(pem: string, passphrase: string | undefined): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    // OpenSSL does not say whether the padding or the structure was wrong; with a passphrase it is nearly always that.
    throw passphrase === undefined
      ? new KeyFileError('malformed', 'The private key cannot be read.')
      : new KeyFileError('passphrase-wrong', 'The private key cannot be opened with this passphrase.');
  }
}

/** SPKI PEM of a raw public key. */
export function encodePublicKeyPem(publicKey: Uint8Array): string {
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new RangeError(`A public key has ${PUBLIC_KEY_BYTES} bytes.`);
  const der = Buffer.concat([SPKI_PREFIX, publicKey]).toString('base64');
  return `-----BEGIN PUBLIC KEY-----\n${der}\n-----END PUBLIC KEY-----\n`;
}

/** The raw public key of an SPKI PEM; whether its point is safe is for `checkPublicKeyPoint`. Throws `KeyFileError`. */
export function decodePublicKeyPem(pem: string): Uint8Array {
  const body = pem.length > MAX_PEM_CHARACTERS ? undefined : SPKI_PEM.exec(pem)?.[1];
  if (body === undefined) throw new KeyFileError('malformed', 'The text is no SPKI public key in PEM.');
  const der = Buffer.from(body.replace(/\s+/g, ''), 'base64');
  const prefixed = der.subarray(0, SPKI_PREFIX.length).equals(SPKI_PREFIX);
  if (!prefixed || der.length !== SPKI_PREFIX.length + PUBLIC_KEY_BYTES) {
    throw new KeyFileError('not-ed25519', 'The public key is not an Ed25519 key.');
  }
  return Uint8Array.from(der.subarray(SPKI_PREFIX.length));
}
