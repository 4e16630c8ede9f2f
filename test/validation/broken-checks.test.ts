/** Checks that break: what a retry does again, what a late result changes, and that a person looks in the end. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ARCHIVE_CHECK_NAME } from '../../format/checks/archive.ts';
import { CHECKS } from '../../format/checks/registry.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { tusUpload } from '../support/client.ts';
import { createTestClock } from '../support/clock.ts';
import { type AppHandle, createSeed, type Developer, localId, type Seed, verdictOf } from '../support/seed.ts';
import { checksOf, drive, jobsOf, SLOW_SCRIPTS, told } from './stand.ts';

const ALL_CHECKS = [ARCHIVE_CHECK_NAME, ...CHECKS.map((check) => check.name), 'provenance'];
const clock = createTestClock(new Date());
let app: TestApp;
let seed: Seed;
let ada: Developer;
/** Of a developer who is known, so that only broken checks bring a person in. */
let notes: AppHandle;
beforeAll(async () => {
  // One thread: checks end in the order in which they begin.
  app = await startApp({ clock, env: { CHECK_THREADS: '1' } });
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  notes = await ada.app('com.example.notes');
  await (await notes.upload()).published(await seed.reviewer());
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(() => app.close());

/**
 * Ends the worker's thread each time the check starts, for so many runs; what it may have said since then is lost too.
 * Returns what each run was told to skip.
 */
function loseThreadAt(check: string, runs: number): (readonly string[])[] {
  const { checks } = app.services;
  const inspect = checks.inspect;
  const skipped: (readonly string[])[] = [];
  vi.spyOn(checks, 'inspect').mockImplementation((options) => {
    skipped.push(options.skip ?? []);
    if (skipped.length > runs) return inspect(options);
    let lost = false;
    return inspect({
      ...options,
      onProgress(progress) {
        if (lost) return;
        options.onProgress?.(progress);
        lost = progress.type === 'start' && progress.check === check;
        if (lost) void checks.close();
      },
    });
  });
  return skipped;
}

async function keepHouse(): Promise<void> {
  const key = `housekeeping-test:${clock.ms()}:${Math.random()}`;
  await app.services.work(async (unit) => unit.enqueue({ kind: 'housekeeping', key, payload: {} }));
  await expect.poll(() => app.rows('SELECT state FROM jobs WHERE key = ?', key)).toEqual([{ state: 'DONE' }]);
}

function reasonsOf(key: string): unknown {
  const [row] = app.rows<{ review_reasons: string }>('SELECT review_reasons FROM app_versions WHERE id = ?', key);
  return JSON.parse(row?.review_reasons ?? 'null');
}

describe('a lost worker thread', () => {
  it('has the rest of the checks run again: what had ended is skipped, and no start or end is told twice', async () => {
    const version = await notes.upload({ files: SLOW_SCRIPTS });
    const skipped = loseThreadAt('contents', 1);
    await ada.done('submitVersion', { versionId: version.id });
    await drive(app, clock, { kind: 'check-version', id: version.key });
    expect(skipped).toEqual([[], ['archive', 'manifest']]);
    expect(told(app, version.key, 'CHECK_STARTED')).toEqual(ALL_CHECKS);
    expect(told(app, version.key, 'CHECK_FINISHED')).toEqual(ALL_CHECKS);
    expect(checksOf(app, version.key).map(({ state }) => state)).toEqual(ALL_CHECKS.map(() => 'PASSED'));
    expect(await version.state()).toBe('APPROVED');
    expect(jobsOf(app, 'check-version', version.key)).toEqual([{ state: 'DONE', attempt: 2 }]);
  });

  it('on every attempt leaves the running check crashed and a person to decide, never an approval', async () => {
    const version = await notes.upload({ files: SLOW_SCRIPTS });
    const skipped = loseThreadAt('contents', 99);
    await ada.done('submitVersion', { versionId: version.id });
    await drive(app, clock, { kind: 'check-version', id: version.key });
    expect(skipped).toHaveLength(3);
    expect(await version.state()).toBe('IN_REVIEW');
    expect(reasonsOf(version.key)).toContain('CHECK_CRASHED');
    expect(checksOf(app, version.key)).toMatchObject([
      { name: 'archive', state: 'PASSED' },
      { name: 'contents', state: 'CRASHED' },
      { name: 'manifest', state: 'PASSED' },
    ]);
    const ran = ['archive', 'manifest', 'contents'];
    expect(told(app, version.key, 'CHECK_STARTED')).toEqual(ran);
    expect(told(app, version.key, 'CHECK_FINISHED')).toEqual(ran);
    const events = await version.events();
    expect(events.slice(-2)).toEqual(['CHECKS_PASSED', 'QUEUED']);
    const { version: shown, finding } = await ada.query(
      `query($id: ID!) { finding(code: "CHECK_CRASHED") { code title fix }
        version(id: $id) { findings { nodes { code severity message help } } } }`,
      { id: version.id },
    );
    expect(finding).toMatchObject({ code: 'CHECK_CRASHED', title: 'A check did not finish' });
    expect(shown).toMatchObject({
      findings: { nodes: [{ code: 'CHECK_CRASHED', severity: 'WARNING', help: (finding as { fix: string }).fix }] },
    });
  });
});

describe('whatever else fails on every attempt', () => {
  it('leaves a person to decide, as bytes that are not those that were uploaded', async () => {
    const version = await notes.upload();
    await writeFile(join(app.dataDir, 'blobs', 'drafts', `${version.key}.mosis`), 'other bytes');
    // The draft's bytes cannot be placed: the answer is an error, and yet the code is claimed.
    await ada.send('mutation($id: ID!) { submitVersion(input: { versionId: $id }) { __typename } }', {
      id: version.id,
    });
    await drive(app, clock, { kind: 'check-version', id: version.key });
    expect(checksOf(app, version.key)).toEqual([{ name: 'archive', state: 'CRASHED', errors: 0, warnings: 1 }]);
    expect(await version.state()).toBe('IN_REVIEW');
    expect(reasonsOf(version.key)).toContain('CHECK_CRASHED');
  });

  it('refuses an upload at the gate, with a finding that says what to do', async () => {
    const bytes = notes.package();
    const started = await notes.start(bytes);
    const key = localId(started.id);
    // No file can be put where a folder is.
    await mkdir(join(app.dataDir, 'blobs', 'drafts', `${key}.mosis`));
    await tusUpload(started, bytes);
    await drive(app, clock, { kind: 'gate-upload', id: key });
    const verdict = await verdictOf(ada, started.id);
    expect(verdict).toMatchObject({ state: 'REFUSED', version: null });
    expect(verdict.findings).toEqual([
      {
        code: 'CHECK_CRASHED',
        severity: 'ERROR',
        message: 'The package could not be read to its end, in several tries.',
      },
    ]);
    expect(jobsOf(app, 'gate-upload', key)).toEqual([{ state: 'DONE', attempt: 3 }]);
  });
});

describe('a job that died without a word', () => {
  async function bury(kind: string, id: string): Promise<void> {
    await app.services.work(async ({ tx }) => {
      const [job] = await tx.job.findMany({ where: { kind, state: 'READY' } });
      if (job === undefined || !JSON.stringify(job.payload).includes(id)) throw new Error('no such job waits');
      await tx.job.update({ where: { id: job.id }, data: { state: 'DEAD', finishedAt: clock.now() } });
    });
  }

  it('of the checks leaves a person to decide', async () => {
    const version = await notes.upload();
    await app.services.jobs.stop();
    await ada.done('submitVersion', { versionId: version.id });
    await bury('check-version', version.key);
    await app.services.jobs.start();
    expect(await version.state()).toBe('SUBMITTED');
    await keepHouse();
    expect(await version.state()).toBe('IN_REVIEW');
    expect(reasonsOf(version.key)).toContain('CHECK_CRASHED');
    expect(checksOf(app, version.key)).toMatchObject([{ name: 'archive', state: 'CRASHED' }]);
    const events = await version.events();
    await keepHouse();
    expect(await version.events()).toEqual(events);
  });

  it('of the checks is not waited for until housekeeping: the next start concludes it', async () => {
    const version = await notes.upload();
    await app.services.jobs.stop();
    await ada.done('submitVersion', { versionId: version.id });
    await bury('check-version', version.key);
    await app.services.jobs.start();
    await app.services.concludeAbandoned();
    expect(await version.state()).toBe('IN_REVIEW');
  });

  it('of the gate refuses the upload', async () => {
    const bytes = notes.package();
    const started = await notes.start(bytes);
    await app.services.jobs.stop();
    await tusUpload(started, bytes);
    await bury('gate-upload', localId(started.id));
    await app.services.jobs.start();
    await keepHouse();
    expect(await verdictOf(ada, started.id)).toMatchObject({
      state: 'REFUSED',
      findings: [{ code: 'CHECK_CRASHED', severity: 'ERROR' }],
    });
  });
});

describe('a stale worker', () => {
  it('that wakes up after another has finished changes nothing', async () => {
    const version = await notes.upload({
      files: { 'assets/main.lua': 'mosis.storage.get("greeting")\nwhile true do end\n' },
    });
    const { checks } = app.services;
    const inspect = checks.inspect;
    const asleep = Promise.withResolvers<void>();
    const late: Promise<unknown>[] = [];
    vi.spyOn(checks, 'inspect').mockImplementationOnce((options) => {
      // It slept through its lease; its signal never told it so.
      const { signal: _, ...rest } = options;
      const result = asleep.promise.then(() => inspect(rest));
      late.push(result);
      return result;
    });
    await ada.done('submitVersion', { versionId: version.id });
    await expect.poll(() => late.length).toBe(1);
    clock.advance(31_000);
    app.services.jobs.wake();
    await seed.event(({ type, versionId }) => versionId === version.key && type === 'CHECKS_PASSED');
    const facts = () => ({
      checks: checksOf(app, version.key),
      events: app.rows('SELECT n, type FROM events WHERE version_id = ? ORDER BY n', version.key),
      findings: app.rows('SELECT id, code FROM findings WHERE version_id = ?', version.key),
      job: jobsOf(app, 'check-version', version.key),
      state: app.rows('SELECT state FROM app_versions WHERE id = ?', version.key),
    });
    const before = facts();
    expect(before.job).toEqual([{ state: 'DONE', attempt: 2 }]);
    expect(before.findings).toHaveLength(1);
    asleep.resolve();
    expect(await late[0]).toMatchObject({ accepted: true });
    await app.services.jobs.idle();
    expect(facts()).toEqual(before);
  });
});

describe('a check that finds very much', () => {
  it('keeps every finding as a row, and tells the first 200 as events', async () => {
    const script = (index: number) =>
      `${Array.from({ length: 18 }, (_, at) => `load("return ${at}")()`).join('\n')}\nlocal a = { ${index} }\nwhile a do end\nwhile true do end\n`;
    const files = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`assets/loud${i}.lua`, script(i)]));
    const version = await notes.upload({ files });
    expect(await version.submitted()).toBe('REJECTED');
    const rows = app.rows(
      `SELECT f.position FROM findings f JOIN check_runs r ON r.id = f.check_run_id
       WHERE f.version_id = ? AND r."check" = 'lua'`,
      version.key,
    );
    expect(rows.length).toBeGreaterThan(210);
    expect(told(app, version.key, 'FINDING').filter((check) => check === 'lua')).toHaveLength(200);
    const lua = checksOf(app, version.key).find(({ name }) => name === 'lua');
    expect(lua).toMatchObject({ state: 'FAILED', errors: 200 });
    const { version: shown } = await ada.query<{ version: { findings: { totalCount: number } } }>(
      'query($id: ID!) { version(id: $id) { findings { totalCount } } }',
      { id: version.id },
    );
    expect(shown.findings.totalCount).toBeGreaterThanOrEqual(rows.length);
  });
});
