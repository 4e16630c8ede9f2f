/**
 * Owns what a seeded data folder (`npm run seed -- --large`) lacks for publishing: a session of a developer; and finds the apps.
 * It runs while no server uses the folder, and changes nothing twice.
 */
import { createHash } from 'node:crypto';
import RawDatabase, { type Database as RawHandle } from 'better-sqlite3';

const stamp = (ms: number): string => new Date(ms).toISOString().replace('Z', '+00:00');
const DAY_MS = 86_400_000;

export interface BenchApp {
  readonly packageId: string;
  /** Of the newest version. */
  readonly versionId: string;
  readonly versionCode: number;
}

export interface PreparedMetadata {
  /** Of the developer whose apps these are. */
  readonly cookie: string;
  readonly apps: readonly BenchApp[];
  readonly published: number;
}

/** Throws where the folder was not seeded. */
export function prepareMetadata(path: string): PreparedMetadata {
  const handle = new RawDatabase(path, { fileMustExist: true });
  handle.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -131072');
  try {
    return handle.transaction(() => {
      const cookie = addSession(handle);
      const published = handle
        .prepare("SELECT count(*) AS n FROM app_versions WHERE state = 'PUBLISHED'")
        .pluck()
        .get() as number;
      return { cookie, apps: appsOf(handle, developerOf(handle)), published };
    })();
  } finally {
    handle.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    handle.close();
  }
}

function developerOf(handle: RawHandle): string {
  return handle
    .prepare(`SELECT developer_id FROM apps WHERE status = 'PUBLISHED' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1`)
    .pluck()
    .get() as string;
}

function addSession(handle: RawHandle): string {
  const developerId = developerOf(handle);
  const token = `bench-${developerId}`;
  const now = Date.now();
  handle
    .prepare(
      `INSERT OR REPLACE INTO sessions (id, developer_id, kind, created_at, last_used_at, expires_at, absolute_expires_at, public_id)
       VALUES (?, ?, 'PORTAL', ?, ?, ?, ?, ?)`,
    )
    .run(
      createHash('sha256').update(token).digest('hex'),
      developerId,
      ...[now, now, now + 30 * DAY_MS, now + 90 * DAY_MS].map(stamp),
      `public-${developerId}`,
    );
  return `mosis=${token}`;
}

function appsOf(handle: RawHandle, developerId: string): BenchApp[] {
  return handle
    .prepare<[string], BenchApp>(
      `SELECT a.package_id AS packageId, v.id AS versionId, max(v.version_code) AS versionCode FROM apps a
       JOIN app_versions v ON v.app_id = a.id AND v.state = 'PUBLISHED'
       WHERE a.developer_id = ? AND a.status = 'PUBLISHED' GROUP BY a.id ORDER BY a.id`,
    )
    .all(developerId);
}
