/**
 * Owns the chain of pinned signing keys of an app: the bytes of a link, signing one, and walking a chain. It stores nothing and
 * knows no policy about when a change is allowed. Browser-usable.
 */
import { fromBase64, toBase64 } from './base64.ts';
import {
  KEY_ID_PATTERN,
  keyIdOf,
  PUBLIC_KEY_BYTES,
  publicKeyFrom,
  SIGNATURE_BYTES,
  signBytes,
  verifyBytes,
} from './signing.ts';

export const MAX_PINNED_KEYS = 16;

export interface PinStatement {
  readonly packageId: string;
  /** 1 for the first link, then one more for each. */
  readonly serial: number;
  readonly keyIds: readonly string[];
}

/** A signed change of the pinned set; it carries the signer's key, so that a device needs no directory of keys. */
export interface PinLink extends PinStatement {
  /** Base64 of the signer's raw public key. */
  readonly publicKey: string;
  /** Base64 of the signature over `pinStatementBytes`. */
  readonly signature: string;
  /** Set on a link the platform signed because every key was lost; a device asks its user before it accepts one. */
  readonly recovered?: boolean;
}

export const PIN_PROBLEMS = ['package', 'serial', 'keys', 'signer', 'signature', 'empty'] as const;
export type PinProblem = (typeof PIN_PROBLEMS)[number];

export type PinVerdict =
  | { readonly ok: true; readonly keyIds: readonly string[]; readonly recovered: boolean }
  | { readonly ok: false; readonly problem: PinProblem; readonly serial: number };

/**
 * `mosis-pin-v1\n<packageId>\n<serial>\n` and then each key id with a line feed, sorted by bytes. Throws `RangeError` for a set
 * that is empty, too large, repeats a key or holds something that is no key id.
 */
export function pinStatementBytes({ packageId, serial, keyIds }: PinStatement): Uint8Array {
  if (!areKeyIds(keyIds)) throw new RangeError(`A pinned set has 1 to ${MAX_PINNED_KEYS} different key ids.`);
  if (!Number.isSafeInteger(serial) || serial < 1) throw new RangeError('The serial of a pin link counts from 1.');
  const lines = [...keyIds].sort().map((keyId) => `${keyId}\n`);
  return new TextEncoder().encode(`mosis-pin-v1\n${packageId}\n${serial}\n${lines.join('')}`);
}

function areKeyIds(keyIds: readonly string[]): boolean {
  if (keyIds.length < 1 || keyIds.length > MAX_PINNED_KEYS || new Set(keyIds).size !== keyIds.length) return false;
  return keyIds.every((keyId) => KEY_ID_PATTERN.test(keyId));
}

/** Signs a link with a 32-byte secret key: one of the previous set, or for the first link one of its own. */
export function signPinLink(statement: PinStatement, secretKey: Uint8Array): PinLink {
  const signature = signBytes(pinStatementBytes(statement), secretKey);
  const { packageId, serial, keyIds } = statement;
  return {
    packageId,
    serial,
    keyIds: [...keyIds].sort(),
    publicKey: toBase64(publicKeyFrom(secretKey)),
    signature: toBase64(signature),
  };
}

export interface PinChainOptions {
  readonly packageId: string;
  /** Raw public keys of the platform, which alone may sign a recovered link. */
  readonly platformKeys?: readonly Uint8Array[];
}

/** Walks a chain from its first link; gives the set in force and whether any link was recovered. Never throws. */
export function verifyPinChain(links: readonly PinLink[], options: PinChainOptions): PinVerdict {
  const platformKeyIds = (options.platformKeys ?? []).map(keyIdOf);
  let current: readonly string[] | null = null;
  let recovered = false;
  for (const [index, link] of links.entries()) {
    const problem = linkProblem(link, { packageId: options.packageId, serial: index + 1, current, platformKeyIds });
    if (problem !== null) return { ok: false, problem, serial: index + 1 };
    current = link.keyIds;
    recovered ||= link.recovered === true;
  }
  return current === null ? { ok: false, problem: 'empty', serial: 0 } : { ok: true, keyIds: current, recovered };
}

interface ExpectedLink {
  readonly packageId: string;
  readonly serial: number;
  readonly current: readonly string[] | null;
  readonly platformKeyIds: readonly string[];
}

function linkProblem(link: PinLink, expected: ExpectedLink): PinProblem | null {
  if (link.packageId !== expected.packageId) return 'package';
  if (link.serial !== expected.serial) return 'serial';
  if (!areKeyIds(link.keyIds)) return 'keys';
  const publicKey = fromBase64(link.publicKey, PUBLIC_KEY_BYTES);
  const signature = fromBase64(link.signature, SIGNATURE_BYTES);
  if (publicKey === null || signature === null) return 'signature';
  // A recovery replaces a set, so it can never be the first link.
  if (link.recovered === true && expected.current === null) return 'signer';
  const signers = link.recovered === true ? expected.platformKeyIds : (expected.current ?? link.keyIds);
  if (!signers.includes(keyIdOf(publicKey))) return 'signer';
  return verifyBytes(pinStatementBytes(link), signature, publicKey) ? null : 'signature';
}
