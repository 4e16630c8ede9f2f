/** The gate: what a package must keep to become a draft, and what is left of one that does not. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { goodPackage, OTHER_SECRET_KEY, rawGoodZip, utf8 } from '../support/packages.ts';
import { type AppHandle, createSeed, type Developer, localId, type Seed, verdictOf } from '../support/seed.ts';

let app: TestApp;
let seed: Seed;
let ada: Developer;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  ada = await seed.developer('Ada');
});
afterAll(() => app.close());

let apps = 0;
const newApp = () => ada.app(`com.example.gate${++apps}`);

function leftOf(notes: AppHandle) {
  return {
    versions: app.rows('SELECT id FROM app_versions WHERE app_id = ?', notes.key).length,
    files: app.rows(
      'SELECT f.path FROM version_files f JOIN app_versions v ON v.id = f.version_id WHERE v.app_id = ?',
      notes.key,
    ).length,
    // The app's keys were pinned before; that is not about the package.
    events: app
      .rows<{ type: string }>("SELECT type FROM events WHERE app_id = ? AND type <> 'PINS_CHANGED'", notes.key)
      .map(({ type }) => type),
  };
}

describe('a package that keeps the rules', () => {
  it('becomes a draft with its files, its facts from the manifest, and exactly the bytes that were sent', async () => {
    const notes = await newApp();
    const version = await notes.upload({ version_code: 41, version: '2.0.0', releaseNotes: ' Faster.\r\n' });
    const { version: shown } = await ada.query(
      `query($id: ID!) { version(id: $id) { state versionCode versionName releaseNotes packageSize signerKeyId round
        submittedAt downloadUrl permissions { name } files { path size sha256 } viewerCanSubmit viewerCanPublish } }`,
      { id: version.id },
    );
    expect(shown).toMatchObject({
      state: 'DRAFT',
      versionCode: 41,
      versionName: '2.0.0',
      releaseNotes: 'Faster.',
      packageSize: version.bytes.length,
      signerKeyId: ada.keyId,
      round: 0,
      submittedAt: null,
      downloadUrl: null,
      permissions: [{ name: 'storage' }],
      viewerCanSubmit: true,
      viewerCanPublish: false,
    });
    const { files } = shown as { files: { path: string; size: number; sha256: string }[] };
    expect(files.map(({ path }) => path)).toContain('manifest.json');
    const css = files.find(({ path }) => path === 'assets/main.rcss');
    expect(css?.sha256).toBe(createHash('sha256').update(utf8('body { color: #222222; }\n')).digest('hex'));
    const stored = await readFile(join(app.dataDir, 'blobs', 'drafts', `${version.key}.mosis`));
    expect(stored.equals(version.bytes)).toBe(true);
    expect(leftOf(notes).events).toEqual(['UPLOADED']);
  });

  it('may be unsigned or without a 64 icon: only submission asks for these', async () => {
    const notes = await newApp();
    const version = await notes.upload({ secretKey: null, manifest: { icons: undefined } });
    expect(await version.state()).toBe('DRAFT');
  });
});

describe('a package that breaks a rule', () => {
  const broken: [string, (notes: AppHandle) => Uint8Array, string][] = [
    ['no ZIP at all', () => utf8('hello'), 'ARCHIVE'],
    ['a path that climbs out', () => rawGoodZip([{ name: '../evil', content: 'x' }]), ''],
    ['another package id', () => goodPackage({ manifest: { id: 'com.example.other' } }), 'MANIFEST_ID_MISMATCH'],
    ['a manifest that is no JSON', (notes) => notes.package({ files: { 'manifest.json': '{' } }), 'MANIFEST'],
    [
      'a signature over other files',
      (notes) => {
        const files = { 'signature.sig': 'not a signature' };
        return notes.package({ files });
      },
      'SIGNATURE',
    ],
  ];

  it.each(broken)('with %s leaves findings on its upload, one event, and nothing else', async (_name, make, code) => {
    const notes = await newApp();
    const verdict = await notes.send(make(notes));
    expect(verdict.state).toBe('REFUSED');
    expect(verdict.version).toBeNull();
    expect(verdict.findings.some((found) => found.severity === 'ERROR' && found.code.startsWith(code))).toBe(true);
    expect(leftOf(notes)).toEqual({ versions: 0, files: 0, events: ['UPLOAD_REFUSED'] });
    const id = localId(verdict.id);
    expect(existsSync(join(app.dataDir, 'blobs', 'drafts', `${id}.mosis`))).toBe(false);
    const jobs = app.rows(`SELECT id FROM jobs WHERE kind = 'check-version' AND payload LIKE ?`, `%${id}%`);
    expect(jobs).toEqual([]);
  });

  it('leaves no bytes behind once its verdict is known', async () => {
    const notes = await newApp();
    await notes.send(utf8('hello'));
    await expect.poll(() => readdirSync(join(app.dataDir, 'uploads'))).toEqual([]);
  });

  it('tells what is wrong in the event: the upload, how many errors and their codes', async () => {
    const notes = await newApp();
    const verdict = await notes.send(goodPackage({ manifest: { id: 'com.example.other' } }));
    const { app: shown } = await ada.query(
      'query($id: String!) { app(packageId: $id) { events(first: 1) { type upload errors version { id } actor { kind } } } }',
      { id: notes.packageId },
    );
    expect(shown).toEqual({
      events: [{ type: 'UPLOAD_REFUSED', upload: verdict.id, errors: 1, version: null, actor: { kind: 'YOU' } }],
    });
  });

  it('is told of to nobody else', async () => {
    const notes = await newApp();
    const verdict = await notes.send(utf8('hello'));
    const bob = await seed.developer('Bob');
    const rita = await seed.reviewer();
    expect(await verdictOf(bob, verdict.id)).toBeNull();
    expect(await verdictOf(rita, verdict.id)).toBeNull();
    expect(await verdictOf(app.client(), verdict.id)).toBeNull();
  });
});

describe('a version code', () => {
  it('is refused at the gate once it or a higher one was submitted, and may be drafted twice before', async () => {
    const notes = await newApp();
    const first = await notes.upload({ version_code: 5 });
    const twin = await notes.upload({ version_code: 5, version: '9.9.9' });
    expect(await first.submitted()).toBe('IN_REVIEW');
    for (const version_code of [5, 4]) {
      const verdict = await notes.send(notes.package({ version_code }));
      expect(verdict.findings.map(({ code }) => code)).toContain('MANIFEST_VERSION_CODE_USED');
    }
    expect(await ada.act('submitVersion', { versionId: twin.id })).toMatchObject({ code: 'VERSION_CODE_SPENT' });
    expect(await twin.state()).toBe('DRAFT');
    await ada.done('withdrawVersion', { versionId: first.id });
    const again = await notes.send(notes.package({ version_code: 5 }));
    expect(again.state).toBe('REFUSED');
  });
});

describe('what a draft must have before it may spend its code', () => {
  async function stays(notes: AppHandle, versionId: string, code: string): Promise<void> {
    expect(await ada.act('submitVersion', { versionId })).toMatchObject({ __typename: 'DomainProblem', code });
    const [row] = app.rows('SELECT state, claimed_code, round FROM app_versions WHERE id = ?', localId(versionId));
    expect(row).toEqual({ state: 'DRAFT', claimed_code: null, round: 0 });
    expect(app.rows('SELECT highest_code FROM apps WHERE id = ?', notes.key)).toEqual([{ highest_code: 0 }]);
    const jobs = app.rows(
      `SELECT id FROM jobs WHERE kind = 'check-version' AND payload LIKE ?`,
      `%${localId(versionId)}%`,
    );
    expect(jobs).toEqual([]);
  }

  it('a signature', async () => {
    const notes = await newApp();
    await stays(notes, (await notes.upload({ secretKey: null })).id, 'SIGNATURE_MISSING');
  });

  it('an icon of 64 pixels', async () => {
    const notes = await newApp();
    await stays(notes, (await notes.upload({ manifest: { icons: undefined } })).id, 'ICON_MISSING');
  });

  it('a key that is pinned', async () => {
    const notes = await newApp();
    await stays(notes, (await notes.upload({ secretKey: OTHER_SECRET_KEY })).id, 'KEY_NOT_PINNED');
    const unpinned = await ada.app(`com.example.unpinned${apps}`, { pinned: false });
    await stays(unpinned, (await unpinned.upload()).id, 'KEY_NOT_PINNED');
  });

  it('a key that has not ended', async () => {
    const carol = await seed.developer('Carol');
    const notes = await carol.app('com.example.carol');
    const version = await notes.upload();
    const { viewer } = await carol.query<{ viewer: { signingKeys: { id: string }[] } }>(
      '{ viewer { signingKeys { id } } }',
    );
    await carol.done('endSigningKey', { signingKeyId: viewer.signingKeys[0]?.id, ending: 'RETIRED' });
    expect(await carol.act('submitVersion', { versionId: version.id })).toMatchObject({ code: 'KEY_ENDED' });
    expect(await version.state()).toBe('DRAFT');
  });
});

describe('drafts', () => {
  it('take new release notes and can be deleted with their bytes', async () => {
    const notes = await newApp();
    const version = await notes.upload();
    await ada.done('updateDraft', { versionId: version.id, releaseNotes: 'Better.' });
    expect(await ada.act('updateDraft', { versionId: version.id, releaseNotes: 'a\u202eb' })).toMatchObject({
      code: 'VALIDATION',
    });
    await ada.done('deleteDraft', { versionId: version.id });
    expect(leftOf(notes).versions).toBe(0);
    expect(existsSync(join(app.dataDir, 'blobs', 'drafts', `${version.key}.mosis`))).toBe(false);
    const { node } = await ada.query('query($id: ID!) { node(id: $id) { id } }', { id: version.id });
    expect(node).toBeNull();
    const { app: shown } = await ada.query<{ app: object }>(
      'query($id: String!) { app(packageId: $id) { events { type version { id } } } }',
      { id: notes.packageId },
    );
    expect(shown).toEqual({
      events: [
        { type: 'UPLOADED', version: null },
        { type: 'PINS_CHANGED', version: null },
      ],
    });
  });
});
