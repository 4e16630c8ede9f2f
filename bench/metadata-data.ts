/**
 * Owns what a seeded data folder (`npm run seed -- --large`) lacks for signed metadata: chains of pins, rollouts, and the place
 * of each version; and a session of a developer. It runs while no server uses the folder, and changes nothing twice.
 */
import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import RawDatabase, { type Database as RawHandle } from 'better-sqlite3';
import { pinStatementBytes } from '../format/pins.ts';
import { keyIdOf } from '../format/signing.ts';
import { binPrefixOf, targetPath } from '../format/trust/targets.ts';

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
      addPins(handle);
      addRollouts(handle);
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

function addPins(handle: RawHandle): void {
  const apps = handle
    .prepare<[], { id: string; packageId: string }>(
      `SELECT id, package_id AS packageId FROM apps WHERE status = 'PUBLISHED'
       AND NOT EXISTS (SELECT 1 FROM pin_links p WHERE p.app_id = apps.id)`,
    )
    .all();
  if (apps.length === 0) return;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }).subarray(-32));
  const key = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const keyId = keyIdOf(raw);
  const insert = handle.prepare('INSERT INTO pin_links VALUES (?, 1, ?, ?, ?, ?, 0, ?)');
  for (const { id, packageId } of apps) {
    const signature = sign(null, pinStatementBytes({ packageId, serial: 1, keyIds: [keyId] }), key).toString('base64');
    insert.run(id, JSON.stringify([keyId]), keyId, Buffer.from(raw).toString('base64'), signature, stamp(Date.now()));
  }
  handle.prepare("UPDATE app_versions SET signer_key_id = ? WHERE state = 'PUBLISHED'").run(keyId);
}

function addRollouts(handle: RawHandle): void {
  const versions = handle
    .prepare<[], { id: string; appId: string; code: number; packageId: string }>(
      `SELECT v.id, v.app_id AS appId, v.version_code AS code, a.package_id AS packageId FROM app_versions v
       JOIN apps a ON a.id = v.app_id WHERE v.state = 'PUBLISHED' AND v.metadata_bin IS NULL`,
    )
    .all();
  const place = handle.prepare('UPDATE app_versions SET metadata_bin = ? WHERE id = ?');
  const roll = handle.prepare(
    `INSERT OR IGNORE INTO rollouts (id, app_id, version_id, track, seed, basis_points, state, schedule, started_at, updated_at, finished_at)
     VALUES (?, ?, ?, 'STABLE', ?, 10000, 'COMPLETE', '[]', ?, ?, ?)`,
  );
  const at = stamp(Date.now() - 30 * DAY_MS);
  for (const { id, appId, code, packageId } of versions) {
    place.run(binPrefixOf(targetPath(packageId, code)), id);
    roll.run(`r-${id}`, appId, id, randomBytes(32).toString('hex'), at, at, at);
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
