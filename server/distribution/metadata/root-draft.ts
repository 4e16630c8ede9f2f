/**
 * Owns the next root on its way: a file that people carry to the machines with root keys, with the root that it follows
 * beside it, so that each can see what changes and whose signature is still missing. It needs no server and no folder.
 */
import { canonicalize } from '@tufjs/canonical-json';
import { type Key, Metadata, MetadataKind, type Root, Signature } from '@tufjs/models';
import { checkPublicKeyPoint, verifyBytes } from '../../../format/signing.ts';
import { DomainError } from '../../errors.ts';
import { publicRoleKey, ROOT_NAMED_ROLES, type RoleKey, signWith } from './role-keys.ts';
import { isDevelopment, namedKeys, rootOf } from './root.ts';

/** Beside the signed part, and so vouched for by nobody; never served. */
const BEFORE_FIELD = 'x-mosis-before';
/** Larger ones no device takes (docs/DEVICE_PROTOCOL.md §4). */
export const MAX_ROOT_BYTES = 512_000;
export const MAX_ROOT_KEYS = 16;

export interface RootDraft {
  readonly next: Metadata<Root>;
  /** The root that it follows; null in a file that is a plain root. */
  readonly before: Metadata<Root> | null;
}

/** Whose signatures are missing, by the rule that asks for them. */
export interface Missing {
  readonly rule: 'before' | 'next';
  /** How many more. */
  readonly count: number;
  /** Keys that could give them. */
  readonly keyIds: readonly string[];
}

export function draftText({ next, before }: RootDraft): string {
  const json = { ...next.toJSON(), ...(before === null ? {} : { [BEFORE_FIELD]: before.toJSON() }) };
  return `${JSON.stringify(json, null, 1)}\n`;
}

/** Reads a draft, or a plain root. Throws BAD_REQUEST. */
export function readDraft(text: string): RootDraft {
  if (text.length > 2 * MAX_ROOT_BYTES) throw new DomainError('BAD_REQUEST', 'The file is too long for a root.');
  try {
    const { [BEFORE_FIELD]: before, ...next } = JSON.parse(text);
    return {
      next: Metadata.fromJSON(MetadataKind.Root, next),
      before: before === undefined ? null : Metadata.fromJSON(MetadataKind.Root, before),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DomainError('BAD_REQUEST', `The file is no root: ${reason}.`);
  }
}

/** The keys that one root names for roots and that signed another; a key counts once, under its own id. */
export function signersAmong(root: Metadata<Root>, by: Metadata<Root>): string[] {
  const message = new TextEncoder().encode(canonicalize(root.signed.toJSON()));
  return [...new Set(namedKeys(by, 'root').keyIds)].filter((keyId) => {
    const signature = root.signatures[keyId];
    const publicKey = ownKey(keyId, by.signed.keys[keyId]);
    if (signature === undefined || publicKey === null) return false;
    return verifyBytes(message, Buffer.from(signature.sig, 'hex'), publicKey);
  });
}

/** What a draft still needs to follow `before`: signatures by the rule of the old root and by its own. */
export function missingSignatures(next: Metadata<Root>, before: Metadata<Root> | null): Missing[] {
  const rules = [
    ...(before === null ? [] : [{ rule: 'before' as const, by: before }]),
    { rule: 'next' as const, by: next },
  ];
  return rules.flatMap(({ rule, by }) => {
    const { keyIds, threshold } = namedKeys(by, 'root');
    const signed = signersAmong(next, by);
    const count = threshold - signed.length;
    return count <= 0 ? [] : [{ rule, count, keyIds: keyIds.filter((keyId) => !signed.includes(keyId)) }];
  });
}

/** Adds a key's signature. Throws KEY_UNKNOWN for a key that neither root names, and what `requireFit` throws. */
export function signDraft(draft: RootDraft, key: RoleKey): void {
  requireFit(draft.next);
  const asked = [draft.next, ...(draft.before === null ? [] : [draft.before])];
  if (!asked.some((root) => namedKeys(root, 'root').keyIds.includes(key.key.keyID))) {
    throw new DomainError(
      'KEY_UNKNOWN',
      `Neither this root nor the one before it names the key ${key.key.keyID}: its signature would count for nothing.`,
    );
  }
  signWith(draft.next, key);
}

/**
 * Leaves only signatures that count, so that nothing foreign is served, written as every client reads them: no key vouches
 * for how they are written, so whoever carried the file could have changed that.
 */
export function withCountingSignatures(next: Metadata<Root>, before: Metadata<Root>): Metadata<Root> {
  const counting = new Set([...signersAmong(next, before), ...signersAmong(next, next)]);
  const signatures = Object.entries(next.signatures)
    .filter(([keyId]) => counting.has(keyId))
    .map(([keyID, { sig }]) => [keyID, new Signature({ keyID, sig: Buffer.from(sig, 'hex').toString('hex') })]);
  return new Metadata(next.signed, Object.fromEntries(signatures));
}

/** Throws VALIDATION for a root that this platform does not put its name to, whoever signed it. */
export function requireFit({ signed: root }: Metadata<Root>): void {
  const refuse = (what: string) => new DomainError('VALIDATION', `This root cannot be used: ${what}.`);
  if (!root.specVersion.startsWith('1.')) throw refuse('it is of another version of the specification');
  if (!root.consistentSnapshot) throw refuse('consistent_snapshot is off');
  if (isDevelopment(root)) throw refuse('it is marked as a development root');
  const { keyIDs: rootIds = [], threshold = 0 } = root.roles.root ?? {};
  if (threshold < 1 || threshold > new Set(rootIds).size || rootIds.length > MAX_ROOT_KEYS)
    throw refuse(`it asks for ${threshold} of ${rootIds.length} root keys`);
  for (const role of ROOT_NAMED_ROLES) {
    const { keyIDs = [], threshold: needed } = root.roles[role] ?? {};
    if (needed !== 1 || keyIDs.length !== 1) throw refuse(`${role} must have one key and the threshold 1`);
    if (keyIDs.some((keyId) => rootIds.includes(keyId))) throw refuse(`a root key is also the online key of ${role}`);
  }
  const named = new Set(Object.values(root.roles).flatMap(({ keyIDs }) => keyIDs));
  for (const keyId of named) {
    if (ownKey(keyId, root.keys[keyId]) === null) throw refuse(`${keyId} is no Ed25519 key, or not under its own id`);
  }
  if (!EXPIRES.test(root.expires)) throw refuse('its end is no time such as 2027-11-21T12:00:00Z');
  if (canonicalize(root.toJSON()) !== canonicalize(plainForm(root)))
    throw refuse(
      'it says more than keys, thresholds and an end, or writes a key in another way, which not every device reads',
    );
}

const EXPIRES = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/** The same root as this platform writes it. A device that cannot read one root can reach none after it. */
function plainForm(root: Root): ReturnType<Root['toJSON']> {
  const keysOf = (role: string): Key[] =>
    (root.roles[role]?.keyIDs ?? []).flatMap((keyId) => {
      const publicKey = ownKey(keyId, root.keys[keyId]);
      return publicKey === null ? [] : [publicRoleKey(publicKey)];
    });
  const [targets, snapshot, timestamp] = ROOT_NAMED_ROLES.map((role) => keysOf(role)[0]);
  if (targets === undefined || snapshot === undefined || timestamp === undefined) throw new Error('A role has no key');
  const { signed } = rootOf({
    ...{ version: root.version, rootKeys: keysOf('root'), threshold: root.roles.root?.threshold ?? 0 },
    ...{ online: { targets, snapshot, timestamp }, now: new Date(0), development: false },
  });
  return { ...signed.toJSON(), expires: root.expires, spec_version: root.specVersion };
}

/** The raw key when the id is its own. */
function ownKey(keyId: string, key: Key | undefined): Uint8Array | null {
  const { public: hex } = key?.keyVal ?? {};
  if (key === undefined || hex === undefined || key.keyType !== 'ed25519' || key.scheme !== 'ed25519') return null;
  const publicKey = Uint8Array.from(Buffer.from(hex, 'hex'));
  if (checkPublicKeyPoint(publicKey) !== null) return null;
  return publicRoleKey(publicKey).keyID === keyId ? publicKey : null;
}
