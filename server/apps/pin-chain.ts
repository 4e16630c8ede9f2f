/** Owns the rules of the chain of pinned key sets (docs/PACKAGE_FORMAT.md 4). Pure: it is given the chain and the keys. */
import { fromBase64 } from '../../format/base64.ts';
import { type PinLink, verifyPinChain } from '../../format/pins.ts';
import { keyIdOf, PUBLIC_KEY_BYTES } from '../../format/signing.ts';
import { DomainError } from '../errors.ts';
import type { Pin } from './inputs.ts';

interface KnownKey {
  readonly keyId: string;
  readonly status: string;
}

interface ChainLink {
  readonly serial: number;
  readonly keyIds: unknown;
  readonly publicKey: string;
  readonly signature: string;
  readonly recovered: boolean;
}

/** The serial the next link must have. */
export function nextSerial(chain: readonly Pick<ChainLink, 'serial'>[]): number {
  return (chain.at(-1)?.serial ?? 0) + 1;
}

/**
 * Throws unless `link` may follow `chain`: every key is registered with a member of the app and active, the signer belongs
 * to the previous set (for the first link: to its own), and the signature holds.
 */
export function checkPinLink(given: {
  readonly packageId: string;
  readonly link: Pin;
  readonly chain: readonly ChainLink[];
  readonly keys: readonly KnownKey[];
}): void {
  const { packageId, link, chain, keys } = given;
  for (const keyId of link.keyIds) {
    const key = keys.find((candidate) => candidate.keyId === keyId);
    if (key === undefined) {
      throw new DomainError(
        'KEY_UNKNOWN',
        `No member of the app has registered the key ${keyId}. Register it first: \`mosis keys register\`.`,
      );
    }
    if (key.status !== 'ACTIVE')
      throw new DomainError('KEY_ENDED', `The key ${keyId} has ended and can sign nothing new.`);
  }
  const previous = (chain.at(-1)?.keyIds ?? link.keyIds) as readonly string[];
  if (!previous.includes(link.signerKeyId)) {
    throw new DomainError(
      'PIN_CHAIN_BROKEN',
      'The link must be signed by a key of the set it replaces. Sign it with one of those keys.',
    );
  }
  const publicKey = fromBase64(link.publicKey, PUBLIC_KEY_BYTES);
  if (publicKey === null || keyIdOf(publicKey) !== link.signerKeyId) {
    throw new DomainError(
      'PIN_CHAIN_BROKEN',
      'The public key of the link is not that of its signer. Run `mosis keys pin` again.',
    );
  }
  const verdict = verifyPinChain(
    [...chain, { ...link, recovered: false }].map((each) => asPinLink(packageId, each)),
    { packageId },
  );
  if (!verdict.ok) {
    throw new DomainError(
      'PIN_CHAIN_BROKEN',
      `The link does not verify (${verdict.problem}). Run \`mosis keys pin\` again with the right key.`,
    );
  }
}

function asPinLink(packageId: string, link: ChainLink): PinLink {
  return {
    packageId,
    serial: link.serial,
    keyIds: link.keyIds as readonly string[],
    publicKey: link.publicKey,
    signature: link.signature,
    ...(link.recovered ? { recovered: true } : {}),
  };
}
