/**
 * Owns the steps of a change of what is installed, and the way back. Every step is a rename that first looks whether it was
 * done, so each way may be taken again from any point of the other. It decides nothing; the journal says when.
 */
import { lstat, rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { COPIED_FOLDERS, copyFolder } from './copies.ts';
import { exists, makeFolder, syncFolder } from './durable.ts';
import { systemCode } from './errors.ts';
import { InstalledApp, PACKAGE_ID, type Storage } from './storage.ts';

/** A name in `staging`, and no way out of it. */
const StagingName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);

export const Change = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('swap'),
    packageId: PACKAGE_ID,
    /** Holds the whole package, synced; it takes the place of `apps/<id>/package`. */
    staged: StagingName,
    app: InstalledApp,
    /** Holds what takes the place of the kept copy of the app's data; null leaves that as it is. */
    copy: StagingName.nullable().default(null),
    /** The kept copy becomes the app's data, and the data until now moves into `copy`. */
    restore: z.boolean().default(false),
  }),
  z.object({ kind: z.literal('remove'), packageId: PACKAGE_ID, trash: StagingName, keepData: z.boolean() }),
]);
export type Change = z.infer<typeof Change>;
type Swap = Extract<Change, { kind: 'swap' }>;
type Removal = Extract<Change, { kind: 'remove' }>;
type OnStep = (step: string) => void;

/** Folders of an app that belong to the app itself and outlive its versions (docs/DEVICE_PROTOCOL.md §5). */
const DATA_FOLDERS = ['data', 'cache', 'db'] as const;

/** Carries a change through, from wherever an earlier run left it. */
export async function performChange(storage: Storage, change: Change, onStep: OnStep): Promise<void> {
  if (change.kind === 'swap') await swap(storage, change, onStep);
  else await remove(storage, change, onStep);
}

/** Takes back a change that failed before it was recorded. False where it cannot be, or was recorded already. */
export async function undoChange(storage: Storage, change: Change, onStep: OnStep): Promise<boolean> {
  try {
    if (await isRecorded(storage, change)) return false;
    if (change.kind === 'swap') await undoSwap(storage, change, onStep);
    else await undoRemoval(storage, change, onStep);
    return true;
  } catch {
    // The failure that led here is the one to tell; the journal stays for the next start.
    return false;
  }
}

async function isRecorded(storage: Storage, change: Change): Promise<boolean> {
  const installed = await storage.readInstalled();
  const app = Object.hasOwn(installed, change.packageId) ? installed[change.packageId] : undefined;
  if (change.kind === 'remove') return app === undefined;
  return app?.sha256 === change.app.sha256 && app.updatedAt === change.app.updatedAt;
}

interface SwapPaths {
  readonly folder: string;
  readonly target: string;
  readonly staged: string;
  readonly old: string;
}

function swapPaths(storage: Storage, { packageId, staged }: Swap): SwapPaths {
  const folder = storage.appFolder(packageId);
  const { staging } = storage.folders;
  return {
    folder,
    target: join(folder, 'package'),
    staged: join(staging, staged),
    old: join(staging, `${staged}.old`),
  };
}

async function swap(storage: Storage, change: Swap, onStep: OnStep): Promise<void> {
  const { folder, target, staged, old } = swapPaths(storage, change);
  await makeFolder(folder);
  for (const name of DATA_FOLDERS) {
    // An app that put something else there must not stop its own updates; what it was goes with the staging folder.
    if (await isNoFolder(join(folder, name))) await rename(join(folder, name), `${staged}.odd-${name}`);
    await makeFolder(join(folder, name), 0o700);
  }
  await placeCopy(storage, change, onStep);
  if (await exists(staged)) {
    onStep('move-old-away');
    // With the new package still staged, a package in place is the old one.
    if (await exists(target)) await rename(target, old);
    onStep('move-new-in');
    await rename(staged, target);
  }
  onStep('sync-folders');
  await syncSwapped(storage, change);
  onStep('write-installed');
  await storage.writeInstalled(change.packageId, change.app);
}

/** A link counts as none, wherever it leads. */
async function isNoFolder(path: string): Promise<boolean> {
  try {
    return !(await lstat(path)).isDirectory();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function undoSwap(storage: Storage, change: Swap, onStep: OnStep): Promise<void> {
  const { target, staged, old } = swapPaths(storage, change);
  onStep('undo-package');
  if (!(await exists(staged)) && (await exists(target))) await rename(target, staged);
  onStep('undo-old-back');
  if (await exists(old)) await rename(old, target);
  await undoCopy(storage, change, onStep);
  onStep('undo-sync');
  await syncSwapped(storage, change);
}

async function syncSwapped(storage: Storage, { packageId, copy }: Swap): Promise<void> {
  await syncFolder(storage.appFolder(packageId));
  await syncFolder(storage.folders.apps);
  await syncFolder(storage.folders.staging);
  if (copy !== null) await syncFolder(join(storage.folders.state, 'copies'));
}

interface CopyPaths {
  /** The app's own folder. */
  readonly folder: string;
  readonly kept: string;
  readonly next: string;
  readonly last: string;
}

function copyPaths(storage: Storage, { packageId }: Swap, copy: string): CopyPaths {
  const next = join(storage.folders.staging, copy);
  return { folder: storage.appFolder(packageId), kept: copyFolder(storage, packageId), next, last: `${next}.old` };
}

/** While the next copy is staged, it has not taken its place yet. */
async function placeCopy(storage: Storage, change: Swap, onStep: OnStep): Promise<void> {
  if (change.copy === null) return;
  const { folder, kept, next, last } = copyPaths(storage, change, change.copy);
  if (!(await exists(next))) return;
  for (const name of change.restore ? COPIED_FOLDERS : []) {
    onStep(`restore-${name}-away`);
    if (!(await exists(join(next, name)))) await rename(join(folder, name), join(next, name));
    onStep(`restore-${name}-back`);
    if (await exists(join(kept, name))) await moveOver(join(kept, name), join(folder, name));
  }
  if (change.restore) for (const made of [next, folder]) await syncFolder(made);
  onStep('copy-old-away');
  if (await exists(kept)) await rename(kept, last);
  onStep('copy-new-in');
  await rename(next, kept);
}

async function undoCopy(storage: Storage, change: Swap, onStep: OnStep): Promise<void> {
  if (change.copy === null) return;
  const { folder, kept, next, last } = copyPaths(storage, change, change.copy);
  onStep('undo-copy');
  if (!(await exists(next))) await rename(kept, next);
  if (await exists(last)) await rename(last, kept);
  for (const name of change.restore ? COPIED_FOLDERS : []) {
    onStep(`undo-restore-${name}`);
    // Moved away: what stands in its place came from the copy, or nothing did yet.
    if (!(await exists(join(next, name)))) continue;
    if (!(await exists(join(kept, name)))) await rename(join(folder, name), join(kept, name));
    onStep(`undo-restore-${name}-back`);
    await moveOver(join(next, name), join(folder, name));
  }
}

/** Moves a folder to where an empty one may stand. */
async function moveOver(from: string, to: string): Promise<void> {
  try {
    await rmdir(to);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  await rename(from, to);
}

interface RemovalMoves {
  readonly from: string;
  readonly to: string;
}

function removalMoves(storage: Storage, { packageId, trash, keepData }: Removal): RemovalMoves[] {
  const folder = storage.appFolder(packageId);
  const { staging } = storage.folders;
  return [
    { from: keepData ? join(folder, 'package') : folder, to: join(staging, trash) },
    // A copy serves the next rollback of what is installed, and nothing else.
    { from: copyFolder(storage, packageId), to: join(staging, `${trash}.copy`) },
  ];
}

async function remove(storage: Storage, change: Removal, onStep: OnStep): Promise<void> {
  for (const { from, to } of removalMoves(storage, change)) {
    onStep('move-away');
    if (await exists(from)) await rename(from, to);
  }
  onStep('sync-folders');
  await syncRemoved(storage, change);
  onStep('write-installed');
  await storage.writeInstalled(change.packageId, null);
}

async function undoRemoval(storage: Storage, change: Removal, onStep: OnStep): Promise<void> {
  for (const { from, to } of removalMoves(storage, change)) {
    onStep('undo-removal');
    if (await exists(to)) await rename(to, from);
  }
  await syncRemoved(storage, change);
}

async function syncRemoved(storage: Storage, { packageId }: Removal): Promise<void> {
  const { apps, staging, state } = storage.folders;
  for (const folder of [storage.appFolder(packageId), apps, staging, join(state, 'copies')])
    if (await exists(folder)) await syncFolder(folder);
}
