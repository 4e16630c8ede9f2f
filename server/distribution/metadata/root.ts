/**
 * Owns the chain of root files: `1.root.json`, `2.root.json`, … in a folder of their own, which no restore overwrites. Reads,
 * verifies and adds them; which keys there are and when a root is made is for others.
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Metadata, MetadataKind, Root } from '@tufjs/models';
import { createWhole } from '../../platform/files.ts';
import { ROOT_NAMED_ROLES, type RoleKey, type RootNamedRole } from './role-keys.ts';
import { expiryOf, SPEC_VERSION } from './times.ts';

/** Marks a root whose key lies on the server itself; a field of its own in the signed part. */
export const DEVELOPMENT_FIELD = 'x-mosis-development';
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
  await createWhole(join(rootsDir, `${version}.root.json`), { text, mode: 0o644 });
}

/** An unsigned root of these root keys and threshold, for these online keys; it ends a year from `now`. */
export function rootOf(given: {
  readonly version: number;
  readonly rootKeys: readonly RoleKey['key'][];
  readonly threshold: number;
  readonly online: Readonly<Record<RootNamedRole, RoleKey['key']>>;
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
  for (const role of ROOT_NAMED_ROLES) root.addKey(given.online[role], role);
  const json = root.toJSON() as { roles: Record<string, { threshold: number }> };
  if (json.roles.root !== undefined) json.roles.root.threshold = given.threshold;
  return new Metadata(Root.fromJSON(json as Parameters<typeof Root.fromJSON>[0]));
}

/** As it is written and served. */
export function rootText(metadata: Metadata<Root>): string {
  return `${JSON.stringify(metadata.toJSON(), null, 1)}\n`;
}

/** Reads a root without verifying it. Throws what the library says of another form. */
export function parseRoot(text: string): RootFile {
  const metadata = Metadata.fromJSON(MetadataKind.Root, JSON.parse(text));
  const { version, expires } = metadata.signed;
  return { version, metadata, text, development: isDevelopment(metadata.signed), expires: new Date(expires) };
}

export function isDevelopment({ unrecognizedFields }: Root): boolean {
  return unrecognizedFields[DEVELOPMENT_FIELD] === true;
}

/** The key ids that a root names for a role, and how many of them must sign. */
export function namedKeys(root: Metadata<Root>, role: string): { keyIds: readonly string[]; threshold: number } {
  const named = root.signed.roles[role];
  return { keyIds: named?.keyIDs ?? [], threshold: named?.threshold ?? Number.POSITIVE_INFINITY };
}
