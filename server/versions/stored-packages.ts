/**
 * Owns the bytes of versions in the blob store: where they go at submission, what is read of them for people, and the removal
 * of those that no row owns. It writes no row.
 */
import type { FolderBlobs } from '../platform/blobs/blobs.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import { isId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import { createTurns } from '../platform/turns.ts';
import { readPackageText, type StoredVersion } from './package-text.ts';
import { DRAFTS_PREFIX, draftKey, PACKAGES_PREFIX, packageKey, parseDraftKey, parsePackageKey } from './paths.ts';

/** The row of a file this young may not be written yet. */
const MIN_AGE_MS = 10 * 60_000;

/** A version whose bytes have a final place. */
export interface PlacedVersion {
  readonly id: string;
  readonly versionCode: number;
  readonly packageSha256: string;
  readonly app: { readonly packageId: string };
}

interface StoredPackagesOptions {
  readonly db: Database;
  readonly blobs: FolderBlobs;
  readonly clock: Clock;
  readonly log: Log;
}

export type StoredPackages = ReturnType<typeof createStoredPackages>;

export function createStoredPackages({ db, blobs, clock, log }: StoredPackagesOptions) {
  // Keeps the sweep from removing a file that a submission has just found to be there.
  const inTurn = createTurns();

  /**
   * Puts a submitted version's bytes at their final place and answers the key; repeating it is success. The row is committed
   * before; runs outside transactions. Throws BlobConflict where other bytes are there.
   */
  function place(version: PlacedVersion): Promise<string> {
    const key = packageKey(version.app.packageId, version.versionCode);
    return inTurn(key, async () => {
      const draft = draftKey(version.id);
      if ((await blobs.stat(draft)) !== null) {
        await blobs.put(key, { path: blobs.path(draft) }, { sha256: version.packageSha256 });
        await blobs.delete(draft);
      }
      return key;
    });
  }

  async function isOld(key: string): Promise<boolean> {
    const found = await blobs.stat(key);
    return found !== null && clock.ms() - found.modifiedAt.getTime() > MIN_AGE_MS;
  }

  async function sweepDraft(key: string): Promise<void> {
    if (!(await isOld(key))) return;
    const id = parseDraftKey(key);
    if (id === null || !isId(id)) return;
    // The upload before the version: the gate stores the bytes while the upload is RECEIVED and ends that state with the
    // version's row, so that whoever reads in this order meets one of the two.
    const waiting = await db.prisma.upload.count({ where: { id, state: { in: ['OPEN', 'RECEIVED'] } } });
    if (waiting > 0) return;
    const version = await db.prisma.appVersion.findUnique({
      where: { id },
      include: { app: { select: { packageId: true } } },
    });
    if (version?.state === 'DRAFT') return;
    if (version !== null && version.claimedCode !== null) await place(version);
    else await blobs.delete(key);
    log.info({ key }, 'the bytes of a draft that is none any more were removed');
  }

  /** Removes a final file that no submitted version owns, if it is old. */
  async function sweepPackage(key: string, packageId: string, versionCode: number): Promise<void> {
    if (!(await isOld(key))) return;
    await inTurn(key, async () => {
      const codes = await submittedCodes(packageId);
      if (codes === null || codes.has(versionCode)) return;
      await blobs.delete(key);
      log.warn({ key }, 'a stored package that no version owns was removed');
    });
  }

  /** Codes whose bytes are to be there; null for an app that is not known. */
  async function submittedCodes(packageId: string): Promise<ReadonlySet<number> | null> {
    const app = await db.prisma.app.findUnique({
      where: { packageId },
      select: {
        versions: { where: { claimedCode: { not: null }, bytesRemovedAt: null }, select: { versionCode: true } },
      },
    });
    return app === null ? null : new Set(app.versions.map(({ versionCode }) => versionCode));
  }

  async function sweepPackages(): Promise<void> {
    // Files come app by app, so that one question an app is enough for those that are owned.
    let app: { packageId: string; codes: ReadonlySet<number> | null } = { packageId: '', codes: null };
    for await (const key of blobs.list(PACKAGES_PREFIX)) {
      const found = parsePackageKey(key);
      if (found === null) continue;
      const { packageId, versionCode } = found;
      if (app.packageId !== packageId) app = { packageId, codes: await submittedCodes(packageId) };
      // An app with submitted versions is never deleted: an unknown one says that the files are of another database.
      if (app.codes === null || app.codes.has(versionCode)) continue;
      await sweepPackage(key, packageId, versionCode).catch((error: unknown) => notSwept(key, error));
    }
  }

  function notSwept(key: string, error: unknown): void {
    log.error({ err: error, key }, 'a stored file was not swept');
  }

  return {
    place,

    /** Where the bytes of a submitted version lie on disk; places them first where that was cut off. */
    async fileOf(version: PlacedVersion): Promise<string> {
      return blobs.path(await place(version));
    },

    /** Removes the bytes of a submitted version whose row says so; committed before, so that nothing leads to them. */
    async removeBytes(version: Pick<PlacedVersion, 'id' | 'versionCode' | 'app'>): Promise<void> {
      const key = packageKey(version.app.packageId, version.versionCode);
      await inTurn(key, async () => {
        await blobs.delete(key);
        await blobs.delete(draftKey(version.id));
      });
    },

    /** Removes the bytes of a draft that was deleted. */
    discardDraft: (versionId: string) => blobs.delete(draftKey(versionId)),

    /** The text of one file of a version's package; null where there is none to show. */
    readText: (version: StoredVersion, file: { path: string; size: number }) => readPackageText(blobs, version, file),

    /**
     * Removes bytes that no row owns: of deleted apps and drafts, of drafts that were withdrawn, second links of submitted
     * versions, and final files of no submitted version. A file that cannot be swept is logged and does not stop the others.
     */
    async sweep(): Promise<void> {
      for await (const key of blobs.list(DRAFTS_PREFIX)) {
        await sweepDraft(key).catch((error: unknown) => notSwept(key, error));
      }
      await sweepPackages();
    },
  };
}
