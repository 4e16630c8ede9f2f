/** Reviews beside the state: opened once a kind, told to reviewers alone, ended with what they look at. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed, type Developer, type Reviewer, type Seed, type VersionHandle } from '../support/seed.ts';

let app: TestApp;
let seed: Seed;
let ada: Developer;
let rita: Reviewer;
let names = 0;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer('Rita');
});
afterAll(() => app.close());

async function published(): Promise<VersionHandle> {
  const version = await (await ada.app(`com.example.beside${++names}`)).upload();
  await version.published(rita);
  return version;
}

/** What a rescan that found something calls. */
const rescan = (version: VersionHandle) =>
  app.services.work(async (unit) => {
    const loaded = await app.services.versions.load(unit.tx, version.key);
    return app.services.reviews.openBeside(unit, loaded, { kind: 'RESCAN', reasons: ['RESCAN'] });
  });

const reviewsOf = (version: VersionHandle) =>
  app.rows<{ kind: string; serial: number; state: string }>(
    `SELECT kind, serial, state FROM reviews WHERE version_id = ? AND kind <> 'MANUAL' ORDER BY id`,
    version.key,
  );

describe('a look beside the state', () => {
  it('is opened once while one of its kind is open, also by two at once, and counted afterwards', async () => {
    const version = await published();
    const [first, same] = await Promise.all([rescan(version), rescan(version)]);
    expect(same).toBe(first);
    expect(reviewsOf(version)).toEqual([{ kind: 'RESCAN', serial: 1, state: 'QUEUED' }]);
    // The reviewer who approved the version in this round may look again.
    await rita.approve(version);
    expect(await version.state()).toBe('PUBLISHED');
    expect(await rescan(version)).not.toBe(first);
    expect(reviewsOf(version)).toEqual([
      { kind: 'RESCAN', serial: 1, state: 'DECIDED' },
      { kind: 'RESCAN', serial: 2, state: 'QUEUED' },
    ]);
  });

  it('is not opened for a version with nothing to take back', async () => {
    const version = await (await ada.app(`com.example.beside${++names}`)).upload();
    expect(await rescan(version)).toBeNull();
    expect(reviewsOf(version)).toEqual([]);
  });

  it('suspends what is published when it is rejected, and takes nobody’s place in the queue', async () => {
    const version = await published();
    await rescan(version);
    const waiting = await (await ada.app(`com.example.beside${++names}`)).upload({
      permissions: ['storage', 'camera'],
    });
    expect(await waiting.submitted()).toBe('IN_REVIEW');
    const { version: shown } = await ada.query<{ version: object }>(
      'query($id: ID!) { version(id: $id) { queue { position } } }',
      { id: waiting.id },
    );
    expect(shown).toEqual({ queue: { position: 1 } });
    await rita.reject(version, 'It loads code.');
    expect(await version.state()).toBe('SUSPENDED');
    await ada.done('withdrawVersion', { versionId: waiting.id });
  });

  it('is told to reviewers and admins, never to members', async () => {
    const version = await published();
    const before = await app.services.events.head();
    await rescan(version);
    const claim = await rita.claim(version);
    await rita.done('releaseReview', { ...claim });
    await rita.approve(version);
    const QUERY = `query($id: ID!, $packageId: String!) { version(id: $id) { events { type } }
      app(packageId: $packageId) { events(first: 20) { type } } }`;
    const variables = { id: version.id, packageId: version.app.packageId };
    const typesOf = (data: unknown) => JSON.stringify(data).match(/LOOKED_INTO/g)?.length ?? 0;
    expect(typesOf(await rita.query(QUERY, variables))).toBe(10);
    const grace = await seed.admin();
    expect(typesOf(await grace.query(QUERY, variables))).toBe(10);
    expect(typesOf(await ada.query(QUERY, variables))).toBe(0);
    // Live, the next event that a member gets is the one after them.
    await ada.done('unpublishVersion', { versionId: version.id });
    expect(await firstLive(ada, version, before)).toBe('UNPUBLISHED');
    expect(await firstLive(rita, version, before)).toBe('LOOKED_INTO');
  });

  it('ends when a reviewer suspends the version', async () => {
    const version = await published();
    await rescan(version);
    const claim = await rita.claim(version);
    await rita.done('suspendVersion', { versionId: version.id, reason: 'Now.' });
    expect(reviewsOf(version)).toEqual([{ kind: 'RESCAN', serial: 1, state: 'CANCELLED' }]);
    expect(await rita.act('approveReview', { ...claim })).toMatchObject({ code: 'CLAIM_LOST' });
    expect(await version.state()).toBe('SUSPENDED');
  });
});

/** The type of the first event that somebody's subscription to the version gives after a cursor. */
async function firstLive(person: Developer | Reviewer, version: VersionHandle, after: string): Promise<unknown> {
  const client = person.socket();
  try {
    const events = client.iterate({
      query: 'subscription($id: ID!, $after: EventCursor) { versionEvents(versionId: $id, after: $after) { type } }',
      variables: { id: version.id, after },
    });
    for await (const { data } of events) return (data?.versionEvents as { type: string } | undefined)?.type;
    return null;
  } finally {
    await client.dispose();
  }
}
