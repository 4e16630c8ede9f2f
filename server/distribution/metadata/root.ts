/**
 * Owns the chain of root files: `1.root.json`, `2.root.json`, … in a folder of their own, which no restore overwrites. It
 * makes and renews the development root; a root with offline keys is only read here.
 */

import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Metadata, MetadataKind, Root } from '@tufjs/models';
import type { Clock } from '../../platform/clock.ts';
import { syncPath } from '../../platform/files.ts';
import { loadKeyPair } from '../key-pair.ts';
import { type OnlineKeys, type RoleKey, roleKey, signWith } from './role-keys.ts';
import { expiryOf, isDue, SPEC_VERSION } from './times.ts';

/** Marks a root whose key lies on the server itself; a field of its own in the signed part. */
export const DEVELOPMENT_FIELD = 'x-mosis-development';
const DEVELOPMENT_KEY_FILE = 'root-development.pem';
const ROOT_FILE = /^([1-9]\d{0,8})\.root\.json$/;

/** The root in force. */
export interface RootFile {
  readonly version: number;
  readonly metadata: Metadata<Root>;
  /** Exactly the bytes that are served. */
  readonly text: string;
  /** Its key is on this server: good for trying out, not for devices that people rely on. */
  readonly development: boolean;
  readonly expires: Date;
}

/** The folder of root files is not what this server wrote; nothing was changed. */
export class RootUnfit extends Error {
  override readonly name = 'RootUnfit';
}

interface RootOptions {
  readonly rootsDir: string;
  readonly keysDir: string;
  readonly online: OnlineKeys;
  readonly clock: Clock;
}

/**
 * Reads the newest root; makes a development root at the first start, and signs a development root anew when it ends
 * within 60 days or names other online keys. Throws RootUnfit when the chain has a gap, does not verify, or when a root
 * with offline keys names other online keys than this server has.
 */
export async function loadRoot({ rootsDir, keysDir, online, clock }: RootOptions): Promise<RootFile> {
  await mkdir(rootsDir, { recursive: true, mode: 0o755 });
  const chain = await readChain(rootsDir);
  const newest = chain.at(-1);
  if (newest !== undefined && !newest.development) {
    requireOnlineKeys(newest, online);
    return newest;
  }
  const fresh = newest !== undefined && !isDue('root', newest.expires, clock.now()) && namesKeys(newest, online);
  if (fresh) return newest;
  const key = roleKey(await loadKeyPair(join(keysDir, DEVELOPMENT_KEY_FILE)));
  const root = developmentRoot((newest?.version ?? 0) + 1, { key, online, now: clock.now() });
  await writeRoot(rootsDir, root.version, root.text);
  return parseRoot(root.text);
}

/** The text of one root file, or null; for serving. */
export async function readRootFile(rootsDir: string, version: number): Promise<string | null> {
  try {
    return await readFile(join(rootsDir, `${version}.root.json`), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Every root from the first on, each verified by the one before it and by itself. Throws RootUnfit. */
export async function readChain(rootsDir: string): Promise<RootFile[]> {
  const versions = (await readdir(rootsDir)).flatMap((name) => ROOT_FILE.exec(name)?.[1] ?? []).map(Number);
  versions.sort((a, b) => a - b);
  const chain: RootFile[] = [];
  for (const [index, version] of versions.entries()) {
    if (version !== index + 1)
      throw new RootUnfit(`${rootsDir} lacks ${index + 1}.root.json. Put back the root files, from the first on.`);
    const text = await readFile(join(rootsDir, `${version}.root.json`), 'utf8');
    const root = verifiedRoot(text, chain.at(-1) ?? null);
    if (root === null || root.version !== version)
      throw new RootUnfit(
        `${version}.root.json does not follow the root before it. Put back the file that devices know.`,
      );
    chain.push(root);
  }
  return chain;
}

/** The root in `text` if it is signed as itself and, from the second on, as the one before it asks; else null. */
export function verifiedRoot(text: string, before: RootFile | null): RootFile | null {
  try {
    const root = parseRoot(text);
    root.metadata.verifyDelegate('root', root.metadata);
    before?.metadata.verifyDelegate('root', root.metadata);
    return root;
  } catch {
    return null;
  }
}

/** Links a new root file into place, synced; a file that is there already is left alone and the call fails. */
export async function writeRoot(rootsDir: string, version: number, text: string): Promise<void> {
  const temporary = join(rootsDir, `.${version}.${randomUUID()}`);
  const file = await open(temporary, 'wx', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(temporary, join(rootsDir, `${version}.root.json`));
  } finally {
    await unlink(temporary);
  }
  await syncPath(rootsDir);
}

/** An unsigned root of these root keys and threshold, for the online keys. */
export function rootOf(given: {
  readonly version: number;
  readonly rootKeys: readonly RoleKey['key'][];
  readonly threshold: number;
  readonly online: OnlineKeys;
  readonly now: Date;
  readonly development: boolean;
}): Metadata<Root> {
  const root = new Root({
    version: given.version,
    specVersion: SPEC_VERSION,
    expires: expiryOf('root', given.now),
    consistentSnapshot: true,
    ...(given.development ? { unrecognizedFields: { [DEVELOPMENT_FIELD]: true } } : {}),
  });
  for (const key of given.rootKeys) root.addKey(key, 'root');
  for (const role of ['targets', 'snapshot', 'timestamp'] as const) root.addKey(given.online[role].key, role);
  const json = root.toJSON() as { roles: Record<string, { threshold: number }> };
  if (json.roles.root !== undefined) json.roles.root.threshold = given.threshold;
  return new Metadata(Root.fromJSON(json as Parameters<typeof Root.fromJSON>[0]));
}

function developmentRoot(version: number, given: { key: RoleKey; online: OnlineKeys; now: Date }) {
  const { key, online, now } = given;
  const metadata = rootOf({ version, rootKeys: [key.key], threshold: 1, online, now, development: true });
  signWith(metadata, key);
  return { version, text: `${JSON.stringify(metadata.toJSON(), null, 1)}\n` };
}

function parseRoot(text: string): RootFile {
  const metadata = Metadata.fromJSON(MetadataKind.Root, JSON.parse(text));
  const { version, expires, unrecognizedFields } = metadata.signed;
  const development = unrecognizedFields[DEVELOPMENT_FIELD] === true;
  return { version, metadata, text, development, expires: new Date(expires) };
}

function namesKeys(root: RootFile, online: OnlineKeys): boolean {
  const { roles } = root.metadata.signed;
  return (['targets', 'snapshot', 'timestamp'] as const).every((role) =>
    roles[role]?.keyIDs.includes(online[role].key.keyID),
  );
}

function requireOnlineKeys(root: RootFile, online: OnlineKeys): void {
  if (namesKeys(root, online)) return;
  throw new RootUnfit(
    `${root.version}.root.json names other online keys than this server has. Restore keys/metadata from a backup, or sign a new root for its keys (docs/OPERATIONS.md).`,
  );
}
