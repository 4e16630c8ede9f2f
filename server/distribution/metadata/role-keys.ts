/** Owns the keys that sign repository metadata online, and how TUF names a key. Root keys are not among them once they are offline. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Key, type Metadata, type Root, Signature, type Snapshot, type Targets, type Timestamp } from '@tufjs/models';
import type { KeyPair } from '../../../format/keys.ts';
import { signBytes } from '../../../format/signing.ts';
import { loadKeyPair } from '../key-pair.ts';

/** Top-level roles that the server signs by itself, and the bins, which have a key of their own. */
export const ONLINE_ROLES = ['targets', 'snapshot', 'timestamp', 'bins'] as const;
export type OnlineRole = (typeof ONLINE_ROLES)[number];

/** A key as metadata names it, with what signs. */
export interface RoleKey {
  readonly key: Key;
  readonly secretKey: Uint8Array;
}

export type OnlineKeys = Readonly<Record<OnlineRole, RoleKey>>;

/** Reads the online keys below `dir`, making those that are missing. Throws KeyFileUnfit. */
export async function loadOnlineKeys(dir: string): Promise<OnlineKeys> {
  const load = async (role: OnlineRole) => roleKey(await loadKeyPair(join(dir, `${role}.pem`)));
  const [targets, snapshot, timestamp, bins] = await Promise.all(ONLINE_ROLES.map(load));
  if (targets === undefined || snapshot === undefined || timestamp === undefined || bins === undefined)
    throw new Error('An online role has no key');
  return { targets, snapshot, timestamp, bins };
}

/** The pair under its TUF key id: SHA-256 over the key's canonical JSON. */
export function roleKey({ publicKey, secretKey }: KeyPair): RoleKey {
  return { key: publicRoleKey(publicKey), secretKey };
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
export function signWith(metadata: Metadata<Root | Targets | Snapshot | Timestamp>, { key, secretKey }: RoleKey): void {
  const append = true;
  metadata.sign(
    (bytes) => new Signature({ keyID: key.keyID, sig: Buffer.from(signBytes(bytes, secretKey)).toString('hex') }),
    append,
  );
}
