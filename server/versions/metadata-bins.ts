/** Owns the place of each published version in the signed metadata: the first bits of its path's hash. */
import { binPrefixOf, targetPath } from '../../format/trust/targets.ts';
import type { Database } from '../platform/db/database.ts';

const CHUNK = 500;

/** Where the metadata lists a version (see `binPrefixOf`). */
export function metadataBinOf(packageId: string, versionCode: number): number {
  return binPrefixOf(targetPath(packageId, versionCode));
}

/** Gives versions that were published without a place theirs. */
export async function fillMetadataBins(db: Database): Promise<void> {
  for (;;) {
    const versions = await db.prisma.appVersion.findMany({
      where: { publishedAt: { not: null }, metadataBin: null },
      select: { id: true, versionCode: true, app: { select: { packageId: true } } },
      take: CHUNK,
    });
    if (versions.length === 0) return;
    await db.transaction(async (tx) => {
      for (const { id, versionCode, app } of versions) {
        await tx.appVersion.update({
          where: { id },
          data: { metadataBin: metadataBinOf(app.packageId, versionCode) },
        });
      }
    });
  }
}
