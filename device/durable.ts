/** Owns file operations that survive a power cut: each returns only when its effect is on disk. It knows no layout. */
import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, open, readdir, readFile, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from './errors.ts';

/** Makes a rename, creation or removal in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a new file and syncs it; the folder is left to the caller, who writes many. */
export async function writeSynced(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Replaces a file so that any reader, at any instant, sees the old or the new one whole. */
export async function replaceFile(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeSynced(temporary, data, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Removes a file durably; a missing one is fine. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}

/** Removes a folder with all that is in it, however deep it goes and whatever it forbids its owner; a missing one is fine. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!['ENAMETOOLONG', 'EACCES', 'EPERM', 'ENOTEMPTY'].includes(systemCode(error) ?? '')) throw error;
    await removeLevelByLevel(path);
  }
}

/**
 * Takes every folder out of the one above it first, so that no path gets longer than the system takes. Parts of the first try may
 * still be under way: what is gone by now is as it should be.
 */
async function removeLevelByLevel(path: string): Promise<void> {
  const pending = [path];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    await unlessGone(chmod(folder, 0o700));
    for (const name of (await unlessGone(readdir(folder))) ?? []) {
      const inner = join(folder, name);
      const facts = await unlessGone(lstat(inner));
      if (facts?.isDirectory() !== true) await unlessGone(unlink(inner));
      else {
        const beside = `${path}~${randomBytes(6).toString('hex')}`;
        // Who moves a folder writes to it: its way up changes.
        await unlessGone(chmod(inner, 0o700));
        await unlessGone(rename(inner, beside));
        pending.push(beside);
      }
    }
    await unlessGone(rmdir(folder));
  }
}

async function unlessGone<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Makes a folder and its parents. */
export async function makeFolder(folder: string, mode = 0o755): Promise<void> {
  await mkdir(folder, { recursive: true, mode });
}

/** The bytes of a file, or null when there is none. */
export async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
