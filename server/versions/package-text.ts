/** Owns reading one text file out of a stored package, for people who review it. Bounded; it never unpacks the rest. */
import StreamZip from 'node-stream-zip';
import { TEXT_TYPES, typeOf } from '../../format/contents.ts';
import type { FolderBlobs } from '../platform/blobs/blobs.ts';
import { draftKey, packageKey } from './paths.ts';

/** Larger files are not shown in a page. */
const MAX_TEXT_BYTES = 256 * 1024;

export interface StoredVersion {
  readonly id: string;
  readonly versionCode: number;
  readonly app: { readonly packageId: string };
}

/** The text of a file of the package, or null where it is no text, too long to show, or its bytes are gone. */
export async function readPackageText(
  blobs: FolderBlobs,
  version: StoredVersion,
  file: { readonly path: string; readonly size: number },
): Promise<string | null> {
  const type = TEXT_TYPES.find((known) => known === typeOf(file.path));
  if (type === undefined || file.size > MAX_TEXT_BYTES) return null;
  const final = packageKey(version.app.packageId, version.versionCode);
  const draft = draftKey(version.id);
  const key = (await blobs.stat(draft)) !== null ? draft : final;
  if ((await blobs.stat(key)) === null) return null;
  const zip = new StreamZip.async({ file: blobs.path(key) });
  try {
    return (await zip.entryData(file.path)).toString('utf8');
  } finally {
    await zip.close();
  }
}
