/** Owns the files of bytes under way, one an upload, named by its id. It knows no row. */
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { notFound } from '../errors.ts';
import { sha256OfFile, syncPath } from '../platform/files.ts';
import { isId } from '../platform/ids.ts';

/** A file this young may belong to a row that is being written. */
const MIN_AGE_MS = 60_000;

export type UploadFiles = ReturnType<typeof createUploadFiles>;

export function createUploadFiles(folder: string) {
  /** Where the bytes of an upload lie or would lie. Throws NOT_FOUND for what is no id. */
  const pathOf = (id: string): string => {
    if (!isId(id)) throw notFound('The upload');
    return join(folder, id);
  };

  return {
    pathOf,

    /** Makes the folder where there is none. */
    async prepare(): Promise<void> {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    },

    /** Makes the empty file of a new upload. */
    async create(id: string): Promise<void> {
      await (await open(pathOf(id), 'wx', 0o600)).close();
    },

    /** Bytes that have arrived; 0 without a file. */
    async sizeOf(id: string): Promise<number> {
      return (await stat(pathOf(id)).catch(() => null))?.size ?? 0;
    },

    /** SHA-256, in hex. */
    sha256Of: (id: string): Promise<string> => sha256OfFile(pathOf(id)),

    /** Has the bytes and their name survive a power cut. */
    async sync(id: string): Promise<void> {
      await syncPath(pathOf(id));
      await syncPath(folder);
    },

    remove: (id: string): Promise<void> => rm(pathOf(id), { force: true }),

    /** Removes old files but for those of the given uploads. */
    async sweep(keep: ReadonlySet<string>, nowMs: number): Promise<void> {
      for (const name of await readdir(folder)) {
        if (keep.has(name)) continue;
        const file = join(folder, name);
        const modifiedMs = (await stat(file).catch(() => null))?.mtimeMs ?? nowMs;
        if (nowMs - modifiedMs > MIN_AGE_MS) await rm(file, { force: true });
      }
    },
  };
}
