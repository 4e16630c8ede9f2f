/** What a review compares: the base of a version, the difference of files, and the record of its developer, for whom they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileChanges } from '../../server/versions/file-changes.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed, type Developer, type Reviewer, type Seed, type VersionHandle } from '../support/seed.ts';

let app: TestApp;
let seed: Seed;
let ada: Developer;
let rita: Reviewer;
let first: VersionHandle;
let second: VersionHandle;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer('Rita');
  const notes = await ada.app('com.example.compared');
  first = await notes.upload();
  await first.published(rita);
  const refused = await notes.upload({ permissions: ['storage', 'camera'] });
  expect(await refused.submitted()).toBe('IN_REVIEW');
  await rita.reject(refused, 'No.');
  second = await notes.upload({ permissions: ['storage', 'network'] });
  expect(await second.submitted()).toBe('IN_REVIEW');
});
afterAll(() => app.close());

const DIFF = `query($id: ID!) { version(id: $id) {
  base { id versionCode permissions { name } }
  fileDiff { path kind before { sha256 } after { sha256 } } } }`;
interface Diff {
  readonly base: { readonly id: string } | null;
  readonly fileDiff: readonly { path: string; kind: string; before: object | null; after: object | null }[];
}

describe('a version', () => {
  it('is compared with the newest that stands approved before it, for members and reviewers', async () => {
    for (const person of [ada, rita]) {
      const { version } = await person.query<{ version: Diff }>(DIFF, { id: second.id });
      expect(version.base).toMatchObject({ id: first.id });
      expect(version.fileDiff.map(({ path, kind }) => [path, kind])).toEqual([
        ['manifest.json', 'CHANGED'],
        ['signature.sig', 'CHANGED'],
      ]);
    }
    const stranger = await seed.developer('Sam');
    expect(await stranger.query(DIFF, { id: second.id })).toEqual({ version: null });
  });

  it('without one has no base, and every file is added', async () => {
    const { version } = await rita.query<{ version: Diff }>(DIFF, { id: first.id });
    expect(version.base).toBeNull();
    expect(version.fileDiff.length).toBeGreaterThan(1);
    for (const { kind, before } of version.fileDiff) expect([kind, before]).toEqual(['ADDED', null]);
  });

  it('shows the record of its owner to reviewers who are no members, and to nobody else', async () => {
    const RECORD = `query($id: ID!) { version(id: $id) { developerRecord { name publishedApps approvals rejections rejectedByChecks
      suspensions openReports upheldReports keys { keyId status } recent { id state } } } }`;
    const { version } = await rita.query<{ version: { developerRecord: object } }>(RECORD, { id: second.id });
    expect(version.developerRecord).toMatchObject({
      name: 'Ada',
      publishedApps: 1,
      approvals: 1,
      rejections: 1,
      rejectedByChecks: 0,
      suspensions: 0,
      openReports: 0,
      upheldReports: 0,
      keys: [{ keyId: ada.keyId, status: 'ACTIVE' }],
    });
    expect((version.developerRecord as { recent: { state: string }[] }).recent.map(({ state }) => state)).toEqual([
      'REJECTED',
      'PUBLISHED',
    ]);
    const record = async (person: Pick<Developer, 'query'>) =>
      (await person.query<{ version: { developerRecord: object | null } }>(RECORD, { id: second.id })).version;
    expect(await record(ada)).toEqual({ developerRecord: null });
    const grace = await seed.admin();
    expect((await record(grace)).developerRecord).not.toBeNull();
    await grace.done('setRoles', { developerId: ada.id, reviewer: true, admin: false });
    expect(await record(ada)).toEqual({ developerRecord: null });
    await grace.done('setRoles', { developerId: ada.id, reviewer: false, admin: false });
  });
});

describe('the difference of files', () => {
  it('is by path: added, removed and changed', () => {
    const file = (path: string, sha256: string) => ({ path, sha256 });
    const changes = fileChanges(
      [file('a', '1'), file('b', '1'), file('c', '1')],
      [file('d', '1'), file('c', '2'), file('a', '1')],
    );
    expect(changes.map(({ path, kind }) => [path, kind])).toEqual([
      ['b', 'REMOVED'],
      ['c', 'CHANGED'],
      ['d', 'ADDED'],
    ]);
  });
});
