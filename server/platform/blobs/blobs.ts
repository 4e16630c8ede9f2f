// Owns the contract of the store of immutable files, wherever it keeps them, and the form of its keys.
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';

export type BlobStat = { size: number; modifiedAt: Date };

export type Blobs = {
  /**
   * Stores a file for good: when this resolves, it survives a power cut. A file that is there with the same SHA-256 is
   * success; with another it is BlobConflict, and stays. Bytes whose hash is not `sha256` (hex) are BlobCorrupt.
   */
  put(key: string, source: Uint8Array | { path: string }, expected: { sha256: string }): Promise<void>;
  /** Streams the file, or `start` to `end` (inclusive, bytes) of it. Throws BlobMissing. */
  openRead(key: string, range?: { start?: number; end?: number }): Promise<Readable>;
  /** Size and time, or null if there is none. */
  stat(key: string): Promise<BlobStat | null>;
  /** Removes the file; one that is not there is success. */
  delete(key: string): Promise<void>;
  /** Keys under a prefix that ends in `/` (or all, for the empty one), in no order. */
  list(prefix: string): AsyncIterable<string>;
};

/** A store whose files lie in a folder, for readers that want positioned reads. */
export type FolderBlobs = Blobs & {
  /** Where the file is or would be. */
  path(key: string): string;
  /** Opens the file for positioned reads; the caller closes it. Throws BlobMissing. */
  open(key: string): Promise<FileHandle>;
  /** Removes what uploads cut off by a crash left behind; at start, before any `put`. Returns how many. */
  sweep(): Promise<number>;
};

/** No file has the key. */
export class BlobMissing extends Error {
  constructor(key: string) {
    super(`There is no stored file ${key}`);
    this.name = 'BlobMissing';
  }
}

/** Another file has the key: a fault of the caller, for stored files never change. */
export class BlobConflict extends Error {
  constructor(key: string) {
    super(`Another file is stored as ${key}; stored files are never replaced`);
    this.name = 'BlobConflict';
  }
}

/** The bytes are not those that the caller verified. */
export class BlobCorrupt extends Error {
  constructor(key: string) {
    super(`The bytes for ${key} do not have the expected SHA-256`);
    this.name = 'BlobCorrupt';
  }
}

const MAX_KEY_CHARS = 400;
const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/;

/**
 * Throws unless the key is a relative path of plain segments (letters, digits, `.`, `_`, `-`, not starting with a dot):
 * nothing in it can leave the store's folder or name its temporary files.
 */
export function checkKey(key: string): void {
  const fine = key.length <= MAX_KEY_CHARS && key.split('/').every((segment) => SEGMENT.test(segment));
  if (!fine) throw new TypeError(`${JSON.stringify(key.slice(0, MAX_KEY_CHARS))} cannot name a stored file`);
}
