/** Owns the data of bench/queue.ts: accounts with sessions, apps with an approved version and one that waits, written as plain rows. */
import { createHash } from 'node:crypto';
import RawDatabase, { type Database as RawHandle } from 'better-sqlite3';
import { applyMigrations } from '../prisma/migrate.ts';
import { createIds } from '../server/platform/ids.ts';

const HOUR_MS = 3_600_000;
const DEVELOPERS = 500;
const REVIEWERS = 10;
const FILES = 25;
const FINDINGS = 6;
/** One waiting version in so many is an appeal, and one approved version in so many was reported. */
const APPEAL_EVERY = 20;
const REPORT_EVERY = 50;

export interface SeededQueue {
  /** Cookies of a reviewer, of an admin who is none, and of the developer whose versions wait. */
  readonly reviewer: string;
  readonly admin: string;
  readonly developer: string;
  /** Ids of waiting reviews, by due time. */
  readonly reviews: readonly string[];
  /** Ids of the developer's waiting versions. */
  readonly versions: readonly string[];
}

type Row = Record<string, unknown>;

/** Writes `waiting` apps with a version in the queue each into a new database. */
export async function seedQueue(path: string, waiting: number): Promise<SeededQueue> {
  await applyMigrations({ databasePath: path });
  const handle = new RawDatabase(path);
  handle.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF');
  try {
    return handle.transaction(() => fill(handle, waiting))();
  } finally {
    handle.exec('PRAGMA foreign_keys = ON; PRAGMA wal_checkpoint(TRUNCATE)');
    handle.close();
  }
}

function fill(handle: RawHandle, waiting: number): SeededQueue {
  let nowMs = Date.now() - 30 * HOUR_MS;
  const ids = createIds({ now: () => new Date(nowMs), ms: () => nowMs++ });
  const insert = inserter(handle);
  const people = addPeople(insert, ids.next);
  const reviews: { id: string; dueMs: number }[] = [];
  const versions: string[] = [];
  for (let index = 0; index < waiting; index += 1) {
    const developerId = people.developers[index % DEVELOPERS] ?? '';
    const made = addApp(insert, ids.next, {
      index,
      developerId,
      reviewers: people.reviewers,
      users: people.developers,
    });
    reviews.push(made.review);
    if (index % DEVELOPERS === 0) versions.push(made.versionId);
  }
  return {
    reviewer: people.reviewerCookie,
    admin: people.adminCookie,
    developer: people.developerCookie,
    reviews: reviews.toSorted((a, b) => a.dueMs - b.dueMs).map(({ id }) => id),
    versions,
  };
}

function addPeople(insert: Insert, next: () => string) {
  const account = (name: string, role: Row = {}): string => {
    const id = next();
    const at = stamp(Date.now() - 400 * 24 * HOUR_MS);
    const email = `${name.toLowerCase().replaceAll(' ', '.')}@example.org`;
    insert('developers', { id, email, name, status: 'ACTIVE', created_at: at, updated_at: at, ...role });
    return id;
  };
  const session = (developerId: string): string => {
    const token = `bench-${developerId}`;
    const now = stamp(Date.now());
    insert('sessions', {
      id: createHash('sha256').update(token).digest('hex'),
      developer_id: developerId,
      kind: 'PORTAL',
      created_at: now,
      last_used_at: now,
      expires_at: stamp(Date.now() + 30 * 24 * HOUR_MS),
      absolute_expires_at: stamp(Date.now() + 90 * 24 * HOUR_MS),
      public_id: next(),
    });
    return `mosis=${token}`;
  };
  const developers = Array.from({ length: DEVELOPERS }, (_, index) => account(`Developer ${index}`));
  const reviewers = Array.from({ length: REVIEWERS }, (_, index) => account(`Reviewer ${index}`, { reviewer: 1 }));
  const admin = account('Admin', { admin: 1 });
  return {
    developers,
    reviewers,
    reviewerCookie: session(reviewers[0] ?? ''),
    adminCookie: session(admin),
    developerCookie: session(developers[0] ?? ''),
  };
}

function addApp(
  insert: Insert,
  next: () => string,
  given: { index: number; developerId: string; reviewers: readonly string[]; users: readonly string[] },
): { versionId: string; review: { id: string; dueMs: number } } {
  const { index, developerId, reviewers, users } = given;
  const [appId, approvedId, waitingId] = [next(), next(), next()];
  const packageId = `org.example.queue${index}`;
  // Two days of submissions: the older half is over its due time.
  const submittedMs = Date.now() - 48 * HOUR_MS + Math.floor((index * 48 * HOUR_MS) / 5_000);
  const approvedMs = submittedMs - 20 * 24 * HOUR_MS;
  insert('apps', {
    id: appId,
    developer_id: developerId,
    package_id: packageId,
    name: `App ${index}`,
    tags: '[]',
    status: 'PUBLISHED',
    latest_version_id: approvedId,
    first_published_at: stamp(approvedMs),
    last_published_at: stamp(approvedMs),
    highest_code: 2,
    created_at: stamp(approvedMs),
    updated_at: stamp(approvedMs),
  });
  insert('app_members', { app_id: appId, developer_id: developerId, role: 'OWNER', created_at: stamp(approvedMs) });
  const version = { appId, packageId, developerId };
  addVersion(insert, next, { ...version, id: approvedId, code: 1, state: 'PUBLISHED', round: 1, atMs: approvedMs });
  const appeal = index % APPEAL_EVERY === 0;
  const round = appeal ? 2 : 1;
  addVersion(insert, next, { ...version, id: waitingId, code: 2, state: 'IN_REVIEW', round, atMs: submittedMs });
  const decidedBy = reviewers[index % reviewers.length] ?? '';
  const decided = (versionId: string, atMs: number, decision: string) =>
    addReview(insert, next(), { versionId, round: 1, kind: 'MANUAL', atMs, decision, decidedBy });
  decided(approvedId, approvedMs, 'APPROVED');
  if (appeal) decided(waitingId, submittedMs - 4 * HOUR_MS, 'REJECTED');
  if (index % REPORT_EVERY === 0) {
    addReview(insert, next(), { versionId: approvedId, round: 1, kind: 'REPORT', atMs: submittedMs });
    for (let nth = 1; nth <= 3; nth += 1)
      insert('reports', {
        id: next(),
        app_id: appId,
        version_id: approvedId,
        reporter_id: users[(index + nth) % users.length],
        reason: 'PRIVACY',
        body: 'It reads what it should not.',
        created_at: stamp(submittedMs),
      });
  }
  const id = next();
  const kind = appeal ? 'APPEAL' : 'MANUAL';
  const dueMs = addReview(insert, id, { versionId: waitingId, round, kind, atMs: submittedMs });
  return { versionId: waitingId, review: { id, dueMs } };
}

function addVersion(
  insert: Insert,
  next: () => string,
  given: {
    appId: string;
    packageId: string;
    developerId: string;
    id: string;
    code: number;
    state: string;
    round: number;
    atMs: number;
  },
): void {
  const { id, code, atMs } = given;
  const permissions = JSON.stringify(code === 1 ? ['storage'] : ['storage', 'camera']);
  const at = stamp(atMs);
  const sha256 = createHash('sha256').update(id).digest('hex');
  insert('app_versions', {
    id,
    app_id: given.appId,
    version_code: code,
    version_name: `1.${code}.0`,
    state: given.state,
    round: given.round,
    claimed_code: code,
    package_size: 200_000,
    package_sha256: sha256,
    unpacked_size: 600_000,
    manifest: JSON.stringify({ id: given.packageId, icons: { 64: 'icons/64.png' } }),
    permissions,
    min_mosis_version: '1.0.0',
    signature: 'x',
    signer_key_id: 'SHA256:bench',
    signer_public_key: 'x',
    platform_signature: code === 1 ? 'bench.x' : null,
    release_notes: 'Repairs.',
    review_reasons: code === 1 ? '[]' : '["DANGEROUS_PERMISSION"]',
    uploaded_by_id: given.developerId,
    created_at: at,
    updated_at: at,
    submitted_at: at,
    decided_at: code === 1 ? at : null,
    published_at: code === 1 ? at : null,
  });
  for (let file = 0; file < FILES; file += 1) {
    const changed = code === 2 && file % 5 === 0 ? 'b' : 'a';
    insert('version_files', {
      version_id: id,
      path: `assets/file${file}.rml`,
      size: 2_000,
      sha256: changed.repeat(64),
    });
  }
  const checkRunId = next();
  insert('check_runs', {
    id: checkRunId,
    version_id: id,
    round: 1,
    check: 'lua',
    state: 'WARNED',
    warnings: FINDINGS,
    ruleset: '1',
    started_at: at,
    finished_at: at,
  });
  for (let position = 0; position < FINDINGS; position += 1)
    insert('findings', {
      id: next(),
      version_id: id,
      check_run_id: checkRunId,
      position,
      code: 'LUA_GLOBAL',
      severity: 'WARNING',
      message: 'A global is written.',
      help: 'Make it local.',
      file: 'assets/file1.rml',
      line: position + 1,
    });
}

/** Answers when it is due. */
function addReview(
  insert: Insert,
  id: string,
  given: { versionId: string; round: number; kind: string; atMs: number; decision?: string; decidedBy?: string },
): number {
  const { atMs, decision, decidedBy } = given;
  const dueMs = atMs + 24 * HOUR_MS;
  insert('reviews', {
    id,
    version_id: given.versionId,
    round: given.round,
    kind: given.kind,
    approvals_needed: given.kind === 'MANUAL' || given.kind === 'APPEAL' ? 2 : 1,
    state: decision === undefined ? 'QUEUED' : 'DECIDED',
    reasons: given.kind === 'REPORT' ? '["USER_REPORTS"]' : '["DANGEROUS_PERMISSION"]',
    queued_at: stamp(atMs),
    due_at: stamp(dueMs),
    decision: decision ?? null,
    decided_by_id: decidedBy ?? null,
    policy_refs: '[]',
    decided_at: decision === undefined ? null : stamp(atMs + 3 * HOUR_MS),
  });
  return dueMs;
}

type Insert = (table: string, row: Row) => void;

function inserter(handle: RawHandle): Insert {
  const statements = new Map<string, ReturnType<RawHandle['prepare']>>();
  return (table, row) => {
    const columns = Object.keys(row);
    const sql = `INSERT INTO ${table} (${columns.map((name) => `"${name}"`).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
    const statement = statements.get(sql) ?? handle.prepare(sql);
    statements.set(sql, statement);
    statement.run(...Object.values(row));
  };
}

/** The form of the dates that the database adapter writes. */
function stamp(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '+00:00');
}
