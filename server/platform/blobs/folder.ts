// Owns the store of immutable files in a folder: written, synced and hard-linked into place, never renamed over another.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, link, mkdir, open, opendir, readdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sha256OfFile, syncPath } from '../files.ts';
import { BlobConflict, BlobCorrupt, BlobMissing, checkKey, type FolderBlobs } from './blobs.ts';

/** Temporary files lie in the same folder tree (a hard link cannot cross file systems); no key starts with a dot. */
const TEMPORARY = '.incoming';

/** A store in `folder`, which is made if it is missing. */
export async function createFolderBlobs(folder: string): Promise<FolderBlobs> {
  const temporary = join(folder, TEMPORARY);
  await mkdir(temporary, { recursive: true });

  const path = (key: string) => {
    checkKey(key);
    return join(folder, key);
  };

  async function openFile(key: string): Promise<FileHandle> {
    try {
      return await open(path(key), 'r');
    } catch (error) {
      throw hasCode(error, 'ENOENT') ? new BlobMissing(key) : error;
    }
  }

  return {
    path,
    open: openFile,
    async put(key, source, { sha256 }) {
      const target = path(key);
      const incoming = join(temporary, randomUUID());
      try {
        if ((await writeSynced(incoming, source)) !== sha256) throw new BlobCorrupt(key);
        await makeFolders(folder, dirname(target));
        try {
          await link(incoming, target);
        } catch (error) {
          if (!hasCode(error, 'EEXIST')) throw error;
          if ((await sha256OfFile(target)) !== sha256) throw new BlobConflict(key);
        }
        // Also for a file that was there: the process that linked it may have died before this.
        await syncPath(dirname(target));
      } finally {
        await unlink(incoming).catch(ignoreMissing);
      }
    },
    async openRead(key, range = {}) {
      const file = await openFile(key);
      return file.createReadStream({ ...range, autoClose: true });
    },
    async stat(key) {
      try {
        const found = await stat(path(key));
        return { size: found.size, modifiedAt: found.mtime };
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return null;
        throw error;
      }
    },
    async delete(key) {
      await unlink(path(key)).catch(ignoreMissing);
    },
    async *list(prefix) {
      if (prefix !== '') checkKey(prefix.replace(/\/$/, ''));
      yield* walk(folder, prefix.replace(/\/$/, ''));
    },
    async sweep() {
      const left = await readdir(temporary);
      for (const name of left) await unlink(join(temporary, name)).catch(ignoreMissing);
      return left.length;
    },
  };
}

/** Writes and fsyncs a new file; returns the SHA-256 (hex) of what was written. */
async function writeSynced(target: string, source: Uint8Array | { path: string }): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(target, 'wx', 0o640);
  try {
    const chunks = source instanceof Uint8Array ? [source] : createReadStream(source.path, { highWaterMark: 1 << 18 });
    await pipeline(chunks, async (incoming: AsyncIterable<Uint8Array>) => {
      for await (const chunk of incoming) {
        hash.update(chunk);
        await file.writeFile(chunk);
      }
    });
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

/** Makes the folders down to `target`, and syncs the parent of each so that it survives a power cut. */
async function makeFolders(root: string, target: string): Promise<void> {
  const first = await mkdir(target, { recursive: true });
  if (first === undefined) return;
  for (let made = target; made.length > root.length; made = dirname(made)) await syncPath(dirname(made));
}

async function* walk(root: string, below: string): AsyncGenerator<string> {
  let entries: Awaited<ReturnType<typeof opendir>>;
  try {
    entries = await opendir(join(root, below));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  for await (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const key = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(root, key);
    else if (entry.isFile()) yield key;
  }
}

function ignoreMissing(error: unknown): void {
  if (!hasCode(error, 'ENOENT')) throw error;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
