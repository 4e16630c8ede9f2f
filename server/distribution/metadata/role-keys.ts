/** Owns the keys that sign repository metadata online, and how TUF names a key. Root keys are not among them once they are offline. */
import { createHash, type KeyObject, sign } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Key, type Metadata, type Root, Signature, type Snapshot, type Targets, type Timestamp } from '@tufjs/models';
import { type KeyPair, privateKeyObject } from '../../../format/keys.ts';
import { syncPath } from '../../platform/files.ts';
import { loadKeyPair, readKeyPair } from '../key-pair.ts';

/** Top-level roles that the server signs by itself, and the bins, which have a key of their own. */
export const ONLINE_ROLES = ['targets', 'snapshot', 'timestamp', 'bins'] as const;
export type OnlineRole = (typeof ONLINE_ROLES)[number];

/** A key as metadata names it, with what signs. */
export interface RoleKey {
  readonly key: Key;
  readonly secretKey: KeyObject;
}

/** Of these a root names the keys; that of the bins is named by the targets role. */
export const ROOT_NAMED_ROLES = ['targets', 'snapshot', 'timestamp'] as const satisfies readonly OnlineRole[];
export type RootNamedRole = (typeof ROOT_NAMED_ROLES)[number];

/** One key a role, as a root names them. */
export type OnlineKeys = Readonly<Record<OnlineRole, RoleKey>>;

/** What a role's key files hold: the key in use, and one that waits for the root that names it. */
export interface KeySlots {
  readonly current: RoleKey | null;
  readonly next: RoleKey | null;
}
export type KeyShelf = Readonly<Record<OnlineRole, KeySlots>>;

const fileOf = (dir: string, role: OnlineRole, slot: keyof KeySlots): string =>
  join(dir, slot === 'current' ? `${role}.pem` : `${role}.next.pem`);

/** Reads the key files below `dir` and makes none. Throws KeyFileUnfit. */
export async function readKeyShelf(dir: string): Promise<KeyShelf> {
  const slots = async (role: OnlineRole): Promise<KeySlots> => {
    const [current, next] = await Promise.all([
      readKeyPair(fileOf(dir, role, 'current')),
      readKeyPair(fileOf(dir, role, 'next')),
    ]);
    return { current: current === null ? null : roleKey(current), next: next === null ? null : roleKey(next) };
  };
  const [targets, snapshot, timestamp, bins] = await Promise.all([
    slots('targets'),
    slots('snapshot'),
    slots('timestamp'),
    slots('bins'),
  ]);
  return { targets, snapshot, timestamp, bins };
}

/** The key of a slot, made where there is none; it survives a power cut. Throws KeyFileUnfit. */
export async function readOrMakeKey(dir: string, role: OnlineRole, slot: keyof KeySlots): Promise<RoleKey> {
  return roleKey(await loadKeyPair(fileOf(dir, role, slot)));
}

/** The waiting key is the one in use from now on; the one before is gone. */
export async function promoteKey(dir: string, role: OnlineRole): Promise<void> {
  await rename(fileOf(dir, role, 'next'), fileOf(dir, role, 'current'));
  await syncPath(dir);
}

/** The pair under its TUF key id: SHA-256 over the key's canonical JSON. */
export function roleKey({ publicKey, secretKey }: KeyPair): RoleKey {
  return { key: publicRoleKey(publicKey), secretKey: privateKeyObject(secretKey) };
}

/** A public key as metadata lists it. */
export function publicRoleKey(publicKey: Uint8Array): Key {
  const hex = Buffer.from(publicKey).toString('hex');
  // Canonical by its order: the keys sort as they stand.
  const canonical = `{"keytype":"ed25519","keyval":{"public":"${hex}"},"scheme":"ed25519"}`;
  const keyID = createHash('sha256').update(canonical).digest('hex');
  return new Key({ keyID, keyType: 'ed25519', scheme: 'ed25519', keyVal: { public: hex } });
}

/** Adds the key's signature over the metadata's canonical bytes; one that the key made before is replaced. */
export function signWith(metadata: Metadata<Root | Targets | Snapshot | Timestamp>, roleKey: RoleKey): void {
  const append = true;
  metadata.sign((bytes) => signatureOf(bytes, roleKey), append);
}

/**
 * The key's signature of canonical bytes. By OpenSSL, which takes a tenth of the time that noble takes for the text of a bin: what
 * RFC 8032 has signed is the same bytes whoever signs; only verifying differs from one library to the next.
 */
export function signatureOf(bytes: Uint8Array, { key, secretKey }: RoleKey): Signature {
  return new Signature({ keyID: key.keyID, sig: sign(null, bytes, secretKey).toString('hex') });
}
