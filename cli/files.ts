/** Owns writing a file so that a reader sees the old or the new one, with the mode it must have from its first byte. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from '../device/durable.ts';

export interface WriteOptions {
  /** Permission bits, 0o644 unless told. */
  readonly mode?: number;
  /** Permission bits of folders that are made on the way, 0o755 unless told. */
  readonly folderMode?: number;
}

/** Writes beside the target, syncs, renames over it and syncs the folder. */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  { mode = 0o644, folderMode = 0o755 }: WriteOptions = {},
): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: folderMode });
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Writes a file that must not exist yet (EEXIST otherwise), or with `replace` one that may. */
export async function writeNewFile(
  path: string,
  data: string,
  { mode = 0o644, folderMode = 0o755 }: WriteOptions = {},
  existing: 'refuse' | 'replace' = 'refuse',
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: folderMode });
  const file = await open(path, existing === 'refuse' ? 'wx' : 'w', mode);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(dirname(path));
}
