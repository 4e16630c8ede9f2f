/** Versions whose checks break go to a person with everything the other checks found; nobody else's package waits for them. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Finding } from '../../format/findings.ts';
import { type CheckWorker, createCheckWorker } from '../../server/validation/check-worker.ts';
import { type ContextCheck, runContextChecks } from '../../server/validation/context-checks.ts';
import type { CheckProgress } from '../../server/validation/messages.ts';
import type { SubmittedVersion } from '../../server/validation/service.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type AppHandle, createSeed, type Developer, type Reviewer, type Seed } from '../support/seed.ts';
import { CHECKS, MODULE, trigger } from './hostile-checks.ts';
import { checksOf, jobsOf, told } from './stand.ts';

const ALL_CHECKS = ['archive', ...CHECKS.map(({ name }) => name), 'provenance'];
let app: TestApp;
let seed: Seed;
let ada: Developer;
let rita: Reviewer;
/** Of a developer who is known, so that only broken checks bring a person in. */
let notes: AppHandle;
let pool: CheckWorker;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer();
  notes = await ada.app('com.example.notes');
  await (await notes.upload()).published(rita);
  pool = createCheckWorker({
    maxPackageBytes: 50 * 1024 * 1024,
    threads: 2,
    budgetMs: (check) => (check === 'loops' ? 4_000 : 10_000),
    registry: { module: MODULE, checks: CHECKS },
  });
  vi.spyOn(app.services.checks, 'inspect').mockImplementation(pool.inspect);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await pool.close();
  await app.close();
});

const files = (...checks: readonly string[]) => Object.fromEntries(checks.map((check) => [trigger(check), 'x']));

function findingsOf(key: string) {
  return app.rows<{ code: string; check: string }>(
    `SELECT f.code, r."check" FROM findings f JOIN check_runs r ON r.id = f.check_run_id
     WHERE f.version_id = ? AND f.severity <> 'NOTICE' ORDER BY f.position`,
    key,
  );
}

describe.each([['throws'], ['loops'], ['hoards'], ['quits']])('a version on which a check %s', (name) => {
  it('waits for a person, once, with the results of all other checks', async () => {
    const version = await notes.upload({ files: files(name) });
    expect(await version.submitted()).toBe('IN_REVIEW');
    const rows = checksOf(app, version.key);
    expect(rows.map((row) => row.name).sort()).toEqual([...ALL_CHECKS].sort());
    expect(rows.filter(({ state }) => state === 'CRASHED').map((row) => row.name)).toEqual([name]);
    expect(rows.filter(({ state }) => state === 'RUNNING')).toEqual([]);
    expect(findingsOf(version.key).filter(({ code }) => code === 'CHECK_CRASHED')).toEqual([
      { code: 'CHECK_CRASHED', check: name },
    ]);
    expect(told(app, version.key, 'CHECK_STARTED')).toEqual(ALL_CHECKS);
    expect(told(app, version.key, 'CHECK_FINISHED')).toEqual(ALL_CHECKS);
    const [row] = app.rows<{ reasons: string }>(
      'SELECT review_reasons AS reasons FROM app_versions WHERE id = ?',
      version.key,
    );
    expect(JSON.parse(row?.reasons ?? '[]')).toContain('CHECK_CRASHED');
    expect(jobsOf(app, 'check-version', version.key)).toEqual([{ state: 'DONE', attempt: 1 }]);
  }, 30_000);
});

it('a version with an error is refused, also where another check breaks', async () => {
  const version = await notes.upload({
    files: { ...files('throws', 'quits'), 'assets/main.lua': 'load("return 1")()\n' },
  });
  expect(await version.submitted()).toBe('REJECTED');
  expect(findingsOf(version.key).filter(({ code }) => code === 'CHECK_CRASHED')).toHaveLength(2);
});

it('an upload passes the gate, and another version its checks, while one is in an endless loop', async () => {
  const stuck = await notes.upload({ files: files('loops') });
  const other = await (await ada.app('com.example.other')).upload();
  await ada.done('submitVersion', { versionId: stuck.id });
  await seed.event(
    ({ type, versionId, payload }) => versionId === stuck.key && type === 'CHECK_STARTED' && payload.check === 'loops',
  );
  const draft = await notes.upload({ version_code: 40 });
  await other.submitted();
  await seed.event(({ type, versionId }) => versionId === stuck.key && type === 'QUEUED');
  const position = (key: string, type: string, check: string | null = null) =>
    app.rows<{ n: number }>(
      `SELECT n FROM events WHERE version_id = ? AND type = ? AND (? IS NULL OR json_extract(payload, '$.check') = ?)`,
      key,
      type,
      check,
      check,
    )[0]?.n ?? Number.NaN;
  const over = position(stuck.key, 'CHECK_FINISHED', 'loops');
  expect(position(draft.key, 'UPLOADED')).toBeLessThan(over);
  expect(position(other.key, 'CHECKS_PASSED')).toBeLessThan(over);
});

describe('a check in context', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.dispose());
  const version: SubmittedVersion = {
    id: 'v',
    appId: 'a',
    versionCode: 1,
    packageSha256: '',
    state: 'SUBMITTED',
    round: 1,
    app: { packageId: 'com.example.notes' },
  };
  const found: Finding = { code: 'X', severity: 'warning', message: 'm', help: 'h' };

  async function run(
    checks: readonly ContextCheck[],
    skip: readonly string[] = [],
    signal = new AbortController().signal,
  ) {
    const told: CheckProgress[] = [];
    const onProgress = (progress: CheckProgress) => void told.push(progress);
    await runContextChecks({ checks, version, db: database.db.prisma, skip, signal, onProgress, budgetMs: () => 50 });
    return told;
  }

  const good: ContextCheck = { name: 'good', run: async () => [found] };

  it('that throws or does not answer has crashed, is told that its time is up, and the next one runs', async () => {
    let told = false;
    const throws: ContextCheck = { name: 'throws', run: () => Promise.reject(new Error('no such table')) };
    const hangs: ContextCheck = {
      name: 'hangs',
      run: (_version, _db, signal) =>
        new Promise(() =>
          signal.addEventListener('abort', () => {
            told = true;
          }),
        ),
    };
    const progress = await run([throws, hangs, good]);
    expect(progress).toMatchObject([
      { type: 'start', check: 'throws' },
      { type: 'end', check: 'throws', findings: [], crash: 'no such table' },
      { type: 'start', check: 'hangs' },
      { type: 'end', check: 'hangs', findings: [], crash: 'no result within 50 ms' },
      { type: 'start', check: 'good' },
      { type: 'end', check: 'good', findings: [found], crash: null },
    ]);
    expect(told).toBe(true);
  });

  it('that is over is skipped', async () => {
    expect(await run([good], ['good'])).toEqual([]);
  });

  it('that is interrupted has no result', async () => {
    const stop = new AbortController();
    const interrupts: ContextCheck = {
      name: 'interrupts',
      run: async () => {
        stop.abort(new Error('the server stops'));
        return [];
      },
    };
    await expect(run([interrupts, good], [], stop.signal)).rejects.toThrow('the server stops');
  });
});
