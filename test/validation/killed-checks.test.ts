/** The process is killed while the checks run, twice; after the next start there is one final state and nothing is told twice. */
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ARCHIVE_CHECK_NAME } from '../../format/checks/archive.ts';
import { CHECKS } from '../../format/checks/registry.ts';
import { freePort, type ServerProcess, startServer } from '../e2e/server-process.ts';
import { startApp } from '../support/app.ts';
import { createClient, type Session } from '../support/client.ts';
import { createSeed, type VersionHandle } from '../support/seed.ts';
import { SLOW_SCRIPTS } from './stand.ts';

const ALL_CHECKS = [ARCHIVE_CHECK_NAME, ...CHECKS.map((check) => check.name), 'provenance'];
let dataDir: string;
let draft: VersionHandle;
let session: Session;
let server: ServerProcess | null = null;
beforeAll(async () => {
  const app = await startApp();
  dataDir = app.dataDir;
  const ada = await createSeed(app).developer('Ada');
  session = ada.session;
  draft = await (await ada.app()).upload({ files: SLOW_SCRIPTS });
  await app.close({ keep: true });
});
afterAll(async () => {
  await server?.kill();
  await rm(dirname(dataDir), { recursive: true, force: true });
});

function rows<Row = Record<string, unknown>>(sql: string): Row[] {
  const db = new Sqlite(join(dataDir, 'core.db'), { readonly: true });
  try {
    return db.prepare(sql).all(draft.key) as Row[];
  } finally {
    db.close();
  }
}
const countOf = (where: string) => rows(`SELECT id FROM check_runs WHERE version_id = ? AND ${where}`).length;
const stateNow = () => rows<{ state: string }>('SELECT state FROM app_versions WHERE id = ?')[0]?.state;

it('a killed process loses no check and repeats none', async () => {
  // One thread: checks end in the order in which they begin.
  const options = { dataDir, port: await freePort(), env: { CHECK_THREADS: '1' } };
  server = await startServer(options);
  await createClient(server.url, session).done('submitVersion', { versionId: draft.id });
  await expect.poll(() => countOf(`state = 'RUNNING'`), { timeout: 10_000, interval: 5 }).toBeGreaterThan(0);
  await server.kill();
  expect(stateNow()).toBe('SUBMITTED');
  const ended = countOf(`state <> 'RUNNING'`);

  server = await startServer(options);
  await expect.poll(() => countOf(`state <> 'RUNNING'`), { timeout: 10_000, interval: 5 }).toBeGreaterThan(ended);
  await server.kill();

  server = await startServer(options);
  await expect.poll(stateNow, { timeout: 15_000, interval: 50 }).toBe('IN_REVIEW');
  const events = rows<{ type: string; payload: string }>(
    'SELECT type, payload FROM events WHERE version_id = ? ORDER BY n',
  );
  const told = events.map(({ type, payload }) => [type, (JSON.parse(payload) as { check?: string }).check]);
  expect(told).toEqual([
    ['UPLOADED', undefined],
    ['SUBMITTED', undefined],
    ...ALL_CHECKS.flatMap((check) => [
      ['CHECK_STARTED', check],
      ['CHECK_FINISHED', check],
    ]),
    ['CHECKS_PASSED', undefined],
    ['QUEUED', undefined],
  ]);
  expect(countOf(`state = 'PASSED'`)).toBe(ALL_CHECKS.length);
  expect(rows('SELECT state FROM reviews WHERE version_id = ?')).toEqual([{ state: 'QUEUED' }]);
  const path = join(dataDir, 'blobs', 'packages', draft.app.packageId, '1', 'package.mosis');
  expect((await readFile(path)).equals(draft.bytes)).toBe(true);
}, 60_000);
