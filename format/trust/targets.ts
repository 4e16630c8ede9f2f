/**
 * Owns how signed repository metadata names packages, docs/DEVICE_PROTOCOL.md §4: the path of a target, the bin that lists
 * it, and what a target says beside size and hash. Server and device share it; it signs and verifies nothing.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { KEY_ID_PATTERN } from '../signing.ts';

/** Tracks that an app is published on; each device follows one an app. */
export const TRACKS = ['stable', 'beta'] as const;
export type Track = (typeof TRACKS)[number];

/** `active` and `complete` offer the version to the share of devices; the others offer it to no further device. */
export const ROLLOUT_STATES = ['active', 'complete', 'paused', 'halted'] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

/** Bits of the path's hash that name its bin, by size of the repository: few bins while there are few targets. */
export const BIN_LEVELS = [4, 8, 12] as const;
export type BinLevel = (typeof BIN_LEVELS)[number];
export const BIN_PREFIX = 'bin';

/** Path of a version's package below `/v1/packages/`. */
export function targetPath(packageId: string, versionCode: number): string {
  return `${packageId}/${versionCode}/package.mosis`;
}

/** The first 16 bits of the path's SHA-256: the bin at each level is their first bits. */
export function binPrefixOf(path: string): number {
  return createHash('sha256').update(path, 'utf8').digest().readUInt16BE();
}

/** The number of the bin that a prefix falls into. */
export function binOf(prefix: number, bits: number): number {
  return prefix >>> (16 - bits);
}

/** The role's name, as TAP 15 makes it: `bin-3`, `bin-3f`, `bin-3fa`. */
export function binName(bin: number, bits: number, prefix: string = BIN_PREFIX): string {
  return `${prefix}-${bin.toString(16).padStart(((1 << bits) - 1).toString(16).length, '0')}`;
}

const hex64 = z.string().regex(/^[0-9a-f]{64}$/);
const keyId = z.string().regex(KEY_ID_PATTERN);
const versionCode = z.int().min(1).max(2_147_483_647);

const rollout = z.object({
  /** 32 random bytes, the same for the version for ever: with the device's number they decide whether it takes part. */
  seed: hex64,
  /** Share of devices in hundredths of a percent. */
  basis_points: z.int().min(0).max(10_000),
  state: z.enum(ROLLOUT_STATES),
});
export type RolloutEntry = z.infer<typeof rollout>;

/** What a target says of its package, under `custom.mosis`. Unknown keys are left for later versions. */
export const TargetFacts = z.object({
  v: z.literal(1),
  version: z.string().max(64),
  min_mosis_version: z.string().max(64),
  permissions: z.array(z.string().max(64)).max(64),
  /** The developer's key that signed the package; it belongs to the last set of `pins`. */
  signer_key_id: keyId,
  /** The app's chain of key sets from the first on (docs/PACKAGE_FORMAT.md §4). */
  pins: z
    .array(
      z.object({
        serial: z.int().min(1),
        key_ids: z.array(keyId).min(1).max(16),
        public_key: z.string().max(64),
        signature: z.string().max(128),
        recovered: z.boolean(),
      }),
    )
    .min(1)
    .max(256),
  rollouts: z.object({ stable: rollout.optional(), beta: rollout.optional() }),
  /** Versions from which this one takes devices back. */
  rollbacks: z
    .array(
      z.object({
        track: z.enum(TRACKS),
        from: versionCode,
        reason: z.string().max(500),
        restore_data: z.boolean(),
      }),
    )
    .max(100),
});
export type TargetFacts = z.infer<typeof TargetFacts>;

/**
 * Whether a device takes part in a rollout: the first 8 bytes of SHA-256 over the seed and the device's own random number, as
 * a fraction of 2^64, lie below the share. Sticky, for neither changes while the share grows.
 */
export function takesPart({ seed, basis_points: basisPoints }: RolloutEntry, deviceNumber: Uint8Array): boolean {
  const digest = createHash('sha256').update(Buffer.from(seed, 'hex')).update(deviceNumber).digest();
  return digest.readBigUInt64BE() * 10_000n < BigInt(basisPoints) << 64n;
}
