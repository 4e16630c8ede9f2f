/**
 * Owns a package's unpacked files in memory that all check threads see, so that a package is inflated once and held once,
 * however many threads check it. It reads no archive.
 */
import type { PackageContents } from '../../format/check.ts';
import { MANIFEST_PATH } from '../../format/layout.ts';
import { parseManifest } from '../../format/manifest.ts';

/** Passed between threads without being copied. Nobody writes to it once it is made. */
export interface SharedContents {
  /** The bytes of all files. */
  readonly data: SharedArrayBuffer;
  /** JSON text of path, offset, length and SHA-256 of each file: bytes, so that who only passes it on need not parse it. */
  readonly index: SharedArrayBuffer;
}

type IndexRow = readonly [path: string, offset: number, length: number, sha256: string];

/** Describes contents whose files all lie in `data`. Throws where one does not. */
export function shareContents(contents: PackageContents, data: SharedArrayBuffer): SharedContents {
  const rows = [...contents.files].map(([path, bytes]): IndexRow => {
    if (bytes.buffer !== data) throw new Error(`${path} is not in the shared memory`);
    return [path, bytes.byteOffset, bytes.length, contents.sha256?.get(path) ?? ''];
  });
  const text = new TextEncoder().encode(JSON.stringify(rows));
  const index = new SharedArrayBuffer(text.length);
  new Uint8Array(index).set(text);
  return { data, index };
}

/** The contents as checks take them, without copying a file. */
export function openSharedContents({ data, index }: SharedContents): PackageContents {
  const rows: readonly IndexRow[] = JSON.parse(new TextDecoder().decode(new Uint8Array(index)));
  const files = new Map(rows.map(([path, offset, length]) => [path, new Uint8Array(data, offset, length)]));
  const sha256 = new Map(rows.map(([path, , , hash]) => [path, hash]));
  const manifest = files.get(MANIFEST_PATH);
  return { files, sha256, manifest: manifest === undefined ? null : parseManifest(manifest).manifest };
}
