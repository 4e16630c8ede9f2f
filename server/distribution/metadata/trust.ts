/**
 * Owns what a server goes by at each start: the newest root and the online keys that it names. It finishes what a killed
 * rotation began and makes the development root; it never makes a key or a root in place of one that people hold.
 */
import { mkdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../platform/clock.ts';
import { syncPath } from '../../platform/files.ts';
import { loadKeyPair, readKeyPair } from '../key-pair.ts';
import {
  type KeyShelf,
  type OnlineKeys,
  promoteKey,
  ROOT_NAMED_ROLES,
  type RoleKey,
  readKeyShelf,
  readOrMakeKey,
  roleKey,
  signWith,
} from './role-keys.ts';
import { namedKeys, parseRoot, type RootFile, RootUnfit, readChain, rootOf, rootText, writeRoot } from './root.ts';
import { isDue } from './times.ts';

const DEVELOPMENT_KEY_FILE = 'root-development.pem';

export interface Trust {
  /** The newest of the chain. */
  readonly root: RootFile;
  /** What signs; null where the root names keys that are not here, so that nothing can be signed. */
  readonly keys: OnlineKeys | null;
  readonly shelf: KeyShelf;
}

interface TrustOptions {
  readonly rootsDir: string;
  readonly keysDir: string;
  readonly clock: Clock;
  /** Told before each change of the folder; for tests that end the process there. */
  readonly onStep?: (step: string) => void;
}

/**
 * Reads root and keys. The first start makes both. A development root is signed anew when it ends within 60 days or names
 * other keys than are here. Throws RootUnfit when the chain has a gap or does not verify, KeyFileUnfit for a damaged key.
 */
export async function openTrust(options: TrustOptions): Promise<Trust> {
  const { rootsDir, keysDir, clock, onStep = () => undefined } = options;
  await mkdir(rootsDir, { recursive: true, mode: 0o755 });
  const chain = await readChain(rootsDir);
  const newest = chain.at(-1) ?? null;
  const shelf = await settledShelf(newest, { keysDir, onStep });
  if (newest !== null && !newest.development) {
    await removeDevelopmentKey(keysDir, onStep);
    return { root: newest, keys: keysFor(newest, shelf), shelf };
  }
  const keys = newest === null ? null : keysFor(newest, shelf);
  const due = newest !== null && isDue('root', newest.expires, clock.now());
  if (newest !== null && keys !== null && !due) return { root: newest, keys, shelf };
  const made = await nextDevelopmentRoot(newest, { rootsDir, keysDir, clock, needed: keys === null });
  if (made === null && newest !== null) return { root: newest, keys, shelf };
  // What waited is named now.
  return openTrust(options);
}

/** Signs the development root after `newest` for the keys that are here, or that wait, and puts it in force. */
export async function nextDevelopmentRoot(
  newest: RootFile | null,
  given: { rootsDir: string; keysDir: string; clock: Clock; needed: boolean },
): Promise<RootFile | null> {
  const { rootsDir, keysDir, clock, needed } = given;
  const key = await developmentKey(newest, keysDir);
  if (key === null) {
    if (!needed) return null;
    throw new RootUnfit(
      `The key of the development root, ${join(keysDir, DEVELOPMENT_KEY_FILE)}, is not the one that ${newest?.version}.root.json names, so no next root can be signed. Put keys/metadata back from a backup. Without one, move roots/ and keys/metadata/ away for a new beginning; every device must then be provisioned again.`,
    );
  }
  const shelf = await readKeyShelf(keysDir);
  const keyOf = async (role: (typeof ROOT_NAMED_ROLES)[number]) =>
    (shelf[role].next ?? shelf[role].current ?? (await readOrMakeKey(keysDir, role, 'current'))).key;
  const online = {
    targets: await keyOf('targets'),
    snapshot: await keyOf('snapshot'),
    timestamp: await keyOf('timestamp'),
  };
  const metadata = rootOf({
    ...{ version: (newest?.version ?? 0) + 1, rootKeys: [key.key], threshold: 1, online, development: true },
    now: clock.now(),
  });
  signWith(metadata, key);
  const text = rootText(metadata);
  await writeRoot(rootsDir, metadata.signed.version, text);
  return parseRoot(text);
}

/** The key that signs after a development root; made before the first root, null where it is gone or another one. */
export async function developmentKey(newest: RootFile | null, keysDir: string): Promise<RoleKey | null> {
  const path = join(keysDir, DEVELOPMENT_KEY_FILE);
  if (newest === null) return roleKey(await loadKeyPair(path));
  const pair = await readKeyPair(path);
  const key = pair === null ? null : roleKey(pair);
  return key !== null && namedKeys(newest.metadata, 'root').keyIds.includes(key.key.keyID) ? key : null;
}

/** The key files after what a killed rotation left undone: a waiting key that the root names is the one in use. */
async function settledShelf(
  newest: RootFile | null,
  { keysDir, onStep }: { keysDir: string; onStep: (step: string) => void },
): Promise<KeyShelf> {
  const shelf = await readKeyShelf(keysDir);
  for (const role of ROOT_NAMED_ROLES) {
    const { next } = shelf[role];
    if (next === null || newest === null || !isNamed(newest, role, next)) continue;
    onStep(`promote-${role}`);
    await promoteKey(keysDir, role);
  }
  // No root names the key of the bins: the targets role does, which this server signs.
  if (shelf.bins.next !== null) await promoteKey(keysDir, 'bins');
  await readOrMakeKey(keysDir, 'bins', 'current');
  return readKeyShelf(keysDir);
}

/** The keys in use, where the root names them all. */
function keysFor(root: RootFile | null, shelf: KeyShelf): OnlineKeys | null {
  if (root === null) return null;
  const named = (role: (typeof ROOT_NAMED_ROLES)[number]): RoleKey | null => {
    const { current, next } = shelf[role];
    return [current, next].find((key) => key !== null && isNamed(root, role, key)) ?? null;
  };
  const [targets, snapshot, timestamp] = [named('targets'), named('snapshot'), named('timestamp')];
  const bins = shelf.bins.current;
  if (targets === null || snapshot === null || timestamp === null || bins === null) return null;
  return { targets, snapshot, timestamp, bins };
}

function isNamed(root: RootFile, role: string, { key }: RoleKey): boolean {
  return namedKeys(root.metadata, role).keyIds.includes(key.keyID);
}

/** Once people hold the keys of the root, the one that lay here signs nothing any more. */
async function removeDevelopmentKey(keysDir: string, onStep: (step: string) => void): Promise<void> {
  const path = join(keysDir, DEVELOPMENT_KEY_FILE);
  onStep('remove-development-key');
  const removed = await unlink(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
  if (removed) await syncPath(keysDir);
}
