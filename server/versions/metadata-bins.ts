/** Owns the place of each published version in the signed metadata: the first bits of its path's hash. */
import { binPrefixOf, targetPath } from '../../format/trust/targets.ts';
import type { SqliteDatabase } from '../platform/db/sqlite.ts';
import { createGivingWay } from '../platform/giving-way.ts';

const CHUNK = 500;

interface Placeless {
  /** SQLite's own number of the row. */
  readonly place: number;
  readonly id: string;
  readonly versionCode: number;
  readonly packageId: string;
  readonly published: number;
}

/** Where the metadata lists a version (see `binPrefixOf`). */
export function metadataBinOf(packageId: string, versionCode: number): number {
  return binPrefixOf(targetPath(packageId, versionCode));
}

/** Gives versions that were published without a place theirs. */
export async function fillMetadataBins(db: SqliteDatabase): Promise<void> {
  // Those without a place are drafts nearly all: looked through a few at a time, by the index that has them together.
  const placeless = db.raw.prepare<[number, number], Placeless>(`
    SELECT v.rowid AS place, v.id, v.version_code AS versionCode, a.package_id AS packageId, v.published_at IS NOT NULL AS published
    FROM app_versions v CROSS JOIN apps a ON a.id = v.app_id
    WHERE v.metadata_bin IS NULL AND v.rowid > ? ORDER BY v.rowid LIMIT ?`);
  const giveWay = createGivingWay();
  let after = 0;
  for (;;) {
    const versions = placeless.all(after, CHUNK);
    const last = versions.at(-1);
    if (last === undefined) return;
    after = last.place;
    const published = versions.filter((version) => version.published === 1);
    if (published.length > 0) {
      await db.transaction(async (tx) => {
        for (const { id, versionCode, packageId } of published) {
          await tx.appVersion.update({ where: { id }, data: { metadataBin: metadataBinOf(packageId, versionCode) } });
        }
      });
    }
    await giveWay();
  }
}
