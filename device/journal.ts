/** Owns the one pending change of what is installed: written before it begins, removed after it ended, finished at start. */
import { rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { exists, makeFolder, readIfThere, removeFile, replaceFile, syncFolder } from './durable.ts';
import { DeviceError } from './errors.ts';
import { InstalledApp, namesIn, PACKAGE_ID, type Storage } from './storage.ts';

const StagingName = z.string().regex(/^[A-Za-z0-9._-]+$/);

const Change = z.discriminatedUnion('kind', [
  /** `staged` holds the whole package, synced; it takes the place of `apps/<id>/package`. */
  z.object({ kind: z.literal('swap'), packageId: PACKAGE_ID, staged: StagingName, app: InstalledApp }),
  z.object({ kind: z.literal('remove'), packageId: PACKAGE_ID, trash: StagingName, keepData: z.boolean() }),
]);
export type Change = z.infer<typeof Change>;

/** Called before each step that a power cut could separate from the next; a device shows progress by it. */
export type OnStep = (step: string) => void;

export interface Journal {
  /** Writes the change down and carries it out. Once it is written it happens, now or in `recover`. */
  carryOut(change: Change): Promise<void>;
  /** Finishes what a kill interrupted and clears leftovers. Says what it finished, or null. */
  recover(): Promise<Change | null>;
}

/** Folders of an app that belong to the app itself and outlive its versions (docs/DEVICE_PROTOCOL.md §5). */
const DATA_FOLDERS = ['data', 'cache', 'db'] as const;

export function createJournal(storage: Storage, onStep: OnStep): Journal {
  const path = join(storage.folders.state, 'journal.json');
  const perform = async (change: Change) => {
    if (change.kind === 'swap') await swap(storage, change, onStep);
    else await remove(storage, change, onStep);
    onStep('clear-journal');
    await removeFile(path);
    await clearStaging(storage);
    onStep('done');
  };
  return {
    async carryOut(change) {
      onStep('write-journal');
      await replaceFile(path, `${JSON.stringify(Change.parse(change))}\n`);
      await perform(change);
    },
    async recover() {
      const bytes = await readIfThere(path);
      if (bytes === null) {
        await clearStaging(storage);
        return null;
      }
      const change = parseChange(bytes.toString('utf8'), path);
      await perform(change);
      return change;
    },
  };
}

function parseChange(text: string, path: string): Change {
  try {
    return Change.parse(JSON.parse(text));
  } catch (cause) {
    throw new DeviceError('STATE_BROKEN', `${path} does not hold what this device wrote there.`, { cause });
  }
}

/** Each step first looks whether it was done, so the whole may be repeated from any point. */
async function swap(storage: Storage, change: Extract<Change, { kind: 'swap' }>, onStep: OnStep): Promise<void> {
  const folder = storage.appFolder(change.packageId);
  const target = join(folder, 'package');
  const staged = join(storage.folders.staging, change.staged);
  const old = join(storage.folders.staging, `${change.staged}.old`);
  await makeFolder(folder);
  for (const name of DATA_FOLDERS) await makeFolder(join(folder, name), 0o700);
  if (await exists(staged)) {
    onStep('move-old-away');
    // With the new package still staged, a package in place is the old one.
    if (await exists(target)) await rename(target, old);
    onStep('move-new-in');
    await rename(staged, target);
  }
  onStep('sync-folders');
  await syncFolder(folder);
  await syncFolder(storage.folders.apps);
  await syncFolder(storage.folders.staging);
  onStep('write-installed');
  await storage.writeInstalled(change.packageId, change.app);
}

async function remove(storage: Storage, change: Extract<Change, { kind: 'remove' }>, onStep: OnStep): Promise<void> {
  const folder = storage.appFolder(change.packageId);
  const doomed = change.keepData ? join(folder, 'package') : folder;
  onStep('move-away');
  if (await exists(doomed)) await rename(doomed, join(storage.folders.staging, change.trash));
  onStep('sync-folders');
  if (change.keepData && (await exists(folder))) await syncFolder(folder);
  await syncFolder(storage.folders.apps);
  await syncFolder(storage.folders.staging);
  onStep('write-installed');
  await storage.writeInstalled(change.packageId, null);
}

/** What is staged without a journal entry is half extracted, or was replaced: garbage either way. */
async function clearStaging(storage: Storage): Promise<void> {
  for (const name of await namesIn(storage.folders.staging))
    await rm(join(storage.folders.staging, basename(name)), { recursive: true, force: true });
}
