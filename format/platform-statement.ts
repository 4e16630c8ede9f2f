/** Owns the platform's statement about a published file, docs/PACKAGE_FORMAT.md §4, and its header form. Browser-usable. */
import { fromBase64, toBase64 } from './base64.ts';
import { KEY_ID_PATTERN, keyIdOf, publicKeyFrom, SIGNATURE_BYTES, signBytes, verifyBytes } from './signing.ts';

export interface PlatformStatement {
  readonly packageId: string;
  readonly versionCode: number;
  /** Bytes of the package file. */
  readonly size: number;
  /** SHA-256 of the package file in lower-case hexadecimal. */
  readonly sha256: string;
}

export interface PlatformSignature {
  readonly keyId: string;
  readonly signature: Uint8Array;
}

/** Exactly what the platform signs when a version is published. */
export function platformStatementBytes(statement: PlatformStatement): Uint8Array {
  const { packageId, versionCode, size, sha256 } = statement;
  return new TextEncoder().encode(`mosis-platform-v1\n${packageId}\n${versionCode}\n${size}\n${sha256}\n`);
}

/** Signs the statement with the platform's 32-byte secret key. */
export function signPlatformStatement(statement: PlatformStatement, secretKey: Uint8Array): PlatformSignature {
  return {
    keyId: keyIdOf(publicKeyFrom(secretKey)),
    signature: signBytes(platformStatementBytes(statement), secretKey),
  };
}

/** Whether the platform key signed exactly this statement; the key id must be that key's. */
export function verifyPlatformStatement(
  statement: PlatformStatement,
  signature: PlatformSignature,
  publicKey: Uint8Array,
): boolean {
  return (
    signature.keyId === keyIdOf(publicKey) &&
    verifyBytes(platformStatementBytes(statement), signature.signature, publicKey)
  );
}

/** The value of `X-Mosis-Signature`: `<keyId>.<base64>`. */
export function formatPlatformSignature({ keyId, signature }: PlatformSignature): string {
  return `${keyId}.${toBase64(signature)}`;
}

/** Reads the value of `X-Mosis-Signature`; null when it is malformed. */
export function parsePlatformSignature(header: string): PlatformSignature | null {
  const dot = header.indexOf('.');
  const keyId = header.slice(0, Math.max(0, dot));
  const signature = fromBase64(header.slice(dot + 1), SIGNATURE_BYTES);
  return signature !== null && KEY_ID_PATTERN.test(keyId) ? { keyId, signature } : null;
}
