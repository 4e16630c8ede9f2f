/** Owns finding, making and keeping icons: from memory, from the stored file, or from the package. It decides nothing about access. */
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import StreamZip from 'node-stream-zip';
import type { FolderBlobs } from '../platform/blobs/blobs.ts';
import { BlobConflict, BlobMissing } from '../platform/blobs/blobs.ts';
import { createByteCache } from '../platform/byte-cache.ts';
import { draftKey, packageKey } from '../versions/paths.ts';
import { type IconSize, reencodeIcon } from './icon.ts';

/** An icon of 128 pixels has at most 131 KB of pixels; the rest is room for chunks that are dropped. */
const MAX_SOURCE_BYTES = 1024 * 1024;

/** Which version's icon. */
export interface IconSource {
  readonly versionId: string;
  readonly packageId: string;
  readonly versionCode: number;
  /** Whether the code is this version's for ever: only then the icon is stored under it. */
  readonly submitted: boolean;
  /** The manifest's `icons`. */
  readonly icons: Readonly<Record<string, string>>;
}

export interface Icon {
  readonly bytes: Buffer;
  /** Strong, of the bytes. */
  readonly etag: string;
}

export interface IconStore {
  /**
   * The version's icon; null when it has none of that size, or one that is no PNG of that size. `load` is asked for what to
   * read only when the icon is not in memory.
   */
  get(versionId: string, size: IconSize, load: () => Promise<IconSource | null>): Promise<Icon | null>;
}

/** Keeps at most `maxBytes` of icons in memory, the longest unused dropped first. */
export function createIconStore({ blobs, maxBytes }: { blobs: FolderBlobs; maxBytes: number }): IconStore {
  const kept = createByteCache<Icon>({ maxBytes, sizeOf: ({ bytes }) => bytes.length });
  const making = new Map<string, Promise<Icon | null>>();

  async function make(size: IconSize, load: () => Promise<IconSource | null>): Promise<Icon | null> {
    const source = await load();
    if (source === null) return null;
    const blobKey = `assets/${source.packageId}/${source.versionCode}/icon-${size}.png`;
    if (source.submitted) {
      const stored = await readBlob(blobs, blobKey);
      if (stored !== null) return iconOf(stored);
    }
    const path = source.icons[String(size)];
    if (path === undefined) return null;
    const original = await readEntry(blobs, source, path);
    const bytes = original === null ? null : reencodeIcon(original, size);
    if (bytes === null) return null;
    if (source.submitted) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      await blobs.put(blobKey, bytes, { sha256 }).catch((error: unknown) => {
        // Another process made it with another deflate: as good as ours.
        if (!(error instanceof BlobConflict)) throw error;
      });
    }
    return iconOf(bytes);
  }

  return {
    async get(versionId, size, load) {
      const key = `${versionId}/${size}`;
      const found = kept.get(key);
      if (found !== undefined) return found;
      let work = making.get(key);
      if (work === undefined) {
        work = make(size, load).finally(() => making.delete(key));
        making.set(key, work);
      }
      const icon = await work;
      if (icon !== null) kept.set(key, icon);
      return icon;
    },
  };
}

function iconOf(bytes: Buffer): Icon {
  return { bytes, etag: `"${createHash('sha256').update(bytes).digest('hex')}"` };
}

async function readBlob(blobs: FolderBlobs, key: string): Promise<Buffer | null> {
  try {
    return await buffer(await blobs.openRead(key));
  } catch (error) {
    if (error instanceof BlobMissing) return null;
    throw error;
  }
}

/** The bytes of one file of the package, which the gate has read in full before; null when it has none of that name. */
async function readEntry(blobs: FolderBlobs, source: IconSource, path: string): Promise<Buffer | null> {
  const final = packageKey(source.packageId, source.versionCode);
  // A process that died right after a submission left the bytes at the draft's place.
  const key = source.submitted && (await blobs.stat(final)) !== null ? final : draftKey(source.versionId);
  // Retention removed the bytes before anybody had asked for the icon.
  if (source.submitted && (await blobs.stat(key)) === null) return null;
  const zip = new StreamZip.async({ file: blobs.path(key) });
  try {
    const entry = await zip.entry(path);
    if (entry === undefined || !entry.isFile || entry.size > MAX_SOURCE_BYTES) return null;
    return await zip.entryData(entry);
  } finally {
    await zip.close();
  }
}
