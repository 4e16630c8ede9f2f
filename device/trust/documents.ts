/** Owns what one metadata file must be before it is believed: its form, its signatures, and what the file says that names it. It fetches and keeps nothing. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { DeviceError } from '../errors.ts';
import { Envelope, type MetadataKey, type MetadataRole, type MetaFile } from './shapes.ts';
import { isSignedBy } from './signatures.ts';

/** The most that a file of each kind may have, in bytes; a longer one is cut off while it comes. */
export const METADATA_LIMITS = Object.freeze({
  root: 512_000,
  timestamp: 16_384,
  snapshot: 2_000_000,
  targets: 5_000_000,
});

/** What a role's document is checked against. */
export interface Expected<T> {
  readonly shape: z.ZodType<T>;
  readonly role: MetadataRole;
  readonly keys: Readonly<Record<string, MetadataKey>>;
}

/** The document of a role, believed by nobody yet. Throws METADATA_INVALID. */
export function parsed<T>(role: string, text: string, shape: z.ZodType<T>): { envelope: Envelope; signed: T } {
  try {
    const envelope = Envelope.parse(JSON.parse(text));
    return { envelope, signed: shape.parse(envelope.signed) };
  } catch (cause) {
    throw new DeviceError('METADATA_INVALID', `The repository's ${role} is no metadata that this device reads.`, {
      cause,
    });
  }
}

/** The signed part, once enough keys vouch for it. Throws METADATA_INVALID or METADATA_UNTRUSTED. */
export function verified<T>(role: string, text: string, expected: Expected<T>): T {
  const { envelope, signed } = parsed(role, text, expected.shape);
  if (!isSignedBy(envelope, expected.role, expected.keys)) throw untrusted(role);
  return signed;
}

/** What the naming file says may only be less: who can sign that must not make this device read without end. */
export function mostBytes(kind: 'snapshot' | 'targets', { length }: MetaFile): number {
  return Math.min(length ?? METADATA_LIMITS[kind], METADATA_LIMITS[kind]);
}

/** Throws METADATA_MIXED where the naming file gives another hash. */
export function requireNamed(
  role: string,
  text: string,
  wanted: { hashes?: Record<string, string> | undefined },
): void {
  const sha256 = wanted.hashes?.sha256;
  if (sha256 !== undefined && createHash('sha256').update(text, 'utf8').digest('hex') !== sha256) throw mixed(role);
}

/** Too few keys that this device trusts signed a role. */
export function untrusted(role: string): DeviceError {
  return new DeviceError(
    'METADATA_UNTRUSTED',
    `The repository's ${role} is not signed by enough keys that this device trusts.`,
  );
}

/** A role is older than what was seen of it. */
export function rolledBack(role: string): DeviceError {
  return new DeviceError('METADATA_ROLLBACK', `The repository shows an older ${role} than this device has seen.`);
}

/** A role is not what its other files name. */
export function mixed(role: string): DeviceError {
  return new DeviceError('METADATA_MIXED', `The repository's ${role} is not the one that its other files name.`);
}
