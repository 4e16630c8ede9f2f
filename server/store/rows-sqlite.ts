/** Owns how a row of the store's SQL becomes an app. JSON columns and dates are of our own writing, so they parse. */
import type { StoreApp } from './queries.ts';

/** One row as SQLite gives it: JSON as text, dates as ISO 8601 with `+00:00`. */
export interface Row {
  readonly rowId: number;
  readonly packageId: string;
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly category: string | null;
  readonly tags: string;
  readonly homepage: string | null;
  readonly publishedAt: string;
  readonly updatedAt: string;
  readonly developerName: string;
  readonly versionCode: number;
  readonly versionName: string;
  readonly permissions: string;
  readonly minMosisVersion: string;
  readonly packageSize: number;
  readonly packageSha256: string;
  readonly releaseNotes: string;
  readonly versionPublishedAt: string;
  readonly signedBy: string;
  readonly platformSignature: string;
  readonly icons: string | null;
}

/** The app of a row. Lists are read when they are asked for: most pages show no tags and no permissions. */
export function rowToApp(row: Row): StoreApp {
  return {
    rowId: row.rowId,
    packageId: row.packageId,
    name: row.name,
    summary: row.summary,
    description: row.description,
    category: row.category,
    get tags() {
      return texts(row.tags);
    },
    homepage: row.homepage,
    get publishedAt() {
      return new Date(row.publishedAt);
    },
    get updatedAt() {
      return new Date(row.updatedAt);
    },
    developerName: row.developerName,
    version: {
      versionCode: row.versionCode,
      versionName: row.versionName,
      get permissions() {
        return texts(row.permissions);
      },
      minMosisVersion: row.minMosisVersion,
      packageSize: row.packageSize,
      packageSha256: row.packageSha256,
      releaseNotes: row.releaseNotes,
      get publishedAt() {
        return new Date(row.versionPublishedAt);
      },
      signedBy: row.signedBy,
      platformSignature: row.platformSignature,
      get iconSizes() {
        return row.icons === null ? [] : Object.keys(JSON.parse(row.icons));
      },
    },
  };
}

function texts(json: string): string[] {
  const list: unknown = JSON.parse(json);
  return Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [];
}
