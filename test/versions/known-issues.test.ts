// Notes on known issues: who writes them, what they may be, and how devices are told.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import type { Client } from '../support/client.ts';
import {
  type AppHandle,
  createSeed,
  type Developer,
  globalId,
  localId,
  type Reviewer,
  type Seed,
  type VersionHandle,
} from '../support/seed.ts';

let app: TestApp;
let seed: Seed;
let ada: Developer;
let rita: Reviewer;
let notes: AppHandle;
let first: VersionHandle;
let second: VersionHandle;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer('Rita');
  notes = await ada.app('com.example.noted');
  first = await notes.upload({ version: '1.0.0' });
  await first.published(rita);
  second = await notes.upload({ version: '1.1.0' });
  await second.published(rita);
});
afterEach(clear);
afterAll(() => app.close());

interface Issue {
  readonly id: string;
  readonly reason: string | null;
  readonly note: string;
}
const write = (who: Client, changes: Record<string, unknown> = {}) =>
  who.act<{ knownIssue: Issue }>(
    'noteKnownIssue',
    { versionId: second.id, note: 'Restart Mosis, then try again.', ...changes },
    'knownIssue { id reason note }',
  );
async function issuesOf(who: Client, version = second): Promise<Issue[] | null> {
  const answer = await who.query<{ version: { knownIssues: Issue[] } | null }>(
    'query($id: ID!) { version(id: $id) { knownIssues { id reason note } } }',
    { id: version.id },
  );
  return answer.version?.knownIssues ?? null;
}
async function clear(): Promise<void> {
  for (const { id } of (await issuesOf(ada)) ?? []) await ada.done('removeKnownIssue', { knownIssueId: id });
}

async function post(path: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${app.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
function batch(events: readonly unknown[], changes: Record<string, unknown> = {}) {
  return {
    batch_id: randomUUID(),
    app_id: notes.packageId,
    app_version: '1.0.0',
    version_code: 1,
    mosis_version: '1.0.0',
    device_id: 'ab'.repeat(32),
    consent: false,
    sent_at: new Date().toISOString(),
    events,
    ...changes,
  };
}
const failure = (to_code: number, reason: string, more: object = {}) => ({
  type: 'app_update_failed',
  at: new Date().toISOString(),
  data: { from_code: 1, to_code, reason, ...more },
});
const told = async (...events: unknown[]) => (await post('/v1/telemetry/events', batch(events))).body.known_issues;

describe('a note', () => {
  it('is written by the owner, replaced by the next on the same reason, and removed', async () => {
    const any = await write(ada);
    expect(any.knownIssue).toMatchObject({ reason: null, note: 'Restart Mosis, then try again.' });
    const refused = await write(ada, { reason: 'PACKAGE_REFUSED', note: 'Update Mosis first.' });
    expect((await write(ada, { note: 'Free some space.' })).knownIssue.id).toBe(any.knownIssue.id);
    expect(await issuesOf(ada)).toEqual([
      { id: any.knownIssue.id, reason: null, note: 'Free some space.' },
      { id: refused.knownIssue.id, reason: 'PACKAGE_REFUSED', note: 'Update Mosis first.' },
    ]);
    await ada.done('removeKnownIssue', { knownIssueId: any.knownIssue.id });
    expect(await issuesOf(ada)).toMatchObject([{ reason: 'PACKAGE_REFUSED' }]);
    expect(await ada.act('removeKnownIssue', { knownIssueId: any.knownIssue.id })).toMatchObject({ code: 'NOT_FOUND' });
    const audit = app.rows<{ action: string; resource_id: string }>(
      `SELECT action, resource_id FROM audit_logs WHERE action LIKE '%_issue' ORDER BY id`,
    );
    expect(audit).toEqual([
      ...new Array(3).fill({ action: 'version.note_issue', resource_id: second.key }),
      { action: 'version.remove_issue', resource_id: second.key },
    ]);
  });

  it('is for who may publish: to a stranger neither note nor version is there, others are refused', async () => {
    const { knownIssue } = await write(ada);
    const sam = await seed.developer('Sam');
    expect(await write(sam)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await sam.act('removeKnownIssue', { knownIssueId: knownIssue.id })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await write(app.client())).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await write(rita)).toMatchObject({ code: 'NOT_FOUND' });
    const mia = await seed.developer('Mia');
    const db = new Sqlite(join(app.dataDir, 'core.db'), { timeout: 5_000 });
    db.prepare('INSERT INTO app_members (app_id, developer_id, role, created_at) VALUES (?, ?, ?, ?)').run(
      notes.key,
      localId(mia.id),
      'MAINTAINER',
      new Date().toISOString(),
    );
    db.close();
    expect(await write(mia)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await mia.act('removeKnownIssue', { knownIssueId: knownIssue.id })).toMatchObject({ code: 'FORBIDDEN' });
    const weak = app.client().as(await ada.apiKey(['VERSIONS_WRITE']));
    expect(await write(weak)).toMatchObject({ code: 'SCOPE_MISSING' });
    const strong = app.client().as(await ada.apiKey(['VERSIONS_PUBLISH']));
    expect((await write(strong)).code).toBeUndefined();
  });

  it('is read by members and reviewers, and by its id, and by nobody else', async () => {
    const { knownIssue } = await write(ada);
    const NODE = 'query($id: ID!) { node(id: $id) { ... on KnownIssue { note } } }';
    for (const person of [ada, rita]) {
      expect(await issuesOf(person)).toHaveLength(1);
      expect(await person.query(NODE, { id: knownIssue.id })).toEqual({ node: { note: knownIssue.note } });
    }
    const eve = await seed.developer('Eve');
    expect(await issuesOf(eve)).toBeNull();
    expect(await eve.query(NODE, { id: knownIssue.id })).toEqual({ node: null });
  });

  it.each([
    ['no text', { note: ' \n ' }],
    ['501 characters', { note: 'x'.repeat(501) }],
    ['over 500 UTF-16 units', { note: '🙂'.repeat(251) }],
    ['control characters', { note: 'a\u0007b' }],
    ['characters that turn text round', { note: 'a\u202eb' }],
    ['a reason in small letters', { reason: 'package_refused' }],
    ['an empty reason', { reason: '' }],
    ['a reason of 41 characters', { reason: 'A'.repeat(41) }],
  ])('with %s is refused', async (_what, changes) => {
    expect(await write(ada, changes)).toMatchObject({ code: 'VALIDATION' });
    expect(await issuesOf(ada)).toEqual([]);
  });

  it('of another kind of id, or of a version that is not there, is not found', async () => {
    expect(await ada.act('removeKnownIssue', { knownIssueId: second.id })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await write(ada, { versionId: globalId('Version', randomUUID()) })).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is one of at most 50 on a version', async () => {
    for (let n = 0; n < 50; n += 1) await write(ada, { reason: `R${n}` });
    expect(await write(ada, { reason: 'ONE_MORE' })).toMatchObject({ code: 'LIMIT_REACHED' });
    expect((await write(ada, { reason: 'R0', note: 'Another.' })).code).toBeUndefined();
  });

  it('is written once for a key', async () => {
    const key = { idempotencyKey: randomUUID() };
    const once = await write(ada, key);
    await write(ada, { note: 'Newer.' });
    expect((await write(ada, key)).knownIssue).toMatchObject({ id: once.knownIssue.id, note: 'Newer.' });
    expect(await write(ada, { ...key, note: 'Other.' })).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    await clear();
    expect(await write(ada, key)).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a device', () => {
  it('whose update failed is told the note on its reason, else the one on any', async () => {
    await write(ada);
    await write(ada, { reason: 'PACKAGE_REFUSED', note: 'Update Mosis first.' });
    expect(await told(failure(2, 'PACKAGE_REFUSED'))).toEqual([
      { version_code: 2, reason: 'PACKAGE_REFUSED', note: 'Update Mosis first.' },
    ]);
    expect(await told(failure(2, 'STATE_BROKEN'), failure(2, 'STATE_BROKEN'), failure(2, 'NO_SPACE'))).toEqual([
      { version_code: 2, reason: null, note: 'Restart Mosis, then try again.' },
    ]);
  });

  it('is told nothing where there is nothing to tell, and the answer is as ever', async () => {
    await write(ada);
    const start = { type: 'app_start', at: new Date().toISOString() };
    expect(await post('/v1/telemetry/events', batch([start]))).toEqual({
      status: 202,
      body: { accepted: 1, rejected: [] },
    });
    expect(await post('/v1/telemetry/events', batch([failure(1, 'NO_SPACE')]))).toEqual({
      status: 202,
      body: { accepted: 1, rejected: [] },
    });
  });

  it('gets the first answer again when it repeats the batch, whatever was noted since', async () => {
    await write(ada);
    const sent = batch([failure(2, 'NO_SPACE')]);
    const answer = await post('/v1/telemetry/events', sent);
    expect(answer.body.known_issues).toHaveLength(1);
    await write(ada, { note: 'Newer.' });
    expect(await post('/v1/telemetry/events', sent)).toEqual(answer);
    expect(await told(failure(2, 'NO_SPACE'))).toMatchObject([{ note: 'Newer.' }]);
  });

  it('is not told of versions that were never published, nor of those of another app', async () => {
    const draft = await notes.upload({ version: '1.2.0' });
    await write(ada, { versionId: draft.id, note: 'Secret plans.' });
    const other = await ada.app('com.example.othernoted');
    const theirs = await other.upload();
    await theirs.published(rita);
    await write(ada, { versionId: theirs.id, note: 'Of another app.' });
    expect(await told(failure(3, 'NO_SPACE'), failure(1, 'NO_SPACE'))).toBeUndefined();
  });

  it.each([
    ['without the version', { to_code: undefined }],
    ['with a version code of 0', { to_code: 0 }],
    ['with a sentence for a reason', { reason: 'No space left' }],
    ['with a reason of 41 characters', { reason: 'A'.repeat(41) }],
    ['with more fields', { path: '/home/ada' }],
  ])('cannot send a failure %s', async (_what, changes) => {
    const event = failure(2, 'NO_SPACE', changes);
    expect((await post('/v1/telemetry/events', batch([event]))).body).toMatchObject({
      accepted: 0,
      rejected: [{ reason: 'DATA_INVALID' }],
    });
  });

  it('reads the note on any reason with the offer, as soon as it is written', async () => {
    const offer = async () =>
      (
        await post('/v1/updates/check', {
          mosis_version: '1.0.0',
          tag: null,
          apps: [{ package_id: notes.packageId, version_code: 1, track: 'stable' }],
        })
      ).body.updates;
    expect(await offer()).toMatchObject([{ version_code: 2, known_issue: null }]);
    await write(ada, { reason: 'NO_SPACE', note: 'Only for this.' });
    expect(await offer()).toMatchObject([{ version_code: 2, known_issue: null }]);
    await write(ada, { note: 'Grüße: take a "backup" first 🙂' });
    expect(await offer()).toMatchObject([{ version_code: 2, known_issue: 'Grüße: take a "backup" first 🙂' }]);
    await clear();
    expect(await offer()).toMatchObject([{ version_code: 2, known_issue: null }]);
  });
});

it('failed updates are shown to members by version and reason, and to nobody else', async () => {
  const today = new Date().toISOString().slice(0, 10);
  const FAILURES = `query($id: ID!, $today: Date!) { node(id: $id) { ... on App {
    updateFailures(range: { from: $today, to: $today }) { versionCode reason count devices } } } }`;
  for (let device = 0; device < 7; device += 1)
    await post(
      '/v1/telemetry/events',
      batch([failure(device < 5 ? 41 : 40, 'BAD_SECTOR'), failure(40, 'BAD_SECTOR')], {
        device_id: `${device}f`.repeat(32),
      }),
    );
  await app.services.telemetry.flush();
  const asked = { id: notes.id, today };
  const { node } = await ada.query<{ node: { updateFailures: object[] } }>(FAILURES, asked);
  expect(node.updateFailures).toContainEqual({ versionCode: 40, reason: 'BAD_SECTOR', count: 9, devices: 7 });
  const eve = await seed.developer('Eve');
  expect((await eve.query<{ node: unknown }>(FAILURES, asked)).node).toBeNull();
  expect((await rita.send(FAILURES, asked)).errors?.[0]?.extensions.code).toBe('NOT_FOUND');
});

it('the notes go with their version', async () => {
  const draft = await notes.upload({ version: '1.3.0' });
  const { knownIssue } = await write(ada, { versionId: draft.id });
  await ada.done('deleteDraft', { versionId: draft.id });
  expect(app.rows('SELECT id FROM known_issues WHERE id = ?', localId(knownIssue.id))).toEqual([]);
});
