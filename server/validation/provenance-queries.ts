/**
 * Owns the SQL of the provenance check, prepared on a read-only handle that stays the caller's: who else published the same file,
 * which apps are published, and who belongs to whom. It judges nothing.
 */
import type { Database as RawHandle } from 'better-sqlite3';

/** The version that is checked, with what its app published before. */
export interface ProvenanceSubject {
  readonly versionId: string;
  readonly appId: string;
  readonly packageId: string;
  readonly appName: string;
  readonly manifestName: string;
  /** ISO 8601 as stored, so that texts compare as times; null for an app that was never published. */
  readonly firstPublishedAt: string | null;
}

/** What is compared of a published app. */
export interface NamedApp {
  readonly rowId: number;
  readonly packageId: string;
  readonly name: string;
}

/** A published app, as the store shows it. */
export interface PublishedApp extends NamedApp {
  readonly developerId: string;
  readonly firstPublishedAt: string;
}

/** A published file of somebody else. */
export interface ForeignFile {
  readonly packageId: string;
  readonly developerId: string;
  readonly path: string;
}

export interface SubjectFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** Rows of one hash that are looked at; the oldest come first, so that the first owner of a file is among them. */
const MAX_ROWS_OF_A_HASH = 500;
/** Versions of the app itself that are asked when it first had a file. */
const MAX_OWN_VERSIONS = 200;

export type ProvenanceQueries = ReturnType<typeof createProvenanceQueries>;

export function createProvenanceQueries(handle: RawHandle) {
  const subject = handle.prepare<[string], ProvenanceSubject>(`
    SELECT v.id AS versionId, a.id AS appId, a.package_id AS packageId, a.name AS appName,
      coalesce(v.manifest ->> '$.name', a.name) AS manifestName, a.first_published_at AS firstPublishedAt
    FROM app_versions v JOIN apps a ON a.id = v.app_id WHERE v.id = ?`);
  const files = handle.prepare<[string, number], SubjectFile>(
    'SELECT path, size, sha256 FROM version_files WHERE version_id = ? ORDER BY size DESC, path LIMIT ?',
  );
  // CROSS JOIN keeps SQLite to this order: the hash first, the rest by its keys.
  const foreign = handle.prepare<{ sha256: string; appId: string; before: string }, ForeignFile>(`
    SELECT a.package_id AS packageId, a.developer_id AS developerId, f.path
    FROM (SELECT version_id, path FROM version_files WHERE sha256 = :sha256 LIMIT ${MAX_ROWS_OF_A_HASH}) f
    CROSS JOIN app_versions v ON v.id = f.version_id
    CROSS JOIN apps a ON a.id = v.app_id
    WHERE v.state = 'PUBLISHED' AND v.published_at < :before AND a.status = 'PUBLISHED' AND a.id <> :appId
      AND NOT EXISTS (SELECT 1 FROM app_members theirs WHERE theirs.app_id = a.id AND theirs.developer_id IN
        (SELECT ours.developer_id FROM app_members ours WHERE ours.app_id = :appId))`);
  const ownSince = handle
    .prepare<{ appId: string; path: string; sha256: string }, string | null>(`
    SELECT min(v.published_at) FROM
      (SELECT id, published_at FROM app_versions WHERE app_id = :appId AND published_at IS NOT NULL
        ORDER BY version_code LIMIT ${MAX_OWN_VERSIONS}) v
    CROSS JOIN version_files f ON f.version_id = v.id AND f.path = :path WHERE f.sha256 = :sha256`)
    .pluck();
  const earlierNames = handle
    .prepare<[string, string], string | null>(`
    SELECT DISTINCT manifest ->> '$.name' FROM (SELECT manifest FROM app_versions
      WHERE app_id = ? AND id <> ? AND published_at IS NOT NULL ORDER BY version_code DESC LIMIT ${MAX_OWN_VERSIONS})`)
    .pluck();
  // The plus keeps SQLite from the index of statuses, which it would sort anew for each page.
  const published = handle.prepare<[number, number], NamedApp>(`
    SELECT row_id AS rowId, package_id AS packageId, name FROM apps
    WHERE row_id > ? AND +status = 'PUBLISHED' AND first_published_at IS NOT NULL ORDER BY row_id LIMIT ?`);
  const byRow = handle.prepare<[number], PublishedApp>(`
    SELECT row_id AS rowId, package_id AS packageId, name, developer_id AS developerId,
      first_published_at AS firstPublishedAt
    FROM apps WHERE row_id = ? AND status = 'PUBLISHED' AND first_published_at IS NOT NULL`);
  const related = handle
    .prepare<[number, string], number>(`
    SELECT 1 FROM apps a JOIN app_members theirs ON theirs.app_id = a.id WHERE a.row_id = ? AND theirs.developer_id IN
      (SELECT developer_id FROM app_members WHERE app_id = ?) LIMIT 1`)
    .pluck();

  return {
    /** Null for a version that is gone. */
    subject: (versionId: string): ProvenanceSubject | null => subject.get(versionId) ?? null,
    /** The largest files first. */
    files: (versionId: string, limit: number): SubjectFile[] => files.all(versionId, limit),
    /** Published files with the hash, of apps of other people, published before a time; read only as far as asked. */
    foreignFiles: (given: { sha256: string; appId: string; before: string }): IterableIterator<ForeignFile> =>
      foreign.iterate(given),
    /** When the app itself first published the file at that path; null where it never did. */
    ownSince: (given: { appId: string; path: string; sha256: string }): string | null => ownSince.get(given) ?? null,
    /** Names in the manifests of what the app published before. */
    earlierNames: ({ appId, versionId }: ProvenanceSubject): string[] =>
      earlierNames.all(appId, versionId).flatMap((name) => name ?? []),
    /** The next published apps by row. */
    published: (afterRowId: number, limit: number): NamedApp[] => published.all(afterRowId, limit),
    /** Null for an app that is not published any more. */
    publishedApp: (rowId: number): PublishedApp | null => byRow.get(rowId) ?? null,
    /** Whether the app of that row has a member in common with the other. */
    related: (rowId: number, appId: string): boolean => related.get(rowId, appId) !== undefined,
  };
}
