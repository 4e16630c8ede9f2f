/** A rescan flags what today's checks find in published versions and their own had not; it changes no state by itself. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import {
  createSeed,
  type Developer,
  globalId,
  type Person,
  type Reviewer,
  type VersionHandle,
} from '../support/seed.ts';

/** Gets a warning from the Lua check that the test then takes out of the record, as if the rule were newer than the version. */
const TALKATIVE = 'local function spin()\n  while true do\n    local x = 1\n  end\nend\nreturn spin\n';

let app: TestApp;
let ada: Developer;
let rita: Reviewer;
let grace: Person;
beforeEach(async () => {
  app = await startApp();
  const seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer();
  grace = await seed.admin();
});
afterEach(() => app.close());

async function published(packageId: string, files: Record<string, string> = {}): Promise<VersionHandle> {
  const handle = await ada.app(packageId);
  const version = await handle.upload({ permissions: ['storage', 'network'], files });
  await version.published(rita);
  return version;
}

/** Makes the version's record that of rules which did not know the warning yet. */
function forget(version: VersionHandle): number {
  const db = new Sqlite(join(app.dataDir, 'core.db'));
  try {
    return db.prepare("DELETE FROM findings WHERE version_id = ? AND severity = 'WARNING'").run(version.key).changes;
  } finally {
    db.close();
  }
}

interface RescanView {
  readonly id: string;
  readonly state: string;
  readonly total: number;
  readonly checked: number;
  readonly flagged: number;
  readonly crashed: number;
  readonly startedByName: string | null;
  readonly flags: {
    readonly nodes: readonly {
      readonly warnings: number;
      readonly findings: readonly { code: string }[];
      readonly version: { id: string };
    }[];
  };
}
const VIEW = `id state total checked flagged crashed startedByName
  flags(first: 10) { nodes { errors warnings findings { code severity file line } version { id } } }`;
const START = `mutation { startRescan { __typename ... on StartRescanPayload { rescan { ${VIEW} } } ... on Error { code message } } }`;

async function rescan(): Promise<RescanView> {
  const { rescan: begun } = await grace.mutate<{ rescan: RescanView }>(START);
  await app.services.jobs.idle();
  const { node } = await grace.query<{ node: RescanView }>(
    `query($id: ID!) { node(id: $id) { ... on Rescan { ${VIEW} } } }`,
    {
      id: begun.id,
    },
  );
  return node;
}

const states = () => app.rows('SELECT id, state, round, state_reason FROM app_versions ORDER BY id');

it('flags a version with what its own checks had not, has a reviewer look, and leaves every state as it was', async () => {
  const fine = await published('com.example.fine');
  const talkative = await published('com.example.talkative', { 'assets/main.lua': TALKATIVE });
  expect((await rescan()).flagged).toBe(0);
  expect(forget(talkative)).toBeGreaterThan(0);
  const before = states();
  const result = await rescan();
  expect(result).toMatchObject({ state: 'DONE', total: 2, checked: 2, flagged: 1, crashed: 0, startedByName: 'Grace' });
  expect(result.flags.nodes.map(({ version }) => version.id)).toEqual([talkative.id]);
  expect(result.flags.nodes[0]?.findings.length).toBeGreaterThan(0);
  expect(states()).toEqual(before);
  expect([await fine.state(), await talkative.state()]).toEqual(['PUBLISHED', 'PUBLISHED']);
  expect(app.rows('SELECT version_id, kind, state FROM reviews WHERE kind = ?', 'RESCAN')).toEqual([
    { version_id: talkative.key, kind: 'RESCAN', state: 'QUEUED' },
  ]);
  const { version } = await ada.query<{ version: { rescanFlags: { warnings: number }[] } }>(
    'query($id: ID!) { version(id: $id) { rescanFlags { errors warnings findings { code } } } }',
    { id: talkative.id },
  );
  expect(version.rescanFlags).toHaveLength(1);
  expect(app.rows("SELECT via, action FROM audit_logs WHERE action = 'admin.rescan'")).toHaveLength(2);
});

it('asks no second time for what a reviewer has accepted', async () => {
  const talkative = await published('com.example.talkative', { 'assets/main.lua': TALKATIVE });
  forget(talkative);
  expect((await rescan()).flagged).toBe(1);
  // While the first review is open, another rescan flags again and opens none.
  expect((await rescan()).flagged).toBe(1);
  const [review] = app.rows<{ id: string }>("SELECT id FROM reviews WHERE kind = 'RESCAN'");
  expect(app.rows("SELECT id FROM reviews WHERE kind = 'RESCAN'")).toHaveLength(1);
  const { review: claimed } = await rita.done<{ review: { claimId: string } }>(
    'claimReview',
    { reviewId: globalId('Review', review?.id ?? '') },
    'review { claimId }',
  );
  await rita.done('approveReview', { reviewId: globalId('Review', review?.id ?? ''), claimId: claimed.claimId });
  expect(await talkative.state()).toBe('PUBLISHED');
  expect((await rescan()).flagged).toBe(0);
});

it('counts a version that cannot be read as crashed, and goes on', async () => {
  const gone = await published('com.example.gone');
  await published('com.example.there');
  const path = join(app.dataDir, 'blobs', 'packages', gone.app.packageId, '1', 'package.mosis');
  await rm(path);
  const result = await rescan();
  expect(result).toMatchObject({ state: 'DONE', checked: 2, crashed: 1 });
  expect(await gone.state()).toBe('PUBLISHED');
  await writeFile(path, gone.bytes);
});

describe('who may', () => {
  it('only an admin starts, sees and cancels rescans', async () => {
    for (const viewer of [app.client(), ada, rita]) {
      const started = await viewer.send(START);
      expect(started.text).toMatch(/FORBIDDEN|UNAUTHENTICATED/);
      expect((await viewer.send('{ rescans { nodes { id } } }')).text).toMatch(/FORBIDDEN|UNAUTHENTICATED/);
    }
    expect(app.rows('SELECT id FROM rescans')).toEqual([]);
  });

  it('a rescan is cancelled once; its job ends by itself', async () => {
    await published('com.example.fine');
    await app.services.jobs.stop();
    const { rescan: begun } = await grace.mutate<{ rescan: RescanView }>(START);
    const second = await grace.mutate<{ code: string }>(START);
    expect(second.code).toBe('STATE_CONFLICT');
    const ended = await grace.done<{ rescan: RescanView }>(
      'cancelRescan',
      { rescanId: begun.id },
      `rescan { ${VIEW} }`,
    );
    expect(ended.rescan).toMatchObject({ state: 'CANCELLED', checked: 0 });
    expect((await grace.act('cancelRescan', { rescanId: begun.id })).code).toBe('STATE_CONFLICT');
    await app.services.jobs.start({ alone: true });
    await app.services.jobs.idle();
    expect(app.rows("SELECT state FROM jobs WHERE kind = 'rescan'")).toEqual([{ state: 'DONE' }]);
    expect(app.rows('SELECT state, checked FROM rescans')).toEqual([{ state: 'CANCELLED', checked: 0 }]);
  });
});

describe('a job', () => {
  it('that is dead is tried again by an admin, with an audit row; a failed rescan goes on', async () => {
    await published('com.example.fine');
    await app.services.jobs.stop();
    const { rescan: begun } = await grace.mutate<{ rescan: RescanView }>(START);
    const db = new Sqlite(join(app.dataDir, 'core.db'));
    db.exec("UPDATE jobs SET state = 'DEAD' WHERE kind = 'rescan'; UPDATE rescans SET state = 'FAILED'");
    db.close();
    await app.services.jobs.start({ alone: true });
    const [job] = app.rows<{ id: string }>("SELECT id FROM jobs WHERE kind = 'rescan'");
    const jobId = globalId('Job', job?.id ?? '');
    expect((await rita.act('retryJob', { jobId })).code).toBe('FORBIDDEN');
    await grace.done('retryJob', { jobId });
    await app.services.jobs.idle();
    expect(app.rows('SELECT state, checked FROM rescans')).toEqual([{ state: 'DONE', checked: 1 }]);
    expect(app.rows("SELECT resource_id FROM audit_logs WHERE action = 'admin.retry_job'")).toEqual([
      { resource_id: job?.id },
    ]);
    expect((await grace.act('retryJob', { jobId })).code).toBe('STATE_CONFLICT');
    expect(begun.state).toBe('RUNNING');
  });
});
