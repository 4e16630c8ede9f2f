/** Owns the registered signing keys of accounts (docs/PACKAGE_FORMAT.md §4). Which keys an app pins is not decided here. */

import { fromBase64, toBase64 } from '../../format/base64.ts';
import { decodePublicKeyPem, KeyFileError } from '../../format/keys.ts';
import { checkPublicKeyPoint, keyIdOf, PUBLIC_KEY_BYTES } from '../../format/signing.ts';
import { actorOf } from '../audit/actor.ts';
import { DomainError, invalidField, notFound } from '../errors.ts';
import { isUniqueViolation } from '../platform/db/errors.ts';
import type { Unit } from '../unit-of-work.ts';
import { requirePerson } from './access.ts';
import type { AccountParts } from './dependencies.ts';
import { endSigningKeyInput, parseInput, registerSigningKeyInput } from './inputs.ts';
import type { Origin, Viewer } from './viewer.ts';

export const SIGNING_KEY_STATUSES = ['ACTIVE', 'RETIRED', 'COMPROMISED'] as const;
export type SigningKeyStatus = (typeof SIGNING_KEY_STATUSES)[number];

const MAX_ACTIVE_KEYS = 20;
/** With ended ones: rows stay for ever, so making and ending keys must not fill the table. */
const MAX_KEYS = 200;

/** A key as its owner sees it. */
export interface SigningKeyView {
  readonly id: string;
  readonly developerId: string;
  readonly name: string;
  /** `SHA256:<base64url>`. */
  readonly keyId: string;
  /** Base64 of the raw 32 bytes. */
  readonly publicKey: string;
  readonly status: SigningKeyStatus;
  readonly compromisedSince: Date | null;
  readonly endedAt: Date | null;
  readonly createdAt: Date;
}

/** Called in the transaction that marks a key as compromised: suspends and refuses what it signed since then. */
export type OnKeyCompromised = (unit: Unit, key: SigningKeyView, since: Date) => Promise<void>;

export interface SigningKeys {
  /**
   * Registers a public key (SPKI PEM, or base64 of the raw 32 bytes). Throws KEY_INVALID (not Ed25519, or a point outside
   * the prime-order group), KEY_TAKEN, LIMIT_REACHED, VALIDATION, FORBIDDEN (through an API key).
   */
  register(viewer: Viewer, input: unknown, origin: Origin): Promise<{ signingKey: SigningKeyView }>;
  /** Every key of the account, ended ones too, newest first. */
  list(developerId: string): Promise<SigningKeyView[]>;
  /**
   * RETIRED: signs nothing new. COMPROMISED: what was submitted with it after `since` (default: its registration) is taken
   * back through the hook. A retired key can still be found compromised, and `since` can move earlier; nothing goes back.
   * Throws NOT_FOUND, KEY_ENDED, VALIDATION.
   */
  end(viewer: Viewer, input: unknown, origin: Origin): Promise<{ signingKey: SigningKeyView }>;
}

/** Makes the signing keys' part of the account service. */
export function createSigningKeys(
  { work, db, clock, ids }: Pick<AccountParts, 'work' | 'db' | 'clock' | 'ids'>,
  onKeyCompromised: OnKeyCompromised,
): SigningKeys {
  return {
    async register(viewer, input, origin) {
      const { developerId } = requirePerson(viewer);
      const { name, publicKey: text } = parseInput(registerSigningKeyInput, input);
      const bytes = readPublicKey(text);
      const keyId = keyIdOf(bytes);
      try {
        const row = await work(async ({ tx, audit }) => {
          const active = await tx.signingKey.count({ where: { developerId, status: 'ACTIVE' } });
          const all = await tx.signingKey.count({ where: { developerId } });
          if (active >= MAX_ACTIVE_KEYS || all >= MAX_KEYS) {
            throw new DomainError(
              'LIMIT_REACHED',
              `An account has at most ${MAX_ACTIVE_KEYS} active signing keys. Retire one first.`,
            );
          }
          const created = await tx.signingKey.create({
            data: { id: ids.next(), developerId, name, keyId, publicKey: toBase64(bytes), createdAt: clock.now() },
          });
          audit({
            ...actorOf(viewer, origin),
            action: 'signing_key.add',
            resourceType: 'signing_key',
            resourceId: created.id,
            details: { name, keyId },
          });
          return created;
        });
        return { signingKey: viewSigningKey(row) };
      } catch (error) {
        if (!isUniqueViolation(error, ['keyId'])) throw error;
        throw new DomainError(
          'KEY_TAKEN',
          'This key is registered already. Make a new one with `mosis keys generate`.',
        );
      }
    },

    async list(developerId) {
      const rows = await db.prisma.signingKey.findMany({ where: { developerId }, orderBy: { id: 'desc' } });
      return rows.map(viewSigningKey);
    },

    async end(viewer, input, origin) {
      const { developerId } = requirePerson(viewer);
      const { signingKeyId, ending, since: given } = parseInput(endSigningKeyInput, input);
      const now = clock.now();
      if (given !== null && ending === 'RETIRED')
        throw invalidField('input.since', 'Only a compromised key has a time since when.');
      if (given !== null && given > now) throw invalidField('input.since', 'This time is in the future.');
      const row = await work(async (unit) => {
        const key = await unit.tx.signingKey.findFirst({ where: { id: signingKeyId, developerId } });
        if (key === null) throw notFound('The signing key');
        const since = given ?? key.createdAt;
        checkEnding(key, ending, since);
        const updated = await unit.tx.signingKey.update({
          where: { id: key.id },
          data: {
            status: ending,
            endedAt: key.endedAt ?? now,
            compromisedSince: ending === 'COMPROMISED' ? since : null,
          },
        });
        unit.audit({
          ...actorOf(viewer, origin),
          action: ending === 'COMPROMISED' ? 'signing_key.compromise' : 'signing_key.retire',
          resourceType: 'signing_key',
          resourceId: key.id,
          details: { keyId: key.keyId, ...(ending === 'COMPROMISED' ? { since: since.toISOString() } : {}) },
        });
        if (ending === 'COMPROMISED') await onKeyCompromised(unit, viewSigningKey(updated), since);
        return updated;
      });
      return { signingKey: viewSigningKey(row) };
    },
  };
}

/** A key only ever gets worse: active, retired, compromised, compromised for longer. */
function checkEnding(
  key: { status: string; compromisedSince: Date | null },
  ending: 'RETIRED' | 'COMPROMISED',
  since: Date,
): void {
  if (key.status === 'ACTIVE') return;
  const worse = ending === 'COMPROMISED' && (key.compromisedSince === null || since < key.compromisedSince);
  if (worse) return;
  throw new DomainError('KEY_ENDED', `This key has ended already: it is ${key.status.toLowerCase()}.`, {
    currentState: key.status,
  });
}

/** The raw bytes of a key that may be registered. Throws KEY_INVALID. */
function readPublicKey(text: string): Uint8Array {
  const bytes = text.includes('-----BEGIN') ? readPem(text) : fromBase64(text.trim(), PUBLIC_KEY_BYTES);
  if (bytes === null) {
    throw new DomainError(
      'KEY_INVALID',
      'This is no public key. Give the PEM file that `mosis keys generate` wrote, or base64 of the raw 32 bytes.',
    );
  }
  const problem = checkPublicKeyPoint(bytes);
  if (problem === null) return bytes;
  throw new DomainError(
    'KEY_INVALID',
    `This key is unsafe (${problem}): signatures by it would prove nothing. Generate another.`,
  );
}

function readPem(pem: string): Uint8Array {
  try {
    return decodePublicKeyPem(pem);
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    throw new DomainError('KEY_INVALID', `${error.message} Give an Ed25519 public key.`);
  }
}

/** What an owner sees of a stored key. */
export function viewSigningKey(row: Omit<SigningKeyView, 'status'> & { readonly status: string }): SigningKeyView {
  const status = SIGNING_KEY_STATUSES.find((known) => known === row.status);
  if (status === undefined) throw new Error(`A signing key has the unknown status ${row.status}`);
  const { id, developerId, name, keyId, publicKey, compromisedSince, endedAt, createdAt } = row;
  return { id, developerId, name, keyId, publicKey, status, compromisedSince, endedAt, createdAt };
}
