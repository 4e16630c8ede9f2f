/**
 * Owns the small files that are asked for again and again, in bounded memory. A file that a reader is taking stays and counts until
 * the last one has it, however slow: what readers hold is never more than the bound.
 */
import { read } from 'node:fs';
import { type ByteCache, createByteCache } from '../platform/byte-cache.ts';
import type { OpenFiles } from './open-files.ts';

/** A file in memory on loan; `release` must be called once, when nothing sends from it any more. */
export interface HotFile {
  readonly bytes: Buffer;
  release(): void;
}

export interface HotFiles {
  /** The file of so many bytes; null where it is not kept in memory: read it from disk. Throws what opening and reading throw. */
  take(path: string, size: number): Promise<HotFile | null>;
  /** Bytes held now. */
  bytes(): number;
}

interface HotFilesOptions {
  readonly files: OpenFiles;
  /** Bytes of all files together. */
  readonly maxBytes: number;
  /** Bytes of one file. */
  readonly maxFileBytes: number;
}

interface Held {
  readonly bytes: Buffer;
  readers: number;
}

/** Paths remembered that were asked for once; what is asked for a second time is kept. */
const MAX_ASKED = 4_096;
/** Files read into memory at once; beyond that they are read from disk piece by piece. */
const MAX_LOADING = 4;

/** Files must be immutable. */
export function createHotFiles({ files, maxBytes, maxFileBytes }: HotFilesOptions): HotFiles {
  const cache: ByteCache<Held> = createByteCache({
    maxBytes,
    maxValueBytes: maxFileBytes,
    sizeOf: ({ bytes }) => bytes.length,
    mayGo: ({ readers }) => readers === 0,
  });
  const asked = new Set<string>();
  const loading = new Map<string, Promise<void>>();

  /** Whether it was asked for before, not long ago. */
  function isAskedAgain(path: string): boolean {
    if (asked.has(path)) return true;
    asked.add(path);
    const [oldest] = asked.size > MAX_ASKED ? asked : [];
    if (oldest !== undefined) asked.delete(oldest);
    return false;
  }

  async function load(path: string, size: number): Promise<void> {
    const file = await files.acquire(path);
    try {
      cache.set(path, { bytes: await readWhole(file.descriptor, size), readers: 0 });
    } finally {
      file.release();
    }
  }

  function lend(held: Held): HotFile {
    held.readers += 1;
    return {
      bytes: held.bytes,
      release() {
        held.readers -= 1;
      },
    };
  }

  return {
    async take(path, size) {
      const known = cache.get(path);
      if (known !== undefined) return lend(known);
      if (size > maxFileBytes || !isAskedAgain(path)) return null;
      let work = loading.get(path);
      if (work === undefined) {
        if (loading.size >= MAX_LOADING) return null;
        work = load(path, size).finally(() => loading.delete(path));
        loading.set(path, work);
      }
      await work;
      const loaded = cache.get(path);
      return loaded === undefined ? null : lend(loaded);
    },
    bytes: cache.bytes,
  };
}

async function readWhole(descriptor: number, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(size);
  for (let at = 0; at < size; ) {
    const got = await readInto(descriptor, bytes, at);
    if (got === 0) throw new Error(`A stored file ended ${size - at} bytes before the size on record`);
    at += got;
  }
  return bytes;
}

function readInto(descriptor: number, bytes: Buffer, at: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  read(descriptor, bytes, at, bytes.length - at, at, (error, got) => (error === null ? resolve(got) : reject(error)));
  return promise;
}
