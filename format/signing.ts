/**
 * Owns every Ed25519 operation of the format, docs/PACKAGE_FORMAT.md §4, and runs in the browser too. Nothing else in the
 * project verifies a signature: two libraries disagree on edge cases.
 */
import { hashes, Point, getPublicKey as publicKeyOf, sign, verify } from '@noble/ed25519';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { toBase64Url } from './base64.ts';

hashes.sha512 = sha512;

export const PUBLIC_KEY_BYTES = 32;
export const SECRET_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

export const POINT_PROBLEMS = ['length', 'encoding', 'small-order', 'mixed-order'] as const;
/** Why 32 bytes are refused as a point: wrong length, not canonical or not on the curve, order 8 or less, or a torsion part. */
export type PointProblem = (typeof POINT_PROBLEMS)[number];

/**
 * What is wrong with an encoded point, or null when it lies in the prime-order group. Used when a key is registered and on
 * key and R of every verification: then cofactored and plain verification agree.
 */
export function checkPublicKeyPoint(bytes: Uint8Array): PointProblem | null {
  if (bytes.length !== PUBLIC_KEY_BYTES) return 'length';
  let point: Point;
  try {
    point = Point.fromBytes(bytes, false);
  } catch {
    return 'encoding';
  }
  if (point.isSmallOrder()) return 'small-order';
  return point.isTorsionFree() ? null : 'mixed-order';
}

/** `SHA256:` and the base64url of SHA-256 over the raw public key. */
export function keyIdOf(publicKey: Uint8Array): string {
  return `SHA256:${toBase64Url(sha256(publicKey))}`;
}

/** The shape of what `keyIdOf` gives. */
export const KEY_ID_PATTERN = /^SHA256:[A-Za-z0-9_-]{43}$/;

/** The raw public key of a 32-byte secret key (RFC 8032 seed). */
export function publicKeyFrom(secretKey: Uint8Array): Uint8Array {
  return publicKeyOf(secretKey);
}

/** The 64-byte signature of a message; deterministic, as RFC 8032 has it. */
export function signBytes(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  return sign(message, secretKey);
}

/**
 * Whether `signature` is the strict Ed25519 signature of `message`: canonical encodings, S below L, key and R in the
 * prime-order group. Never throws.
 */
export function verifyBytes(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  if (checkPublicKeyPoint(publicKey) !== null) return false;
  if (checkPublicKeyPoint(signature.subarray(0, PUBLIC_KEY_BYTES)) !== null) return false;
  try {
    return verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}

/** SHA-256 of every file in hexadecimal, by path, without Node. */
export function hashFiles(files: ReadonlyMap<string, Uint8Array>): Map<string, string> {
  return new Map([...files].map(([path, bytes]) => [path, bytesToHex(sha256(bytes))]));
}
