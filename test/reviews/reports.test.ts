/** Reports of users through the public API: who may make them, who sees them, and when they call a reviewer. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import {
  type AppHandle,
  createSeed,
  type Developer,
  localId,
  type Reviewer,
  type Seed,
  type VersionHandle,
} from '../support/seed.ts';

const HOUR_MS = 3_600_000;
let app: TestApp;
let clock: TestClock;
let seed: Seed;
let ada: Developer;
let rita: Reviewer;
let users: Developer[];
let names = 0;
beforeAll(async () => {
  clock = createTestClock();
  app = await startApp({ clock });
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer('Rita');
  users = [await seed.developer('Uma'), await seed.developer('Ugo'), await seed.developer('Ulf')];
});
afterAll(() => app.close());

/** A published app of Ada's. */
async function published(): Promise<{ made: AppHandle; version: VersionHandle }> {
  const made = await ada.app(`com.example.reported${++names}`);
  const version = await made.upload();
  await version.published(rita);
  return { made, version };
}

const reporter = (index: number): Developer => {
  const user = users[index];
  if (user === undefined) throw new Error('no such user');
  return user;
};

const SELECTION = 'report { id state reason body decisionNote }';
interface Made {
  readonly report: { readonly id: string; readonly state: string; readonly body: string };
}
const report = (user: Developer, { packageId }: AppHandle, more: object = {}) =>
  user.act<Made>('reportApp', { packageId, reason: 'PRIVACY', body: 'It reads my notes.', ...more }, SELECTION);

async function reported(user: Developer, made: AppHandle): Promise<string> {
  const outcome = await report(user, made);
  if (outcome.code !== undefined) throw new Error(`${outcome.code} ${outcome.message}`);
  return outcome.report.id;
}

/** Reports of so many other apps, made now. */
async function alreadyReported(user: Developer, count: number): Promise<void> {
  const at = clock.now();
  await app.services.work(async ({ tx }) => {
    for (let index = 0; index < count; index += 1) {
      const packageId = `com.example.other${++names}`;
      const developerId = localId(ada.id);
      const members = { create: { developerId, role: 'OWNER', createdAt: at } };
      const owner = { developerId, members, createdAt: at, updatedAt: at };
      await tx.app.create({ data: { id: packageId, packageId, name: packageId, tags: [], ...owner } });
      const about = { appId: packageId, reporterId: localId(user.id), reason: 'SCAM' };
      await tx.report.create({ data: { id: `report of ${packageId}`, ...about, createdAt: at } });
    }
  });
}

const reviewsOf = (version: VersionHandle) =>
  app.rows<{ kind: string; state: string; serial: number }>(
    `SELECT kind, state, serial FROM reviews WHERE version_id = ? AND kind = 'REPORT' ORDER BY serial`,
    version.key,
  );

describe('a report', () => {
  it('is made once an account, of a published app of others, by somebody signed in', async () => {
    const { made, version } = await published();
    const anonymous = app.client();
    const input = { packageId: made.packageId, reason: 'SCAM' };
    expect(await anonymous.act('reportApp', input)).toMatchObject({ code: 'UNAUTHENTICATED' });
    const key = reporter(0).as(await reporter(0).apiKey(['APPS_READ', 'APPS_WRITE']));
    expect(await key.act('reportApp', input)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await ada.act('reportApp', input)).toMatchObject({ code: 'OWN_APP' });
    expect(await reporter(0).act('reportApp', { ...input, packageId: 'com.example.none' })).toMatchObject({
      code: 'NOT_FOUND',
    });
    const draft = await ada.app(`com.example.draft${names}`);
    expect(await report(reporter(0), draft)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await report(reporter(0), made, { body: 'x'.repeat(2_001) })).toMatchObject({ code: 'VALIDATION' });
    const first = await report(reporter(0), made);
    expect(first.report).toMatchObject({ state: 'OPEN', body: 'It reads my notes.' });
    const again = await report(reporter(0), made, { body: 'Other words.' });
    expect(again.report).toEqual(first.report);
    const rows = app.rows('SELECT version_id FROM reports WHERE app_id = ?', made.key);
    expect(rows).toEqual([{ version_id: version.key }]);
    expect(
      app.rows(`SELECT id FROM audit_logs WHERE action = 'app.report' AND resource_id = ?`, made.key),
    ).toHaveLength(1);
  });

  it('is one of ten a day for an account', async () => {
    const nina = await seed.developer('Nina');
    const { made } = await published();
    await alreadyReported(nina, 10);
    const refused = await nina.act('reportApp', { packageId: made.packageId, reason: 'SCAM' });
    expect(refused).toMatchObject({ __typename: 'RateLimitedError', code: 'RATE_LIMITED' });
    clock.advance(24 * HOUR_MS);
    await reported(nina, made);
  });

  it('shows its reporter to admins alone, and its app to no reporter', async () => {
    const { made } = await published();
    const id = await reported(reporter(0), made);
    const QUERY = `query($id: ID!) { node(id: $id) { ... on Report { packageId reporterName state
      app { id members { developer { name } } } version { id } } } }`;
    const own = await reporter(0).query<{ node: object }>(QUERY, { id });
    expect(own.node).toEqual({
      packageId: made.packageId,
      reporterName: null,
      state: 'OPEN',
      app: null,
      version: null,
    });
    expect((await reporter(1).query<{ node: object | null }>(QUERY, { id })).node).toBeNull();
    expect((await ada.query<{ node: object | null }>(QUERY, { id })).node).toBeNull();
    const byReviewer = await rita.send(QUERY, { id });
    expect(byReviewer.text).not.toMatch(/Uma/);
    expect(byReviewer.data?.node).toMatchObject({ app: { id: made.id } });
    const grace = await seed.admin();
    expect((await grace.query<{ node: object }>(QUERY, { id })).node).toMatchObject({ reporterName: 'Uma' });
  });

  it('is listed for reviewers, never of their own app, by state, in pages that stay', async () => {
    const { made } = await published();
    const ids = [await reported(reporter(0), made), await reported(reporter(1), made)];
    const page = async (person: Developer | Reviewer, args: string) => {
      const { reports } = await person.query<{
        reports: { nodes: { id: string }[]; pageInfo: { endCursor: string; hasNextPage: boolean } };
      }>(`{ reports(${args}) { nodes { id } pageInfo { endCursor hasNextPage } } }`);
      return reports;
    };
    const first = await page(rita, 'state: OPEN, first: 1');
    // Rows that leave the list take nothing else with them.
    await rita.done('dismissReport', { reportId: first.nodes[0]?.id, note: '' });
    const rest = await page(rita, `state: OPEN, first: 100, after: "${first.pageInfo.endCursor}"`);
    const other = ids.find((id) => id !== first.nodes[0]?.id);
    expect(rest.nodes.map(({ id }) => id)).toContain(other);
    expect((await page(rita, 'state: DISMISSED, first: 100')).nodes.map(({ id }) => id)).toContain(first.nodes[0]?.id);
    expect((await ada.send('{ reports { nodes { id } } }')).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    const grace = await seed.admin();
    await grace.done('setRoles', { developerId: ada.id, reviewer: true, admin: false });
    expect((await page(ada, 'first: 100')).nodes).toEqual([]);
    expect(await ada.act('upholdReport', { reportId: other, note: 'x' })).toMatchObject({ code: 'OWN_APP' });
    await grace.done('setRoles', { developerId: ada.id, reviewer: false, admin: false });
  });
});

describe('the store', () => {
  it('says to each viewer what they reported, and keeps for visitors only what is the same for all', async () => {
    const { made } = await published();
    const QUERY = `query($packageId: String!) { storeApp(packageId: $packageId) { viewerCanReport viewerReport { state } } }`;
    const of = async (person: Pick<Developer, 'query'>) =>
      (await person.query<{ storeApp: object }>(QUERY, { packageId: made.packageId })).storeApp;
    const nobody = { viewerCanReport: false, viewerReport: null };
    expect(await of(app.client())).toEqual(nobody);
    expect(await of(reporter(0))).toEqual({ viewerCanReport: true, viewerReport: null });
    await reported(reporter(0), made);
    expect(await of(reporter(0))).toEqual({ viewerCanReport: false, viewerReport: { state: 'OPEN' } });
    expect(await of(app.client())).toEqual(nobody);
    expect(await of(reporter(1))).toEqual({ viewerCanReport: true, viewerReport: null });
    expect(await of(ada)).toEqual(nobody);
  });
});

describe('a decision about a report', () => {
  it('is made once, by a reviewer who did not make it', async () => {
    const { made } = await published();
    const id = await reported(reporter(0), made);
    expect(await reporter(0).act('upholdReport', { reportId: id, note: 'x' })).toMatchObject({ code: 'FORBIDDEN' });
    expect(await rita.act('upholdReport', { reportId: id, note: ' ' })).toMatchObject({ code: 'VALIDATION' });
    const outcomes = await Promise.all([
      rita.act('upholdReport', { reportId: id, note: 'It does.' }),
      rita.act('dismissReport', { reportId: id }),
    ]);
    expect(outcomes.map(({ code }) => code ?? 'done').sort()).toEqual(['STATE_CONFLICT', 'done']);
    expect(
      app.rows(`SELECT id FROM audit_logs WHERE resource_type = 'report' AND resource_id = ?`, localId(id)),
    ).toHaveLength(1);
    const mine = (await published()).made;
    const own = await rita.act<Made>('reportApp', { packageId: mine.packageId, reason: 'SCAM' }, SELECTION);
    expect(await rita.act('dismissReport', { reportId: own.report.id })).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('is not made by its own reporter through a look at the app either', async () => {
    clock.advance(48 * HOUR_MS);
    for (const act of ['approveReview', 'rejectReview'] as const) {
      const { made, version } = await published();
      const own = await rita.done<Made>('reportApp', { packageId: made.packageId, reason: 'SCAM' }, SELECTION);
      for (const index of [0, 1]) await reported(reporter(index), made);
      const claim = await rita.claim(version);
      await rita.done(act, act === 'approveReview' ? { ...claim } : { ...claim, feedback: 'It does.' });
      const rows = app.rows<{ id: string; state: string }>('SELECT id, state FROM reports WHERE app_id = ?', made.key);
      const open = rows.filter(({ state }) => state === 'OPEN').map(({ id }) => id);
      expect([rows.length, open]).toEqual([3, [localId(own.report.id)]]);
    }
  });

  it('leaves a dismissed report to be opened again', async () => {
    const { made } = await published();
    const id = await reported(reporter(0), made);
    await rita.done('dismissReport', { reportId: id, note: 'It asks first.' });
    const again = await report(reporter(0), made, { body: 'It does it again.' });
    expect(again.report).toEqual({
      id,
      state: 'OPEN',
      reason: 'PRIVACY',
      body: 'It does it again.',
      decisionNote: null,
    });
  });
});

describe('reports of three accounts', () => {
  it('open one look at what is in the store; approval dismisses them and leaves the version', async () => {
    const { made, version } = await published();
    await reported(reporter(0), made);
    await reported(reporter(1), made);
    expect(reviewsOf(version)).toEqual([]);
    await reported(reporter(2), made);
    expect(reviewsOf(version)).toEqual([{ kind: 'REPORT', state: 'QUEUED', serial: 1 }]);
    const { reviewQueue } = await rita.query<{ reviewQueue: { nodes: { version: { id: string } }[] } }>(
      '{ reviewQueue(kinds: [REPORT]) { nodes { kind reasons version { id } reports { body } } } }',
    );
    expect(reviewQueue.nodes.filter((each) => each.version.id === version.id)).toEqual([
      {
        kind: 'REPORT',
        reasons: ['USER_REPORTS'],
        version: { id: version.id },
        reports: Array.from({ length: 3 }, () => ({ body: 'It reads my notes.' })),
      },
    ]);
    await rita.approve(version, 'It asks before it reads.');
    expect(await version.state()).toBe('PUBLISHED');
    const rows = app.rows('SELECT DISTINCT state, decision_note FROM reports WHERE app_id = ?', made.key);
    expect(rows).toEqual([{ state: 'DISMISSED', decision_note: 'It asks before it reads.' }]);
    const next = await made.upload();
    expect(await next.submitted()).toBe('APPROVED');
    clock.advance(HOUR_MS);
    for (const user of users) await reported(user, made);
    expect(reviewsOf(version).map(({ state, serial }) => [state, serial])).toEqual([
      ['DECIDED', 1],
      ['QUEUED', 2],
    ]);
  });

  it('are upheld by a rejection, which suspends; then a person looks until one version was approved', async () => {
    clock.advance(48 * HOUR_MS);
    const { made, version } = await published();
    for (const user of users) await reported(user, made);
    const late = await seed.developer('Lena');
    const claim = await rita.claim(version);
    await reported(late, made);
    await rita.done('rejectReview', { ...claim, feedback: 'It reads notes of others.', policyRefs: ['PRIVACY-1'] });
    expect(await version.state()).toBe('SUSPENDED');
    const rows = app.rows('SELECT DISTINCT state FROM reports WHERE app_id = ?', made.key);
    expect(rows).toEqual([{ state: 'UPHELD' }]);
    const { version: shown } = await ada.query<{ version: object }>(
      'query($id: ID!) { version(id: $id) { stateReason policyRules { code title } } }',
      { id: version.id },
    );
    expect(shown).toEqual({
      stateReason: 'It reads notes of others.',
      policyRules: [{ code: 'PRIVACY-1', title: 'Data about people' }],
    });
    const second = await made.upload();
    expect(await second.submitted()).toBe('IN_REVIEW');
    const { version: reasons } = await ada.query<{ version: { reviewReasons: string[] } }>(
      'query($id: ID!) { version(id: $id) { reviewReasons } }',
      { id: second.id },
    );
    expect(reasons.reviewReasons).toContain('USER_REPORTS');
    clock.advance(HOUR_MS);
    await rita.approve(second);
    const third = await made.upload();
    expect(await third.submitted()).toBe('APPROVED');
  });

  it('that were upheld count until then, whatever their reporters say again', async () => {
    clock.advance(48 * HOUR_MS);
    const { made } = await published();
    const id = await reported(reporter(0), made);
    await rita.done('upholdReport', { reportId: id, note: 'It does.' });
    clock.advance(HOUR_MS);
    expect(await report(reporter(0), made, { body: 'No harm meant.' })).toMatchObject({
      report: { id, state: 'UPHELD', body: 'It reads my notes.' },
    });
    const { storeApp } = await reporter(0).query<{ storeApp: object }>(
      'query($packageId: String!) { storeApp(packageId: $packageId) { viewerCanReport viewerReport { state } } }',
      { packageId: made.packageId },
    );
    expect(storeApp).toEqual({ viewerCanReport: false, viewerReport: { state: 'UPHELD' } });
    const second = await made.upload();
    expect(await second.submitted()).toBe('IN_REVIEW');
    clock.advance(HOUR_MS);
    await rita.approve(second);
    clock.advance(HOUR_MS);
    expect(await report(reporter(0), made)).toMatchObject({ report: { id, state: 'OPEN' } });
  });

  it('leave open what came after the reviewer took them', async () => {
    clock.advance(48 * HOUR_MS);
    const { made, version } = await published();
    for (const user of users) await reported(user, made);
    const claim = await rita.claim(version);
    clock.advance(60_000);
    const late = await seed.developer('Liv');
    await reported(late, made);
    await rita.done('approveReview', { ...claim });
    const rows = app.rows('SELECT state, count(*) AS n FROM reports WHERE app_id = ? GROUP BY state', made.key);
    expect(rows).toEqual([
      { state: 'DISMISSED', n: 3 },
      { state: 'OPEN', n: 1 },
    ]);
  });

  it('or one that a reviewer upheld: the same look', async () => {
    clock.advance(48 * HOUR_MS);
    const { made, version } = await published();
    const id = await reported(reporter(0), made);
    await rita.done('upholdReport', { reportId: id, note: 'It does.' });
    expect(reviewsOf(version)).toEqual([{ kind: 'REPORT', state: 'QUEUED', serial: 1 }]);
  });
});
