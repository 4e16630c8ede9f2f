/**
 * Owns replacing the root and the online keys: preparing the next root, putting one in force, and taking back ones that
 * devices know already. Each step leaves a repository that devices can follow, wherever the process ends.
 */
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Key, Metadata, Root } from '@tufjs/models';
import { checkPublicKeyPoint } from '../../../format/signing.ts';
import { DomainError } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Signers } from './role-files.ts';
import {
  type KeyShelf,
  type OnlineKeys,
  type OnlineRole,
  publicRoleKey,
  ROOT_NAMED_ROLES,
  type RoleKey,
  type RootNamedRole,
  readKeyShelf,
  readOrMakeKey,
  signWith,
} from './role-keys.ts';
import { namedKeys, parseRoot, type RootFile, readChain, rootOf, rootText, verifiedRoot, writeRoot } from './root.ts';
import {
  draftText,
  MAX_ROOT_KEYS,
  missingSignatures,
  type RootDraft,
  readDraft,
  requireFit,
  withCountingSignatures,
} from './root-draft.ts';
import { developmentKey, nextDevelopmentRoot, type Trust } from './trust.ts';

export const ROOT_CHANGES = ['INIT', 'RENEW', 'ROTATE'] as const;
/** From a development root to offline keys; a new end, perhaps with other root keys; new online keys. */
export type RootChange = (typeof ROOT_CHANGES)[number];

export interface PrepareRoot {
  readonly change: RootChange;
  /** Raw public keys in hex that the next root names for roots; null for the same as now. */
  readonly keys: readonly string[] | null;
  /** How many of them must sign; null for the same as now. */
  readonly threshold: number | null;
  /** For ROTATE. */
  readonly roles: readonly OnlineRole[];
}

interface DeskOptions {
  readonly rootsDir: string;
  readonly keysDir: string;
  readonly clock: Clock;
  readonly trust: () => Trust;
  /** Reads root and keys anew, after files were changed. */
  readonly reopen: () => Promise<void>;
  readonly useSigners: (signers: Signers) => void;
  readonly exclusively: <T>(act: (signNow: () => Promise<void>) => Promise<T>) => Promise<T>;
  /** Whether devices are served meanwhile. */
  readonly serving: () => boolean;
  readonly onStep: (step: string) => void;
}

export type RootDesk = ReturnType<typeof createRootDesk>;

export function createRootDesk(options: DeskOptions) {
  const { rootsDir, keysDir, clock, trust, reopen, exclusively, serving, onStep } = options;

  /**
   * Prepares the next root. Returns the draft that root keys must sign, or null where the change is in force already: of a
   * development root, and of the bins, whose key no root names. Throws STATE_CONFLICT or VALIDATION.
   */
  function prepare(given: PrepareRoot): Promise<{ draft: string | null }> {
    return exclusively(async (signNow) => {
      const { root } = trust();
      requirePossible(given, root);
      const keys = given.keys?.map(rootKeyOf) ?? null;
      if (given.change === 'ROTATE') await makeWaiting(given.roles, signNow);
      const named = given.roles.some((role) => role !== 'bins');
      if (given.change === 'ROTATE' && !named) return { draft: null };
      if (given.change === 'INIT' || !root.development) return { draft: await draftAfter(root, { ...given, keys }) };
      const make = () => nextDevelopmentRoot(root, { rootsDir, keysDir, clock, needed: true }).then(() => undefined);
      await putInForce(await readKeyShelf(keysDir), { signNow, make });
      return { draft: null };
    });
  }

  /** A fresh key for each role, in place of one that waits. That of the bins is in use at once. */
  async function makeWaiting(roles: readonly OnlineRole[], signNow: () => Promise<void>): Promise<void> {
    for (const role of new Set(roles)) {
      await unlink(join(keysDir, `${role}.next.pem`)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
      onStep(`make-${role}`);
      await readOrMakeKey(keysDir, role, 'next');
    }
    await reopen();
    onStep('made');
    if (roles.includes('bins')) await signNow();
  }

  async function draftAfter(
    root: RootFile,
    given: { keys: readonly Key[] | null; threshold: number | null },
  ): Promise<string> {
    const now = namedKeys(root.metadata, 'root');
    const rootKeys = given.keys ?? now.keyIds.flatMap((keyId) => root.metadata.signed.keys[keyId] ?? []);
    const threshold = given.threshold ?? now.threshold;
    if (threshold > rootKeys.length)
      throw new DomainError('VALIDATION', `${threshold} of ${rootKeys.length} keys cannot be asked for: --threshold.`);
    const [targets, snapshot, timestamp] = [
      await nextKey('targets'),
      await nextKey('snapshot'),
      await nextKey('timestamp'),
    ];
    const next = rootOf({
      ...{ version: root.version + 1, rootKeys, threshold, online: { targets, snapshot, timestamp } },
      ...{ now: clock.now(), development: false },
    });
    requireFit(next);
    if (root.development) {
      const key = await developmentKey(root, keysDir);
      if (key === null)
        throw new DomainError('STATE_CONFLICT', 'The key of the development root is not here. Put keys/metadata back.');
      signWith(next, key);
    }
    return draftText({ next, before: root.metadata });
  }

  /** What the next root names: the key that waits, that in use, or, where both were lost, a new one. */
  async function nextKey(role: RootNamedRole): Promise<Key> {
    const { current, next } = (await readKeyShelf(keysDir))[role];
    return (next ?? current ?? (await readOrMakeKey(keysDir, role, 'current'))).key;
  }

  /**
   * Puts a signed root in force, and with it the keys that it names. The same file again changes nothing. Throws
   * BAD_REQUEST, VALIDATION or STATE_CONFLICT, which say what is missing; nothing was changed then.
   */
  function publish(text: string): Promise<void> {
    return exclusively(async (signNow) => {
      const { root } = trust();
      const draft = readDraft(text);
      if (isOneOf(await readChain(rootsDir), draft)) return;
      const next = acceptable(draft, root);
      if (Date.parse(next.signed.expires) <= clock.ms())
        throw new DomainError('VALIDATION', 'This root has ended already. Prepare a new one: mosis-admin root renew.');
      const shelf = await readKeyShelf(keysDir);
      keysOf(next, shelf);
      await putInForce(shelf, {
        signNow,
        make: () => writeRoot(rootsDir, next.signed.version, rootText(next)),
        next,
      });
    });
  }

  /**
   * Takes roots back into the chain that devices know already, after a restore. Their online keys may be gone: then the next
   * root names new ones. Throws as `publish` does, and STATE_CONFLICT while devices are served.
   */
  function restore(texts: readonly string[]): Promise<void> {
    return exclusively(async () => {
      if (serving())
        throw new DomainError('STATE_CONFLICT', 'Stop the server first: it signs with the keys of the root it has.');
      const chain = await readChain(rootsDir);
      const accepted: RootFile[] = [];
      for (const text of texts) {
        const draft = readDraft(text);
        if (isOneOf(chain, draft)) continue;
        const next = acceptable(draft, accepted.at(-1) ?? chain.at(-1) ?? trust().root);
        accepted.push(parseRoot(rootText(next)));
      }
      for (const { version, text } of accepted) await writeRoot(rootsDir, version, text);
      await reopen();
    });
  }

  /**
   * The order that a kill at any point leaves whole: first everything is signed by the old keys and the new ones, so that a
   * device with either root believes it; then the root's file appears; then the old keys go.
   */
  async function putInForce(
    shelf: KeyShelf,
    given: { signNow: () => Promise<void>; make: () => Promise<void>; next?: Metadata<Root> },
  ): Promise<void> {
    const old = trust().keys;
    const fresh = given.next === undefined ? newestOf(shelf, old) : keysOf(given.next, shelf);
    onStep('checked');
    try {
      options.useSigners(signersOf(old, fresh));
      await given.signNow();
      onStep('signed');
      await given.make();
    } catch (error) {
      if (old !== null) options.useSigners(signersOf(null, old));
      throw error;
    }
    onStep('linked');
    await reopen();
    await given.signNow();
    onStep('done');
  }

  return { prepare, publish, restore };
}

function requirePossible({ change, keys, threshold, roles }: PrepareRoot, root: RootFile): void {
  const conflict = (message: string) => new DomainError('STATE_CONFLICT', message);
  if (change === 'INIT' && !root.development)
    throw conflict(
      'The root has offline keys already. For other ones: mosis-admin root renew --key PUB … --threshold M.',
    );
  if (change === 'INIT' && (keys === null || threshold === null))
    throw new DomainError('VALIDATION', 'Name the root keys and how many must sign: --key PUB … --threshold M.');
  if (change === 'RENEW' && root.development && (keys !== null || threshold !== null))
    throw conflict('The root is a development root. For keys of people: mosis-admin root init.');
  if (change === 'ROTATE' && roles.length === 0)
    throw new DomainError('VALIDATION', 'Name what to rotate: timestamp, snapshot, targets, bins or all.');
  if (keys !== null && (keys.length === 0 || keys.length > MAX_ROOT_KEYS || new Set(keys).size !== keys.length))
    throw new DomainError('VALIDATION', `Name 1 to ${MAX_ROOT_KEYS} different root keys.`);
}

function rootKeyOf(hex: string): Key {
  const publicKey = Uint8Array.from(Buffer.from(hex, 'hex'));
  if (checkPublicKeyPoint(publicKey) !== null)
    throw new DomainError('KEY_INVALID', 'That is no Ed25519 public key that may be used: mosis-admin root keygen.');
  return publicRoleKey(publicKey);
}

/** The root of a draft when it may follow `before`. */
function acceptable({ next }: RootDraft, before: RootFile): Metadata<Root> {
  if (next.signed.version !== before.version + 1)
    throw new DomainError(
      'STATE_CONFLICT',
      `The file is root ${next.signed.version}, and the root in force is ${before.version}: only ${before.version + 1} can follow. Prepare it again.`,
      { currentState: String(before.version) },
    );
  requireFit(next);
  const missing = missingSignatures(next, before.metadata);
  if (missing.length > 0) throw new DomainError('VALIDATION', `Signatures are missing: ${missingText(missing)}.`);
  const root = withCountingSignatures(next, before.metadata);
  // The library that other clients use must agree.
  if (verifiedRoot(rootText(root), before) === null)
    throw new DomainError('VALIDATION', 'The signatures of this root are not in the form that every client reads.');
  return root;
}

/** For people: which rule lacks how many signatures, and whose they could be. */
export function missingText(missing: ReturnType<typeof missingSignatures>): string {
  return missing
    .map(({ rule, count, keyIds }) => {
      const whose = rule === 'before' ? 'the root before it' : 'this root itself';
      return `${count} more by the rule of ${whose}, of ${keyIds.join(', ')}`;
    })
    .join('; ');
}

/** Whether the chain has this very root, as far as its signed part goes. */
function isOneOf(chain: readonly RootFile[], { next }: RootDraft): boolean {
  return chain.some(({ metadata }) => JSON.stringify(metadata.signed) === JSON.stringify(next.signed));
}

/** The keys that a root names. Throws VALIDATION where one is not here. */
function keysOf(root: Metadata<Root>, shelf: KeyShelf): OnlineKeys {
  const find = (role: RootNamedRole): RoleKey => {
    const { keyIds } = namedKeys(root, role);
    const found = [shelf[role].next, shelf[role].current].find((key) => key !== null && keyIds.includes(key.key.keyID));
    if (found != null) return found;
    throw new DomainError(
      'VALIDATION',
      `This root names another ${role} key (${keyIds.join(', ')}) than this server has: it was prepared for another server, or before a later rotate. Prepare it again.`,
    );
  };
  const bins = shelf.bins.current;
  if (bins === null) throw new DomainError('STATE_CONFLICT', 'The key of the bins is missing. Start the server again.');
  return { targets: find('targets'), snapshot: find('snapshot'), timestamp: find('timestamp'), bins };
}

/** The keys that wait, and those in use of the other roles. */
function newestOf(shelf: KeyShelf, old: OnlineKeys | null): OnlineKeys {
  const find = (role: OnlineRole): RoleKey => {
    const key = shelf[role].next ?? old?.[role] ?? shelf[role].current;
    if (key === null) throw new DomainError('STATE_CONFLICT', `The key of ${role} is missing.`);
    return key;
  };
  return { targets: find('targets'), snapshot: find('snapshot'), timestamp: find('timestamp'), bins: find('bins') };
}

/** Both keys of a role sign while a root is replaced; with one set of keys, each by itself. */
export function signersOf(old: OnlineKeys | null, fresh: OnlineKeys): Signers {
  const both = (role: RootNamedRole): readonly RoleKey[] => {
    const before = old?.[role];
    return before === undefined || before.key.keyID === fresh[role].key.keyID ? [fresh[role]] : [before, fresh[role]];
  };
  const [targets, snapshot, timestamp] = ROOT_NAMED_ROLES.map(both);
  if (targets === undefined || snapshot === undefined || timestamp === undefined) throw new Error('A role has no key');
  return { targets, snapshot, timestamp, bins: fresh.bins };
}
