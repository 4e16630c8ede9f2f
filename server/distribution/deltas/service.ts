/**
 * Owns which deltas there are: made in a job after a publication, from the versions published before it, and removed when the
 * version leaves. A delta is stored before its row is written and removed after its row is gone, so that a row always has its file.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { decodeDelta, encodeDelta } from '../../../format/delta.ts';
import type { JobContext, JobHandler } from '../../jobs/types.ts';
import { BlobConflict, type FolderBlobs } from '../../platform/blobs/blobs.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database, Tx } from '../../platform/db/database.ts';
import type { Log } from '../../platform/log.ts';
import { packageKey } from '../../versions/paths.ts';
import { DELTAS_PREFIX, deltaKey, parseDeltaKey } from './paths.ts';

export const DELTA_LIMITS = Object.freeze({
  /** Earlier versions that a new one gets a delta from, the newest of them. */
  bases: 5,
  /** A delta that is not smaller than this part of the package is not kept. */
  mostOfPackage: 0.8,
  /** Packages over this get none: making one takes ten times its size in memory. */
  maxPackageBytes: 32 * 1024 * 1024,
  /** Bytes of all deltas of an app; those of its oldest versions make room. */
  maxAppBytes: 64 * 1024 * 1024,
  /** The row of a file this young may not be written yet. */
  minAgeMs: 10 * 60_000,
});
export type DeltaLimits = { readonly [Name in keyof typeof DELTA_LIMITS]: number };

interface DeltasOptions {
  readonly db: Database;
  readonly blobs: FolderBlobs;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when devices can be told of other deltas. */
  readonly changed: () => void;
  readonly limits?: Partial<DeltaLimits>;
}

const Payload = z.object({ versionId: z.string() });
const PACKAGE = { id: true, versionCode: true, packageSize: true, packageSha256: true } as const;
interface StoredPackage {
  readonly id: string;
  readonly versionCode: number;
  readonly packageSize: number;
  readonly packageSha256: string;
}

export type Deltas = ReturnType<typeof createDeltas>;

export function createDeltas(options: DeltasOptions) {
  const { db, blobs, clock, log, changed } = options;
  const limits: DeltaLimits = { ...DELTA_LIMITS, ...options.limits };

  /** Makes what is missing; repeating it does nothing. */
  const handleJob: JobHandler = async (job, context) => {
    const { versionId } = Payload.parse(job.payload);
    const version = await db.prisma.appVersion.findUnique({
      where: { id: versionId, state: 'PUBLISHED', bytesRemovedAt: null },
      select: { ...PACKAGE, appId: true, app: { select: { packageId: true } } },
    });
    if (version === null || version.packageSize > limits.maxPackageBytes) return;
    const { packageId } = version.app;
    const bases = await missingBases(version);
    if (bases.length === 0) return;
    const target = await readPackage(packageId, version);
    let made = 0;
    for (const base of bases) {
      context.signal.throwIfAborted();
      const delta = await makeDelta(packageId, target, base);
      if (delta !== null && (await keep({ ...version, packageId }, base, delta, context))) made += 1;
    }
    if (made > 0) changed();
  };

  /** The last versions that were ever published: a device may have one that has left the store since. */
  async function missingBases(version: StoredPackage & { appId: string }): Promise<StoredPackage[]> {
    const earlier = await db.prisma.appVersion.findMany({
      where: {
        appId: version.appId,
        versionCode: { lt: version.versionCode },
        publishedAt: { not: null },
        bytesRemovedAt: null,
      },
      orderBy: { versionCode: 'desc' },
      take: limits.bases,
      select: { ...PACKAGE, deltaBases: { where: { versionId: version.id }, select: { versionId: true } } },
    });
    return earlier.filter((base) => base.deltaBases.length === 0 && base.packageSize <= limits.maxPackageBytes);
  }

  async function readPackage(packageId: string, version: StoredPackage): Promise<Buffer> {
    const bytes = await readFile(blobs.path(packageKey(packageId, version.versionCode)));
    if (createHash('sha256').update(bytes).digest('hex') !== version.packageSha256)
      throw new Error(`The stored package ${packageId} ${version.versionCode} has another hash than its row says`);
    return bytes;
  }

  /** Null where the delta is not worth keeping. */
  async function makeDelta(packageId: string, target: Buffer, base: StoredPackage): Promise<Buffer | null> {
    const dictionary = await readPackage(packageId, base);
    const delta = await encodeDelta(target, dictionary);
    if (delta.length >= target.length * limits.mostOfPackage || delta.length > limits.maxAppBytes) return null;
    // No device finds out that one does not work.
    if (!(await decodeDelta(delta, dictionary, target.length)).equals(target))
      throw new Error(`The delta of ${packageId} from ${base.versionCode} makes other bytes`);
    return delta;
  }

  async function keep(
    version: StoredPackage & { appId: string; packageId: string },
    base: StoredPackage,
    delta: Buffer,
    context: JobContext,
  ): Promise<boolean> {
    const sha256 = createHash('sha256').update(delta).digest('hex');
    const key = deltaKey(version.packageId, version.versionCode, base.packageSha256);
    await store(key, delta, sha256);
    return db.transaction(async (tx) => {
      await context.fence(tx);
      const current = await tx.appVersion.findUnique({ where: { id: version.id }, select: { state: true } });
      if (current?.state !== 'PUBLISHED' || !(await makeRoom(tx, version, delta.length))) return false;
      const ids = { versionId: version.id, baseVersionId: base.id };
      const facts = { baseSha256: base.packageSha256, size: delta.length, sha256, createdAt: clock.now() };
      await tx.packageDelta.upsert({
        where: { versionId_baseVersionId: ids },
        create: { ...ids, ...facts },
        update: facts,
      });
      return true;
    });
  }

  /** Another file under the key is what an attempt left that ended before its row, made by another zstd. */
  async function store(key: string, delta: Buffer, sha256: string): Promise<void> {
    try {
      await blobs.put(key, delta, { sha256 });
    } catch (error) {
      if (!(error instanceof BlobConflict)) throw error;
      await blobs.delete(key);
      await blobs.put(key, delta, { sha256 });
    }
  }

  /** Takes the deltas of the app's oldest versions away until there is room; false where those of this version alone fill it. */
  async function makeRoom(tx: Tx, version: StoredPackage & { appId: string }, bytes: number): Promise<boolean> {
    const rows = await tx.packageDelta.findMany({
      where: { version: { appId: version.appId } },
      select: { versionId: true, baseVersionId: true, size: true, version: { select: { versionCode: true } } },
      orderBy: [{ version: { versionCode: 'asc' } }, { baseVersion: { versionCode: 'asc' } }],
    });
    let used = rows.reduce((sum, row) => sum + row.size, 0);
    for (const row of rows) {
      if (used + bytes <= limits.maxAppBytes) return true;
      if (row.version.versionCode >= version.versionCode) return false;
      const { versionId, baseVersionId } = row;
      await tx.packageDelta.delete({ where: { versionId_baseVersionId: { versionId, baseVersionId } } });
      used -= row.size;
    }
    return used + bytes <= limits.maxAppBytes;
  }

  /** Removes the rows of versions that left the store, then files that no row names. */
  async function sweep(): Promise<void> {
    await db.prisma.packageDelta.deleteMany({
      where: { OR: [{ version: { state: { not: 'PUBLISHED' } } }, { version: { bytesRemovedAt: { not: null } } }] },
    });
    for await (const key of blobs.list(DELTAS_PREFIX)) {
      const found = parseDeltaKey(key);
      const stat = found === null ? null : await blobs.stat(key);
      if (found === null || stat === null || clock.ms() - stat.modifiedAt.getTime() <= limits.minAgeMs) continue;
      const { packageId, versionCode, baseSha256 } = found;
      const rows = await db.prisma.packageDelta.count({
        where: { baseSha256, version: { versionCode, app: { packageId } } },
      });
      if (rows > 0) continue;
      await blobs.delete(key);
      log.info({ key }, 'a delta that is not offered any more was removed');
    }
  }

  return { handleJob, sweep };
}
