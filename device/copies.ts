/**
 * Owns the one copy of an app's data that is kept from before its last update: making it and saying of which version it is.
 * The journal puts it in its place; nothing here touches the app's own folders.
 */
import { constants, type Stats } from 'node:fs';
import { chmod, lstat, open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createDataTally, DATA_LIMITS, type DataTally, DataTooLarge } from './data-limits.ts';
import { makeFolder, readIfThere, removeTree, syncFolder, writeSynced } from './durable.ts';
import { systemCode } from './errors.ts';
import { cloneFile, copySparsely } from './sparse-copy.ts';
import { type InstalledApp, namesIn, type Storage } from './storage.ts';

/** What is copied and restored; `cache` can be made again. */
export const COPIED_FOLDERS = ['data', 'db'] as const;
const NOTE = 'copy.json';

const CopyNote = z.object({
  /** The version whose data this is. */
  versionCode: z.int().positive(),
  sha256: z.string(),
  madeAt: z.iso.datetime(),
});
type CopyNote = z.infer<typeof CopyNote>;

/** `state/copies/<id>`. */
export function copyFolder(storage: Storage, packageId: string): string {
  return join(storage.folders.state, 'copies', packageId);
}

/** Of which version the kept copy is, or null where there is none that can be told. */
async function readCopyNote(storage: Storage, packageId: string): Promise<CopyNote | null> {
  const bytes = await readIfThere(join(copyFolder(storage, packageId), NOTE));
  if (bytes === null) return null;
  try {
    return CopyNote.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return null;
  }
}

/** Whether the kept copy is of this very package, and whole. */
export async function hasCopyOf(
  storage: Storage,
  { packageId, versionCode, sha256 }: Pick<InstalledApp, 'packageId' | 'versionCode' | 'sha256'>,
): Promise<boolean> {
  const note = await readCopyNote(storage, packageId);
  if (note === null || note.versionCode !== versionCode || note.sha256 !== sha256) return false;
  const folders = COPIED_FOLDERS.map((name) => lstatIfThere(join(copyFolder(storage, packageId), name)));
  return (await Promise.all(folders)).every((facts) => facts?.isDirectory() === true);
}

export interface CopyOptions {
  readonly storage: Storage;
  readonly app: InstalledApp;
  /** Where in `staging` it is made. */
  readonly folder: string;
  readonly now: Date;
  readonly onStep: (step: string) => void;
}

/**
 * Begins a copy in `staging`: its note alone, for data that the journal moves there, or for none: such a copy is never restored. On
 * disk when it returns.
 */
export async function beginCopy({ storage, app, folder, now }: Omit<CopyOptions, 'onStep'>): Promise<void> {
  await makeFolder(join(storage.folders.state, 'copies'), 0o700);
  await makeFolder(folder, 0o700);
  const note: CopyNote = { versionCode: app.versionCode, sha256: app.sha256, madeAt: now.toISOString() };
  await writeSynced(join(folder, NOTE), JSON.stringify(note), 0o600);
  await syncFolder(folder);
}

/**
 * Copies an app's data byte by byte (a link would change along with the file) and returns when all of it is on disk. Holes stay
 * holes. Folders and plain files are copied; links and special files are left out, never followed, and so is what lies deeper than a
 * path can say. Data beyond DATA_LIMITS leaves a copy that is only begun.
 */
export async function makeCopy(options: CopyOptions): Promise<void> {
  await beginCopy(options);
  const { storage, app, folder, onStep } = options;
  const copying: Copying = { onStep, tally: createDataTally(DATA_LIMITS), canClone: true };
  try {
    for (const name of COPIED_FOLDERS) {
      onStep(`copy-${name}`);
      const from = join(storage.appFolder(app.packageId), name);
      const facts = await lstatIfThere(from);
      if (facts?.isDirectory()) await copyTree(from, join(folder, name), facts, copying);
      else await makeFolder(join(folder, name), 0o700);
    }
  } catch (error) {
    if (!(error instanceof DataTooLarge)) throw error;
    for (const name of COPIED_FOLDERS) await removeTree(join(folder, name));
  }
  await syncFolder(folder);
}

/** Bytes of the disk that a copy of the app's data takes, or `too-large` for data beyond DATA_LIMITS. */
export async function dataBytes(storage: Storage, packageId: string): Promise<number | 'too-large'> {
  const tally = createDataTally(DATA_LIMITS);
  const pending: string[] = COPIED_FOLDERS.map((name) => join(storage.appFolder(packageId), name));
  try {
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      const facts = await lstatIfThere(path);
      if (facts?.isFile()) tally.file(facts);
      if (!facts?.isDirectory()) continue;
      await letIn(path, facts, 0o500);
      for await (const name of namesOf(path, tally)) pending.push(join(path, name));
    }
  } catch (error) {
    if (error instanceof DataTooLarge) return 'too-large';
    throw error;
  }
  return tally.allocatedBytes;
}

/** Removes the copies of apps that are not installed. */
export async function sweepCopies(storage: Storage): Promise<void> {
  const installed = await storage.readInstalled();
  for (const name of await namesIn(join(storage.folders.state, 'copies')))
    if (!Object.hasOwn(installed, name)) await removeTree(join(storage.folders.state, 'copies', name));
}

interface Copying extends Pick<CopyOptions, 'onStep'> {
  readonly tally: DataTally;
  /** Whether files can be cloned, as far as is known. */
  canClone: boolean;
}

async function copyTree(from: string, to: string, facts: Stats, copying: Copying): Promise<void> {
  await makeFolder(to, 0o700);
  await letIn(from, facts, 0o500);
  for await (const name of namesOf(from, copying.tally)) {
    try {
      await copyEntry(join(from, name), join(to, name), copying);
    } catch (error) {
      // An app must not stop its own updates by going deeper than a path can say.
      if (systemCode(error) !== 'ENAMETOOLONG') throw error;
    }
  }
  await syncFolder(to);
}

/** The names in a folder a few at a time, for there may be millions. */
async function* namesOf(folder: string, tally: DataTally): AsyncGenerator<string> {
  for await (const { name } of await opendir(folder)) {
    tally.entry();
    yield name;
  }
}

async function copyEntry(from: string, to: string, copying: Copying): Promise<void> {
  const facts = await lstatIfThere(from);
  if (facts?.isDirectory()) return await copyTree(from, to, facts, copying);
  if (!facts?.isFile()) return;
  copying.onStep('copy-file');
  await letIn(from, facts, 0o400);
  await copyPlainFile(from, to, facts, copying);
}

/** An app must not stop its own updates by what it forbids its owner. What belongs to another stays as it is. */
async function letIn(path: string, { mode }: Stats, wanted: number): Promise<void> {
  if ((mode & wanted) === wanted) return;
  try {
    await chmod(path, (mode & 0o777) | wanted);
  } catch (error) {
    if (systemCode(error) !== 'EPERM') throw error;
  }
}

async function copyPlainFile(from: string, to: string, { mode }: Stats, copying: Copying): Promise<void> {
  // Should a link or a pipe stand here by now, opening it fails or returns at once.
  const source = await open(from, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  try {
    const facts = await source.stat();
    if (!facts.isFile()) return;
    copying.tally.file(facts);
    if (copying.canClone) copying.canClone = await cloneFile(source, to, mode & 0o777);
    if (!copying.canClone) await copySparsely(source, to, { mode: mode & 0o777, sizeBytes: facts.size });
  } finally {
    await source.close();
  }
}

async function lstatIfThere(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (['ENOENT', 'ENAMETOOLONG'].includes(systemCode(error) ?? '')) return null;
    throw error;
  }
}
