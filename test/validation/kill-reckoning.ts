/** Owns the reckoning after kills during checks: reads a stopped server's database and says what is lost, doubled or undecided. */
import Sqlite from 'better-sqlite3';
import { ARCHIVE_CHECK_NAME } from '../../format/checks/archive.ts';
import { CHECKS } from '../../format/checks/registry.ts';

/** The state that the checks leave a version in. */
export type SubmittedFate = 'APPROVED' | 'REJECTED' | 'IN_REVIEW';

export interface KilledVersion {
  /** Id in the database. */
  readonly key: string;
  readonly fate: SubmittedFate;
}

const ALL_CHECKS = [ARCHIVE_CHECK_NAME, ...CHECKS.map(({ name }) => name), 'provenance'].sort();
/** What follows the checks, by fate. */
const ENDS: Readonly<Record<SubmittedFate, readonly string[]>> = {
  APPROVED: ['CHECKS_PASSED', 'APPROVED'],
  REJECTED: ['CHECKS_FAILED', 'REJECTED'],
  IN_REVIEW: ['CHECKS_PASSED', 'QUEUED'],
};
const AUDIT: Readonly<Record<SubmittedFate, readonly string[]>> = {
  APPROVED: ['review.approve', 'version.create', 'version.submit'],
  REJECTED: ['review.reject', 'version.create', 'version.submit'],
  IN_REVIEW: ['version.create', 'version.submit'],
};
const OF_CHECKS = new Set(['CHECK_STARTED', 'CHECK_FINISHED', 'FINDING']);

/** Everything that is wrong, one line each, and what there is in one line. */
export function reckonChecks(
  databasePath: string,
  versions: readonly KilledVersion[],
): { readonly wrong: string[]; readonly tally: string } {
  const db = new Sqlite(databasePath, { readonly: true });
  try {
    const column = (sql: string, ...parameters: unknown[]) =>
      db
        .prepare<unknown[], string>(sql)
        .pluck()
        .all(...parameters);
    const dead = new Set(
      versions.filter(({ key }) => jobStates(column, key)[0] === 'DEAD').map((version) => version.key),
    );
    const wrong = versions.flatMap((version) => wrongVersion(column, version, dead.has(version.key)));
    if (column('PRAGMA integrity_check')[0] !== 'ok') wrong.push('the database is damaged');
    const states = column(
      "SELECT count(*) || ' ' || state FROM app_versions WHERE version_code > 1 GROUP BY state ORDER BY state",
    );
    const [attempts] = column("SELECT max(attempt) FROM jobs WHERE kind = 'check-version'");
    return { wrong, tally: `${states.join(', ')}, at most ${attempts} attempts, ${dead.size} given up` };
  } finally {
    db.close();
  }
}

type Column = (sql: string, ...parameters: unknown[]) => string[];

function jobStates(column: Column, key: string): string[] {
  return column("SELECT state FROM jobs WHERE kind = 'check-version' AND payload LIKE ?", `%${key}%`);
}

/** `givenUp`: its job was lost more often than any may be, so that its checks crashed and a person must look. */
function wrongVersion(column: Column, { key, fate: usual }: KilledVersion, givenUp: boolean): string[] {
  const crashes = column('SELECT "check" FROM check_runs WHERE version_id = ? AND state = \'CRASHED\'', key);
  const errors = column('SELECT id FROM check_runs WHERE version_id = ? AND errors > 0', key);
  const fate = givenUp && errors.length === 0 ? 'IN_REVIEW' : givenUp ? 'REJECTED' : usual;
  const wrong: string[] = [];
  const same = (what: string, got: readonly unknown[], expected: readonly unknown[]) => {
    if (JSON.stringify(got) === JSON.stringify(expected)) return;
    wrong.push(`${fate} ${key}: ${what} ${JSON.stringify(got)} instead of ${JSON.stringify(expected)}`);
  };
  const events = column('SELECT type FROM events WHERE version_id = ? ORDER BY n', key);
  const checksTold = (type: string) =>
    column(
      "SELECT json_extract(payload, '$.check') AS name FROM events WHERE version_id = ? AND type = ? ORDER BY name",
      key,
      type,
    );
  same('state', column('SELECT state FROM app_versions WHERE id = ?', key), [fate]);
  const story = events.filter((type) => !OF_CHECKS.has(type));
  same('events', story, ['UPLOADED', 'SUBMITTED', ...ENDS[fate]]);
  // Nothing about checks is told after the conclusion.
  same('last events', events.slice(-2), ENDS[fate]);
  const began = givenUp ? ALL_CHECKS.filter((name) => checksTold('CHECK_FINISHED').includes(name)) : ALL_CHECKS;
  same('checks finished', checksTold('CHECK_FINISHED'), began);
  // A check that crashed before it began has no start.
  const started = checksTold('CHECK_STARTED');
  same('checks started', started, givenUp ? began.filter((name) => started.includes(name)) : began);
  same('check rows', column('SELECT "check" FROM check_runs WHERE version_id = ? ORDER BY "check"', key), began);
  same(
    'running checks',
    column('SELECT "check" FROM check_runs WHERE version_id = ? AND state = \'RUNNING\'', key),
    [],
  );
  if (!givenUp) same('crashed checks', crashes, []);
  const findings = column('SELECT id FROM findings WHERE version_id = ? ORDER BY id', key);
  const findingEvents =
    "SELECT json_extract(payload, '$.findingId') AS id FROM events WHERE version_id = ? AND type = 'FINDING' ORDER BY id";
  same('findings told', column(findingEvents, key), findings);
  const doubled = `SELECT code || ' ' || coalesce(file, '') FROM findings WHERE version_id = ?
    GROUP BY check_run_id, code, file, line, "column", message HAVING count(*) > 1`;
  same('doubled findings', column(doubled, key), []);
  same(
    'audit',
    column("SELECT action FROM audit_logs WHERE resource_id = ? AND resource_type = 'version' ORDER BY action", key),
    AUDIT[fate],
  );
  const reviews = column('SELECT state FROM reviews WHERE version_id = ?', key);
  same('reviews', reviews, fate === 'IN_REVIEW' ? ['QUEUED'] : []);
  same('job', jobStates(column, key), [givenUp ? 'DEAD' : 'DONE']);
  return wrong;
}
