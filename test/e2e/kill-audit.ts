/** Owns the reckoning after the kills: reads the stopped server's database and says what is lost, doubled or illegal. It changes nothing. */
import Sqlite from 'better-sqlite3';
import { FATES, type WalkedVersion } from './kill-lanes.ts';

/** The audit rows one version of each fate leaves, each exactly once. */
const ACTS: Readonly<Record<WalkedVersion['fate'], readonly string[]>> = {
  approved: ['version.create', 'version.publish', 'version.submit'],
  rejected: ['version.create', 'version.submit'],
  automatic: ['review.approve', 'version.create', 'version.publish', 'version.submit'],
  broken: ['review.reject', 'version.create', 'version.submit'],
  withdrawn: ['version.create', 'version.withdraw'],
};

/** What a person's decision leaves on its review. */
const REVIEW_ACTS: Readonly<Partial<Record<WalkedVersion['fate'], readonly string[]>>> = {
  approved: ['review.approve', 'review.claim'],
  rejected: ['review.claim', 'review.reject'],
};

/** The event types one version of each fate leaves, checks and findings aside, in order. */
const STORY: Readonly<Record<WalkedVersion['fate'], readonly string[]>> = {
  approved: ['UPLOADED', 'SUBMITTED', 'CHECKS_PASSED', 'QUEUED', 'CLAIMED', 'APPROVED', 'PUBLISHED'],
  rejected: ['UPLOADED', 'SUBMITTED', 'CHECKS_PASSED', 'QUEUED', 'CLAIMED', 'REJECTED'],
  automatic: ['UPLOADED', 'SUBMITTED', 'CHECKS_PASSED', 'APPROVED', 'PUBLISHED'],
  broken: ['UPLOADED', 'SUBMITTED', 'CHECKS_FAILED', 'REJECTED'],
  withdrawn: ['UPLOADED', 'WITHDRAWN'],
};
const CHECK_TYPES = new Set(['CHECK_STARTED', 'CHECK_FINISHED', 'FINDING']);

/** Everything that is wrong, one line each; empty when all is well. */
export function reckon(databasePath: string, versions: readonly WalkedVersion[], checks: readonly string[]): string[] {
  const db = new Sqlite(databasePath, { readonly: true });
  const column = (sql: string, ...parameters: unknown[]) =>
    db
      .prepare<unknown[], string>(sql)
      .pluck()
      .all(...parameters);
  try {
    return [...wrongCounts(column, versions), ...versions.flatMap((version) => wrongVersion(column, version, checks))];
  } finally {
    db.close();
  }
}

type Column = (sql: string, ...parameters: unknown[]) => string[];

function differs(what: string, got: readonly unknown[], expected: readonly unknown[]): string[] {
  return JSON.stringify(got) === JSON.stringify(expected)
    ? []
    : [`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(expected)}`];
}

function wrongCounts(column: Column, versions: readonly WalkedVersion[]): string[] {
  const [head] = column('SELECT n FROM event_head');
  const n = column('SELECT n FROM events ORDER BY n').map(Number);
  return [
    ...differs('versions', column('SELECT count(*) FROM app_versions'), [versions.length]),
    ...differs('uploads', column("SELECT count(*) FROM uploads WHERE state = 'ACCEPTED'"), [versions.length]),
    ...differs('unfinished uploads', column("SELECT id FROM uploads WHERE state <> 'ACCEPTED'"), []),
    ...differs(
      'unfinished jobs',
      column("SELECT key FROM jobs WHERE state <> 'DONE' AND kind IN ('gate-upload', 'check-version')"),
      [],
    ),
    ...differs('gaps between cursors', n.filter((value, index) => value !== index + 1).slice(0, 5), []),
    ...differs('the event head', [Number(head)], [n.length]),
    ...differs('database', column('PRAGMA integrity_check'), ['ok']),
  ];
}

function wrongVersion(column: Column, version: WalkedVersion, checks: readonly string[]): string[] {
  const { key, fate, versionCode } = version;
  const name = `version ${versionCode} (${fate})`;
  const events = column('SELECT type FROM events WHERE version_id = ? ORDER BY n', key);
  const reviewActs = column(
    'SELECT action FROM audit_logs WHERE resource_id IN (SELECT id FROM reviews WHERE version_id = ?) ORDER BY action',
    key,
  );
  const started = column(
    "SELECT json_extract(payload, '$.check') FROM events WHERE version_id = ? AND type = 'CHECK_STARTED' ORDER BY n",
    key,
  );
  const finished = column(
    "SELECT json_extract(payload, '$.check') FROM events WHERE version_id = ? AND type = 'CHECK_FINISHED' ORDER BY n",
    key,
  );
  // Checks run side by side: each once, in whatever order.
  const expectedChecks = fate === 'withdrawn' ? [] : checks.toSorted();
  return [
    ...differs(`${name} state`, column('SELECT state FROM app_versions WHERE id = ?', key), [FATES[fate]]),
    ...differs(`${name} bytes`, column('SELECT package_sha256 FROM app_versions WHERE id = ?', key), [version.sha256]),
    ...differs(
      `${name} events`,
      events.filter((type) => !CHECK_TYPES.has(type)),
      STORY[fate],
    ),
    ...differs(`${name} checks started`, started.toSorted(), expectedChecks),
    ...differs(`${name} checks finished`, finished.toSorted(), expectedChecks),
    ...differs(
      `${name} check rows`,
      column('SELECT "check" FROM check_runs WHERE version_id = ? ORDER BY "check"', key),
      expectedChecks,
    ),
    ...differs(
      `${name} audit`,
      column("SELECT action FROM audit_logs WHERE resource_id = ? AND action NOT LIKE 'upload.%' ORDER BY action", key),
      ACTS[fate],
    ),
    ...differs(`${name} review audit`, reviewActs, REVIEW_ACTS[fate] ?? []),
    ...differs(
      `${name} upload audit`,
      column("SELECT action FROM audit_logs WHERE resource_id = ? AND resource_type = 'upload'", version.uploadKey),
      ['upload.create'],
    ),
    ...differs(
      `${name} findings`,
      column('SELECT count(*) - count(DISTINCT position) FROM findings WHERE version_id = ?', key),
      [0],
    ),
  ];
}
