/** Packages that the policy lets go: counted, removed, and refused from then on. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RetentionReport } from '../../server/versions/package-retention.ts';
import { admin } from '../ops/admin-process.ts';
import { startApp, type TestApp } from '../support/app.ts';
import {
  type AppHandle,
  createSeed,
  type Developer,
  type Person,
  type Reviewer,
  type VersionHandle,
} from '../support/seed.ts';

const ID = 'com.example.old';
let app: TestApp;
let ada: Developer;
/** Has published nothing, so that a person decides about his versions. */
let bob: Developer;
let rita: Reviewer;
let grace: Person;
let old: AppHandle;
let published: VersionHandle[];
let rejected: VersionHandle;
let approved: VersionHandle;

beforeAll(async () => {
  app = await startApp();
  const seed = createSeed(app);
  grace = await seed.admin();
  rita = await seed.reviewer();
  ada = await seed.developer('Ada');
  old = await ada.app(ID);
  published = [];
  for (let code = 1; code <= 5; code += 1) {
    const version = await old.upload({ version_code: code });
    await version.published(rita);
    published.push(version);
  }
  bob = await seed.developer('Bob');
  const other = await bob.app('com.example.other');
  rejected = await other.upload({ version_code: 1 });
  await rejected.submitted();
  await rita.reject(rejected, 'It does nothing.');
  approved = await other.upload({ version_code: 2 });
  await approved.approved(rita);
  await makeOld();
}, 120_000);
afterAll(() => app.close());

/** As if nothing had happened for a hundred days. */
async function makeOld(): Promise<void> {
  const then = new Date(Date.now() - 100 * 86_400_000);
  await app.services.work(async ({ tx }) => {
    await tx.appVersion.updateMany({ where: { publishedAt: { not: null } }, data: { publishedAt: then } });
    await tx.appVersion.updateMany({ data: { updatedAt: then } });
    await tx.rollout.updateMany({ data: { finishedAt: then } });
  });
}

async function run(dryRun: boolean): Promise<RetentionReport> {
  const key = await app.services.retention.start(dryRun);
  await expect.poll(async () => (await app.services.retention.find(key))?.state, { timeout: 20_000 }).toBe('DONE');
  const report = (await app.services.retention.find(key))?.report;
  if (report == null) throw new Error('The run left no report');
  return report;
}

const fileOf = ({ versionCode }: VersionHandle, packageId = ID) =>
  join(app.dataDir, 'blobs', 'packages', packageId, String(versionCode), 'package.mosis');
const stored = () => published.map((version) => existsSync(fileOf(version)));
const pathOf = (code: number) => `${app.url}/v1/packages/${ID}/${code}/package.mosis`;
const removed = () =>
  app.rows<{ code: number }>('SELECT version_code AS code FROM app_versions WHERE bytes_removed_at IS NOT NULL').length;

describe('the policy', () => {
  it('keeps everything until an admin changes it', async () => {
    expect(await run(false)).toMatchObject({ total: 0 });
    expect([stored(), removed()]).toEqual([[true, true, true, true, true], 0]);
  });

  it('is for admins alone, has bounds, and takes null for ever', async () => {
    expect(await ada.act('updatePackageRetention', { rejectedDays: 30 })).toMatchObject({ code: 'FORBIDDEN' });
    expect(await grace.act('updatePackageRetention', { rejectedDays: 6 })).toMatchObject({ code: 'VALIDATION' });
    const query = '{ packageRetentionPolicy { supersededDays neverPublishedDays rejectedDays revision } }';
    await grace.done('updatePackageRetention', { rejectedDays: 30, supersededDays: 30 });
    await grace.done('updatePackageRetention', { rejectedDays: null });
    expect((await grace.send(query)).data).toMatchObject({
      packageRetentionPolicy: { supersededDays: 30, neverPublishedDays: null, rejectedDays: null },
    });
    const stale = { supersededDays: 60, revision: 'default' };
    expect(await grace.act('updatePackageRetention', stale)).toMatchObject({ code: 'CONFLICT' });
    expect((await ada.send(query)).text).toContain('FORBIDDEN');
  });
});

describe('a run', () => {
  it('that is dry counts what would go, and removes nothing', async () => {
    await grace.done('updatePackageRetention', { supersededDays: 30, neverPublishedDays: 30, rejectedDays: 30 });
    const report = await run(true);
    const bytes = (versions: readonly VersionHandle[]) =>
      versions.reduce((sum, version) => sum + version.bytes.length, 0);
    expect(report.groups).toEqual({
      SUPERSEDED: { versions: 2, bytes: bytes(published.slice(0, 2)) },
      NEVER_PUBLISHED: { versions: 1, bytes: approved.bytes.length },
      REJECTED: { versions: 1, bytes: rejected.bytes.length },
    });
    expect(report.named.map(({ packageId, versionCode }) => `${packageId} ${versionCode}`).sort()).toEqual([
      'com.example.old 1',
      'com.example.old 2',
      'com.example.other 1',
      'com.example.other 2',
    ]);
    expect([stored(), removed()]).toEqual([[true, true, true, true, true], 0]);
  });

  it('removes the bytes and says so in rows and audit log, once', async () => {
    expect((await run(false)).groups.SUPERSEDED.versions).toBe(2);
    expect(stored()).toEqual([false, false, true, true, true]);
    expect([rejected, approved].map((version) => existsSync(fileOf(version, 'com.example.other')))).toEqual([
      false,
      false,
    ]);
    const audit = () => app.rows("SELECT id FROM audit_logs WHERE action = 'version.remove_bytes'").length;
    expect([removed(), audit()]).toEqual([4, 4]);
    expect((await run(false)).groups.SUPERSEDED.versions).toBe(0);
    expect([removed(), audit()]).toEqual([4, 4]);
  });
});

describe('a version without its package', () => {
  it('answers downloads with what to do instead, also conditions and HEAD', async () => {
    const answer = await fetch(pathOf(1));
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      code: 'NOT_FOUND',
      detail: expect.stringContaining('not stored any more'),
    });
    expect((await fetch(pathOf(1), { method: 'HEAD' })).status).toBe(404);
    expect((await fetch(pathOf(1), { headers: { 'if-none-match': '*' } })).status).toBe(404);
    expect((await fetch(pathOf(5))).status).toBe(200);
    const icon = await fetch(`${app.url}/v1/assets/${ID}/1/icon-64.png`);
    expect([200, 404]).toContain(icon.status);
  });

  it('is led to by nothing: redirect, update check and signed metadata name others', async () => {
    const redirect = await fetch(`${app.url}/v1/store/apps/${ID}/download`, { redirect: 'manual' });
    expect(redirect.headers.get('location')).toBe(`/v1/packages/${ID}/5/package.mosis`);
    const check = await fetch(`${app.url}/v1/updates/check`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ mosis_version: '9.0.0', apps: [{ package_id: ID, version_code: 1, track: 'stable' }] }),
    });
    expect(await check.json()).toMatchObject({ updates: [{ version_code: 5 }] });
    // Its owner takes the newer ones out: what is left without a package is not shown for them.
    const bins = () => app.rows<{ body: string }>("SELECT body FROM metadata_texts WHERE name LIKE '%bin-%'");
    for (const version of published.slice(2)) await ada.done('unpublishVersion', { versionId: version.id });
    await expect.poll(() => bins().some(({ body }) => body.includes(`${ID}/5/`)), { timeout: 10_000 }).toBe(true);
    expect((await fetch(`${app.url}/v1/store/apps/${ID}/download`, { redirect: 'manual' })).status).toBe(404);
    expect(app.rows('SELECT status FROM apps WHERE package_id = ?', ID)).toEqual([{ status: 'UNPUBLISHED' }]);
    for (const version of published.slice(2)) await ada.done('publishVersion', { versionId: version.id });
  });

  it('shows reviewers that its text is gone', async () => {
    const document = `query($id: ID!) { version(id: $id) { bytesRemovedAt downloadUrl file(path: "manifest.json") { size text } } }`;
    const { data } = await rita.send(document, { id: published[0]?.id });
    expect(data).toMatchObject({
      version: {
        bytesRemovedAt: expect.any(String),
        downloadUrl: null,
        file: { size: expect.any(Number), text: null },
      },
    });
    const kept = await rita.send(document, { id: published[4]?.id });
    expect(kept.data).toMatchObject({ version: { bytesRemovedAt: null, file: { text: expect.any(String) } } });
  });

  it('is not published, appealed, rolled out or gone back to, and says why', async () => {
    const refused = { code: 'STATE_CONFLICT', message: expect.stringContaining('stored') };
    expect(await bob.act('publishVersion', { versionId: approved.id })).toMatchObject(refused);
    expect(await bob.act('appealRejection', { versionId: rejected.id, reason: 'It does.' })).toMatchObject(refused);
    const [first, second] = published;
    expect(await ada.act('startRollout', { versionId: first?.id, track: 'BETA', percent: 100 })).toMatchObject(refused);
    const back = { appId: old.id, track: 'STABLE', reason: 'Crashes.', restoreData: false };
    expect(
      await ada.act('rollBack', { ...back, fromVersionId: published[4]?.id, toVersionId: first?.id }),
    ).toMatchObject(refused);
    await ada.done('unpublishVersion', { versionId: second?.id });
    expect(await ada.act('publishVersion', { versionId: second?.id })).toMatchObject(refused);
    await rita.done('suspendVersion', { versionId: first?.id, reason: 'Found late.' });
    expect(await rita.act('reinstateVersion', { versionId: first?.id, reason: 'Fine.' })).toMatchObject(refused);
  });

  it('is passed over by a rescan', async () => {
    const rescan = await app.services.rescans.start('OPERATOR');
    const states = app.rows("SELECT id FROM app_versions WHERE state = 'PUBLISHED' AND bytes_removed_at IS NULL");
    expect(rescan.total).toBe(states.length);
    await expect
      .poll(async () => (await app.services.rescans.find(rescan.id))?.state, { timeout: 30_000 })
      .toBe('DONE');
    expect(await app.services.rescans.find(rescan.id)).toMatchObject({ crashed: 0, checked: states.length });
  }, 60_000);
});

it('a file that a killed run left is removed by the housekeeping, and no other', async () => {
  const third = published[2] as VersionHandle;
  const then = new Date(Date.now() - 3_600_000);
  for (const version of published.slice(2)) await utimes(fileOf(version), then, then);
  await app.services.work(async ({ tx }) => {
    await tx.appVersion.update({ where: { id: third.key }, data: { bytesRemovedAt: new Date() } });
  });
  const key = 'housekeeping-retention';
  await app.services.work(async (unit) => unit.enqueue({ kind: 'housekeeping', key, payload: {} }));
  await expect
    .poll(() => app.rows('SELECT state FROM jobs WHERE key = ?', key), { timeout: 20_000 })
    .toEqual([{ state: 'DONE' }]);
  expect(stored()).toEqual([false, false, false, true, true]);
}, 30_000);

it('mosis-admin counts and removes through the running server and without one, and a backup misses nothing', async () => {
  const dry = await admin(app.dataDir, 'retention', '--dry-run', '--json');
  expect([dry.code, dry.json()]).toEqual([0, expect.objectContaining({ dryRun: true })]);
  const { dataDir } = app;
  await app.close({ keep: true });
  const told = await admin(dataDir, 'retention');
  expect(told.code).toBe(0);
  expect(told.out).toMatch(/why +versions +bytes\nsuperseded +\d+ /);
  const folder = await mkdtemp(join(tmpdir(), 'mosis-backup-'));
  const backup = await admin(dataDir, 'backup', join(folder, 'b'));
  expect([backup.code, `${backup.out}${backup.err}`]).toEqual([0, expect.not.stringContaining('version code')]);
  await rm(folder, { recursive: true, force: true });
  await rm(join(dataDir, '..'), { recursive: true, force: true });
}, 60_000);
