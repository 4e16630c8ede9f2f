/** A version from submission to the store and back: who wins, what stays, and where its bytes lie. */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import type { Client } from '../support/client.ts';
import {
  type AppHandle,
  createSeed,
  type Developer,
  type Reviewer,
  type Seed,
  type VersionHandle,
} from '../support/seed.ts';

let app: TestApp;
let seed: Seed;
let ada: Developer;
let rita: Reviewer;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer();
});
afterAll(() => app.close());

let apps = 0;
const newApp = () => ada.app(`com.example.life${++apps}`);
const only = (type: string) => (each: string) => each === type;

async function publishedVersion(notes?: AppHandle): Promise<VersionHandle> {
  const version = await (notes ?? (await newApp())).upload();
  await version.published(rita);
  return version;
}

async function storeCode(packageId: string): Promise<number | null> {
  const { storeApp } = await app
    .client()
    .query<{ storeApp: { version: { versionCode: number } } | null }>(
      'query($id: String!) { storeApp(packageId: $id) { version { versionCode } } }',
      { id: packageId },
    );
  return storeApp?.version.versionCode ?? null;
}

async function statusOf(notes: AppHandle): Promise<string> {
  const { app: shown } = await ada.query<{ app: { status: string } }>(
    'query($id: String!) { app(packageId: $id) { status } }',
    { id: notes.packageId },
  );
  return shown.status;
}

describe('submitting', () => {
  it('moves the bytes to their final place for ever', async () => {
    const notes = await newApp();
    const version = await notes.upload({ version_code: 3 });
    await version.submitted();
    const path = join(app.dataDir, 'blobs', 'packages', notes.packageId, '3', 'package.mosis');
    expect((await readFile(path)).equals(version.bytes)).toBe(true);
    expect(existsSync(join(app.dataDir, 'blobs', 'drafts', `${version.key}.mosis`))).toBe(false);
    const before = await stat(path);
    await rita.approve(version);
    await ada.done('publishVersion', { versionId: version.id });
    await ada.done('unpublishVersion', { versionId: version.id });
    const after = await stat(path);
    expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
  });

  it('twice at once spends one code, makes one job and one event; the other gets a conflict', async () => {
    const notes = await newApp();
    const version = await notes.upload();
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => ada.act('submitVersion', { versionId: version.id })),
    );
    expect(outcomes.filter(({ code }) => code === undefined)).toHaveLength(1);
    const lost = outcomes.filter(({ code }) => code !== undefined);
    expect(new Set(lost.map(({ __typename, code }) => `${__typename} ${code}`))).toEqual(
      new Set(['ConflictError STATE_CONFLICT']),
    );
    await seed.event(({ type, versionId }) => type === 'CHECKS_PASSED' && versionId === version.key);
    const events = await version.events();
    expect(events.filter(only('SUBMITTED'))).toHaveLength(1);
    expect(
      app.rows(`SELECT id FROM jobs WHERE payload LIKE ? AND kind = 'check-version'`, `%${version.key}%`),
    ).toHaveLength(1);
  });

  it('two drafts of one code at once: one wins, the other keeps its bytes and its draft', async () => {
    const notes = await newApp();
    const one = await notes.upload({ version_code: 1 });
    const two = await notes.upload({ version_code: 1, version: '1.2.4' });
    const outcomes = await Promise.all([one, two].map(({ id }) => ada.act('submitVersion', { versionId: id })));
    const codes = outcomes.map(({ code }) => code).sort();
    expect(codes).toEqual(['VERSION_CODE_SPENT', undefined]);
    const winner = outcomes[0]?.code === undefined ? one : two;
    const loser = winner === one ? two : one;
    await seed.event(({ type, versionId }) => type === 'CHECKS_PASSED' && versionId === winner.key);
    const path = join(app.dataDir, 'blobs', 'packages', notes.packageId, '1', 'package.mosis');
    expect((await readFile(path)).equals(winner.bytes)).toBe(true);
    expect(await loser.state()).toBe('DRAFT');
    expect(existsSync(join(app.dataDir, 'blobs', 'drafts', `${loser.key}.mosis`))).toBe(true);
  });

  it('with the same idempotency key gives the first answer; with another input it is refused', async () => {
    const notes = await newApp();
    const version = await notes.upload({ version_code: 1 });
    const other = await notes.upload({ version_code: 2 });
    const submit = (versionId: string, idempotencyKey: string) =>
      ada.act('submitVersion', { versionId, idempotencyKey }, 'version { id }');
    const [first, again] = await Promise.all([submit(version.id, 'k1'), submit(version.id, 'k1')]);
    expect(first).toEqual({ __typename: 'SubmitVersionPayload', version: { id: version.id } });
    expect(again).toEqual(first);
    expect(await submit(other.id, 'k1')).toMatchObject({
      __typename: 'ConflictError',
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
    expect(await submit(other.id, 'x'.repeat(129))).toMatchObject({
      code: 'VALIDATION',
      fields: [{ path: 'input.idempotencyKey' }],
    });
    expect(await other.state()).toBe('DRAFT');
    expect((await version.events()).filter(only('SUBMITTED'))).toHaveLength(1);
  });

  it('keeps keys of different people apart, and forgets a refused try', async () => {
    const bob = await seed.developer('Bob');
    const theirs = await bob.app('com.example.bobs');
    const hers = await newApp();
    const [one, two] = [await hers.upload(), await theirs.upload({ secretKey: null })];
    const key = { idempotencyKey: 'shared' };
    expect(await bob.act('submitVersion', { versionId: two.id, ...key })).toMatchObject({ code: 'SIGNATURE_MISSING' });
    expect(await bob.act('submitVersion', { versionId: two.id, ...key })).toMatchObject({ code: 'SIGNATURE_MISSING' });
    expect(await ada.act('submitVersion', { versionId: one.id, ...key })).not.toHaveProperty('code');
  });
});

describe('publishing', () => {
  it('puts the app into the store with the platform signature over its bytes', async () => {
    const notes = await newApp();
    const version = await publishedVersion(notes);
    expect(await statusOf(notes)).toBe('PUBLISHED');
    const { storeApp } = await app
      .client()
      .query<{ storeApp: { version: { downloadUrl: string; platformSignature: string } } }>(
        'query($id: String!) { storeApp(packageId: $id) { version { downloadUrl platformSignature } } }',
        { id: notes.packageId },
      );
    const download = await fetch(storeApp.version.downloadUrl);
    expect(download.status).toBe(200);
    expect(download.headers.get('x-mosis-signature')).toBe(storeApp.version.platformSignature);
    expect(Buffer.from(await download.arrayBuffer()).equals(version.bytes)).toBe(true);
  });

  it('twice at once: one wins, the other gets a typed conflict that names the state', async () => {
    const version = await (await newApp()).upload();
    await version.approved(rita);
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, () => ada.act('publishVersion', { versionId: version.id }, 'version { state }')),
    );
    expect(outcomes.filter(({ code }) => code === undefined)).toEqual([
      { __typename: 'PublishVersionPayload', version: { state: 'PUBLISHED' } },
    ]);
    const lost = outcomes.filter(({ code }) => code !== undefined);
    expect(lost).toHaveLength(3);
    for (const each of lost) {
      expect(each).toMatchObject({
        __typename: 'ConflictError',
        code: 'STATE_CONFLICT',
        currentState: 'PUBLISHED',
      });
    }
    expect((await version.events()).filter(only('PUBLISHED'))).toHaveLength(1);
    const audit = app.rows(
      `SELECT id FROM audit_logs WHERE action = 'version.publish' AND resource_id = ?`,
      version.key,
    );
    expect(audit).toHaveLength(1);
  });

  it('is repeatable with an idempotency key', async () => {
    const version = await (await newApp()).upload();
    await version.approved(rita);
    const publish = () =>
      ada.act('publishVersion', { versionId: version.id, idempotencyKey: 'publish once' }, 'version { id }');
    const answers = await Promise.all([publish(), publish(), publish()]);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).not.toHaveProperty('code');
    expect((await version.events()).filter(only('PUBLISHED'))).toHaveLength(1);
  });

  it('is refused for what is not approved', async () => {
    const version = await (await newApp()).upload();
    expect(await ada.act('publishVersion', { versionId: version.id })).toMatchObject({
      code: 'STATE_CONFLICT',
      currentState: 'DRAFT',
    });
  });
});

describe('the newest version of an app', () => {
  it('is the one in the store, and the one before follows it when it leaves', async () => {
    const notes = await newApp();
    const one = await publishedVersion(notes);
    const two = await publishedVersion(notes);
    expect(await storeCode(notes.packageId)).toBe(two.versionCode);
    await ada.done('unpublishVersion', { versionId: two.id });
    expect(await storeCode(notes.packageId)).toBe(one.versionCode);
    await ada.done('unpublishVersion', { versionId: one.id });
    expect(await storeCode(notes.packageId)).toBeNull();
    expect(await statusOf(notes)).toBe('UNPUBLISHED');
    await ada.done('publishVersion', { versionId: one.id });
    expect(await storeCode(notes.packageId)).toBe(one.versionCode);
    expect(await statusOf(notes)).toBe('PUBLISHED');
  });

  it('leaves with all others when the owner unpublishes the app', async () => {
    const notes = await newApp();
    const one = await publishedVersion(notes);
    const two = await publishedVersion(notes);
    await ada.done('unpublishApp', { appId: notes.id });
    expect([await one.state(), await two.state()]).toEqual(['UNPUBLISHED', 'UNPUBLISHED']);
    expect(await storeCode(notes.packageId)).toBeNull();
    expect(await ada.act('unpublishApp', { appId: notes.id })).toMatchObject({ code: 'STATE_CONFLICT' });
  });
});

describe('withdrawing', () => {
  it('ends a version before publication and spends its code', async () => {
    const notes = await newApp();
    const version = await notes.upload({ version_code: 9 });
    await version.submitted();
    await ada.done('withdrawVersion', { versionId: version.id });
    expect(await version.state()).toBe('WITHDRAWN');
    const again = await notes.send(notes.package({ version_code: 9 }));
    expect(again.state).toBe('REFUSED');
    expect(await ada.act('submitVersion', { versionId: version.id })).toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it('while the checks run: their late result changes nothing', async () => {
    const version = await (await newApp()).upload();
    await ada.done('submitVersion', { versionId: version.id });
    expect(await ada.act('withdrawVersion', { versionId: version.id })).not.toHaveProperty('code');
    await expect
      .poll(() =>
        app.rows(`SELECT state FROM jobs WHERE kind = 'check-version' AND payload LIKE ?`, `%${version.key}%`),
      )
      .toEqual([{ state: 'DONE' }]);
    expect(await version.state()).toBe('WITHDRAWN');
    expect(
      app.rows(`SELECT id FROM reviews WHERE version_id = ? AND state IN ('QUEUED', 'CLAIMED')`, version.key),
    ).toEqual([]);
  });

  it('is not possible for what is published', async () => {
    const version = await publishedVersion();
    expect(await ada.act('withdrawVersion', { versionId: version.id })).toMatchObject({
      code: 'STATE_CONFLICT',
      currentState: 'PUBLISHED',
    });
  });
});

describe('suspending', () => {
  it('takes a version out of the store with a reason its developer reads, until it is reinstated', async () => {
    const notes = await newApp();
    const version = await publishedVersion(notes);
    expect(await rita.act('suspendVersion', { versionId: version.id, reason: ' ' })).toMatchObject({
      code: 'VALIDATION',
    });
    await rita.done('suspendVersion', { versionId: version.id, reason: 'It phones home.' });
    expect(await storeCode(notes.packageId)).toBeNull();
    const { version: shown } = await ada.query(
      'query($id: ID!) { version(id: $id) { state stateReason viewerCanPublish events { type message actor { kind name } } } }',
      { id: version.id },
    );
    expect(shown).toMatchObject({ state: 'SUSPENDED', stateReason: 'It phones home.', viewerCanPublish: false });
    expect((shown as { events: object[] }).events.at(-1)).toEqual({
      type: 'SUSPENDED',
      message: 'It phones home.',
      actor: { kind: 'REVIEWER', name: null },
    });
    expect(await ada.act('publishVersion', { versionId: version.id })).toMatchObject({ code: 'STATE_CONFLICT' });
    expect(await ada.act('reinstateVersion', { versionId: version.id, reason: 'please' })).toMatchObject({
      code: 'FORBIDDEN',
    });
    await rita.done('reinstateVersion', { versionId: version.id, reason: 'Fixed on their side.' });
    expect(await storeCode(notes.packageId)).toBe(version.versionCode);
  });

  it('is for reviewers and admins who are no members', async () => {
    const version = await publishedVersion();
    const bob = await seed.developer('Bob');
    expect(await bob.act('suspendVersion', { versionId: version.id, reason: 'no' })).toMatchObject({
      code: 'FORBIDDEN',
    });
    const grace = await seed.admin();
    const mayBy = async (person: Client) =>
      (await person.query('query($id: ID!) { version(id: $id) { viewerCanSuspend } }', { id: version.id })).version;
    for (const roles of [
      { reviewer: true, admin: false },
      { reviewer: false, admin: true },
    ]) {
      await grace.done('setRoles', { developerId: ada.id, ...roles });
      expect(await ada.act('suspendVersion', { versionId: version.id, reason: 'mine' })).toMatchObject({
        code: 'OWN_APP',
      });
      expect(await mayBy(ada)).toEqual({ viewerCanSuspend: false });
    }
    await grace.done('setRoles', { developerId: ada.id, reviewer: false, admin: false });
    expect([await mayBy(ada), await mayBy(rita), await mayBy(grace)]).toEqual([
      { viewerCanSuspend: false },
      { viewerCanSuspend: true },
      { viewerCanSuspend: true },
    ]);
    await grace.done('suspendVersion', { versionId: version.id, reason: 'By an admin.' });
    expect(await version.state()).toBe('SUSPENDED');
  });
});

describe('a key that is compromised', () => {
  it('takes back what was submitted with it since then: in work is rejected, published is suspended', async () => {
    const carol = await seed.developer('Carol');
    const notes = await carol.app('com.example.carols');
    const published = await notes.upload();
    await published.published(rita);
    const waiting = await notes.upload({ permissions: ['storage', 'camera'] });
    expect(await waiting.submitted()).toBe('IN_REVIEW');
    const { viewer } = await carol.query<{ viewer: { signingKeys: { id: string }[] } }>(
      '{ viewer { signingKeys { id } } }',
    );
    await carol.done('endSigningKey', {
      signingKeyId: viewer.signingKeys[0]?.id,
      ending: 'COMPROMISED',
      since: new Date(Date.now() - 3_600_000).toISOString(),
    });
    expect([await published.state(), await waiting.state()]).toEqual(['SUSPENDED', 'REJECTED']);
    expect(await storeCode(notes.packageId)).toBeNull();
    expect(app.rows('SELECT state FROM reviews WHERE version_id = ?', waiting.key)).toEqual([{ state: 'CANCELLED' }]);
    // No reviewer can tell who signed it.
    expect(await rita.act('reinstateVersion', { versionId: published.id, reason: 'It looks fine.' })).toMatchObject({
      code: 'STATE_CONFLICT',
    });
    expect(await published.state()).toBe('SUSPENDED');
  });
});
