import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Updater } from 'tuf-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TargetFacts, targetPath } from '../../format/trust/targets.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed, type Seed } from '../support/seed.ts';

let app: TestApp;
let seed: Seed;
let folder: string;

beforeEach(async () => {
  app = await startApp();
  seed = createSeed(app);
  folder = await mkdtemp(join(tmpdir(), 'mosis-tuf-'));
});
afterEach(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

/** A client that is not ours, provisioned with the first root. */
async function independentClient(): Promise<Updater> {
  const root = await fetch(`${app.url}/v1/metadata/1.root.json`);
  await writeFile(join(folder, 'root.json'), await root.text());
  return sameClient();
}

/** The same client at its next look. */
function sameClient(): Updater {
  return new Updater({
    metadataDir: folder,
    metadataBaseUrl: `${app.url}/v1/metadata`,
    targetDir: folder,
    targetBaseUrl: `${app.url}/v1/packages`,
  });
}

async function publishedApp() {
  const ada = await seed.developer('Ada');
  const reviewer = await seed.reviewer();
  const notes = await ada.app('com.example.notes');
  const version = await notes.upload();
  await version.published(reviewer);
  await app.services.metadata.settled();
  return { ada, reviewer, notes, version };
}

describe('the signed metadata, read by a client that is not ours', () => {
  it('lists a published package, with size, hash and the chain of pins', async () => {
    const { notes, version } = await publishedApp();
    const client = await independentClient();
    await client.refresh();
    const target = await client.getTargetInfo(targetPath(notes.packageId, version.versionCode));
    expect(target?.length).toBe(version.bytes.length);
    const facts = TargetFacts.parse((target?.custom as { mosis?: unknown } | undefined)?.mosis);
    expect(facts.pins).toHaveLength(1);
    expect(facts.pins[0]?.key_ids).toContain(notes.owner.keyId);
    expect(facts.signer_key_id).toBe(notes.owner.keyId);
    expect(facts.rollouts.stable).toMatchObject({ basis_points: 10_000, state: 'complete' });
  });

  it('knows nothing of a package that was never published', async () => {
    await publishedApp();
    const client = await independentClient();
    expect(await client.getTargetInfo(targetPath('com.example.notes', 99))).toBeUndefined();
  });

  it('loses a version that was taken out of the store, and has it back when it is published again', async () => {
    const { ada, notes, version } = await publishedApp();
    const path = targetPath(notes.packageId, version.versionCode);
    await (await independentClient()).refresh();
    await ada.send('mutation($input: UnpublishVersionInput!) { unpublishVersion(input: $input) { __typename } }', {
      input: { versionId: version.id },
    });
    await app.services.metadata.settled();
    expect(await sameClient().getTargetInfo(path)).toBeUndefined();
    await ada.send('mutation($input: PublishVersionInput!) { publishVersion(input: $input) { __typename } }', {
      input: { versionId: version.id },
    });
    await app.services.metadata.settled();
    expect((await sameClient().getTargetInfo(path))?.length).toBe(version.bytes.length);
  });

  it('is in force within two seconds of a publication, a change of its rollout and a suspension, without being asked for', async () => {
    const { ada, reviewer, notes } = await publishedApp();
    await (await independentClient()).refresh();
    const next = await notes.upload({ version_code: 2, version: '1.1.0' });
    await next.approved(reviewer);
    await app.services.metadata.settled();
    const stable = async () => {
      const target = await sameClient().getTargetInfo(targetPath(notes.packageId, 2));
      if (target === undefined) return null;
      return TargetFacts.parse((target.custom as { mosis?: unknown }).mosis).rollouts.stable?.basis_points;
    };
    // A notification brings each: the poll that makes up for a lost one would take five seconds.
    const seen = async (basisPoints: number | null) => {
      const from = performance.now();
      while ((await stable()) !== basisPoints && performance.now() - from < 10_000);
      expect(await stable()).toBe(basisPoints);
      expect(performance.now() - from).toBeLessThan(2_000);
    };
    await ada.done('publishVersion', { versionId: next.id, percent: 10 });
    await seen(1_000);
    const [rollout] = app.rows<{ id: string }>('SELECT id FROM rollouts WHERE version_id = ?', next.key);
    const rolloutId = Buffer.from(`Rollout:${rollout?.id}`).toString('base64');
    await ada.done('raiseRollout', { rolloutId, percent: 20 });
    await seen(2_000);
    await reviewer.done('suspendVersion', { versionId: next.id, reason: 'It harms.' });
    await seen(null);
  });

  it('survives a restart of the server with the same root', async () => {
    const { notes, version } = await publishedApp();
    const path = targetPath(notes.packageId, version.versionCode);
    await (await independentClient()).refresh();
    await app.close({ keep: true });
    app = await startApp({ dataDir: app.dataDir });
    const target = await sameClient().getTargetInfo(path);
    expect(target?.length).toBe(version.bytes.length);
  });
});

describe('a metadata file', () => {
  it('that is versioned is cached for ever, the timestamp never', async () => {
    await publishedApp();
    const timestamp = await fetch(`${app.url}/v1/metadata/timestamp.json`);
    expect(timestamp.headers.get('cache-control')).toBe('no-cache');
    const { signed } = (await timestamp.json()) as { signed: { meta: { 'snapshot.json': { version: number } } } };
    const snapshot = await fetch(`${app.url}/v1/metadata/${signed.meta['snapshot.json'].version}.snapshot.json`);
    expect(snapshot.headers.get('cache-control')).toContain('immutable');
  });

  it('with the tag of what the client has is answered 304', async () => {
    const first = await fetch(`${app.url}/v1/metadata/timestamp.json`);
    const again = await fetch(`${app.url}/v1/metadata/timestamp.json`, {
      headers: { 'If-None-Match': first.headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
  });

  it.each(['2.root.json', '1.snapshot.json', 'root.json', '..%2fcore.db', '1.root.json%00', 'timestamp'])(
    'that is none is not found: %s',
    async (name) => {
      const answer = await fetch(`${app.url}/v1/metadata/${name}`);
      expect(answer.status).toBe(404);
      expect(((await answer.json()) as { code: string }).code).toBe('NOT_FOUND');
    },
  );
});
