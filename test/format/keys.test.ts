/** Key files: what `mosis keys` writes and what it refuses to read. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  decodePrivateKeyPem,
  decodePublicKeyPem,
  encodePrivateKeyPem,
  encodePublicKeyPem,
  KeyFileError,
  keyPairFrom,
} from '../../format/keys.ts';
import { TEST_SECRET_KEY } from '../support/packages.ts';

const pair = keyPairFrom(TEST_SECRET_KEY);

function problemOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof KeyFileError) return error.problem;
    throw error;
  }
  return 'none';
}

describe('private keys', () => {
  it('come back from their PEM', () => {
    expect(decodePrivateKeyPem(encodePrivateKeyPem(TEST_SECRET_KEY))).toEqual(pair);
  });

  it('come back from an encrypted PEM with its passphrase only', () => {
    const pem = encodePrivateKeyPem(TEST_SECRET_KEY, 'correct horse');
    expect(pem).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    expect(decodePrivateKeyPem(pem, 'correct horse')).toEqual(pair);
    expect(problemOf(() => decodePrivateKeyPem(pem))).toBe('passphrase-needed');
    expect(problemOf(() => decodePrivateKeyPem(pem, 'wrong'))).toBe('passphrase-wrong');
  });

  it('are read as OpenSSL writes them', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const read = decodePrivateKeyPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    expect(encodePublicKeyPem(read.publicKey)).toBe(publicKey.export({ type: 'spki', format: 'pem' }).toString());
  });

  it('of another kind are refused', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(problemOf(() => decodePrivateKeyPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()))).toBe(
      'not-ed25519',
    );
    expect(problemOf(() => decodePrivateKeyPem('hello'))).toBe('malformed');
    expect(problemOf(() => decodePrivateKeyPem('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'))).toBe(
      'malformed',
    );
    expect(problemOf(() => decodePrivateKeyPem('x'.repeat(10_000)))).toBe('malformed');
  });
});

describe('public keys', () => {
  it('come back from their PEM', () => {
    expect(decodePublicKeyPem(encodePublicKeyPem(pair.publicKey))).toEqual(pair.publicKey);
    expect(decodePublicKeyPem(`\n${encodePublicKeyPem(pair.publicKey).replaceAll('\n', '\r\n')}`)).toEqual(
      pair.publicKey,
    );
  });

  it('of another kind, a private key and other text are refused', () => {
    const { publicKey } = generateKeyPairSync('x25519');
    expect(problemOf(() => decodePublicKeyPem(publicKey.export({ type: 'spki', format: 'pem' }).toString()))).toBe(
      'not-ed25519',
    );
    expect(problemOf(() => decodePublicKeyPem(encodePrivateKeyPem(TEST_SECRET_KEY)))).toBe('malformed');
    expect(problemOf(() => decodePublicKeyPem('ssh-ed25519 AAAA'))).toBe('malformed');
  });
});
