/** Owns whether enough of a role's keys signed a document. It reads no clock and trusts no document by itself. */
import { createHash } from 'node:crypto';
import { canonicalize } from '@tufjs/canonical-json';
import { verifyBytes } from '../../format/signing.ts';
import type { Envelope, MetadataKey, MetadataRole } from './shapes.ts';

/**
 * Whether at least the role's threshold of different keys signed the document. A key counts once, by its bytes; one listed
 * under an id that is not its own does not count.
 */
export function isSignedBy(
  envelope: Envelope,
  role: MetadataRole,
  keys: Readonly<Record<string, MetadataKey>>,
): boolean {
  const message = new TextEncoder().encode(canonicalize(envelope.signed));
  const signers = new Set<string>();
  for (const keyId of new Set(role.keyids)) {
    const key = keys[keyId];
    const publicKey = key === undefined ? null : ed25519Key(keyId, key);
    if (publicKey === null) continue;
    const signed = envelope.signatures
      .filter((signature) => signature.keyid === keyId)
      .some(({ sig }) => verifyBytes(message, Buffer.from(sig, 'hex'), Buffer.from(publicKey, 'hex')));
    if (signed) signers.add(publicKey);
  }
  return signers.size >= role.threshold;
}

/** The raw key in hex, or null when it is of another kind or not the one that its id names. */
function ed25519Key(keyId: string, key: MetadataKey): string | null {
  if (key.keytype !== 'ed25519' || key.scheme !== 'ed25519') return null;
  if (!/^[0-9a-f]{64}$/.test(key.keyval.public)) return null;
  return createHash('sha256').update(canonicalize(key)).digest('hex') === keyId ? key.keyval.public : null;
}
