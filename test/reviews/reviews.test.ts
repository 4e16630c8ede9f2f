/** Reviews through the public API: the queue, claims and their leases, decisions, appeals and the conversation. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { createSeed, type Developer, localId, type Reviewer, type Seed, type VersionHandle } from '../support/seed.ts';

const MINUTE_MS = 60_000;
let app: TestApp;
let seed: Seed;
let clock: TestClock;
let rita: Reviewer;
let ruth: Reviewer;
let names = 0;
beforeAll(async () => {
  clock = createTestClock();
  app = await startApp({ clock });
  seed = createSeed(app);
  rita = await seed.reviewer('Rita');
  ruth = await seed.reviewer('Ruth');
});
afterAll(() => app.close());

/** A new developer, whose first version a person must look at. */
async function waiting(): Promise<{ dev: Developer; version: VersionHandle }> {
  names += 1;
  const dev = await seed.developer(`Dev ${names}`);
  const version = await (await dev.app(`com.example.review${names}`)).upload();
  expect(await version.submitted()).toBe('IN_REVIEW');
  return { dev, version };
}

interface QueueEntry {
  readonly id: string;
  readonly state: string;
  readonly version: { readonly id: string };
}

async function queueOf(reviewer: Reviewer, args = 'first: 100'): Promise<QueueEntry[]> {
  const { reviewQueue } = await reviewer.query<{ reviewQueue: { nodes: QueueEntry[] } }>(
    `{ reviewQueue(${args}) { nodes { id state version { id } } } }`,
  );
  return reviewQueue.nodes;
}

const auditOf = (action: string, resourceId: string) =>
  app.rows<{ actor_id: string }>(
    'SELECT actor_id FROM audit_logs WHERE action = ? AND resource_id = ?',
    action,
    resourceId,
  );

describe('the queue', () => {
  it('shows what waits by due time, in pages that stay', async () => {
    const first = await waiting();
    clock.advance(MINUTE_MS);
    const second = await waiting();
    const order = (await queueOf(rita)).map(({ version }) => version.id);
    expect(order.indexOf(first.version.id)).toBeLessThan(order.indexOf(second.version.id));
    const { reviewQueue } = await rita.query<{ reviewQueue: { pageInfo: { endCursor: string }; nodes: QueueEntry[] } }>(
      '{ reviewQueue(first: 1) { pageInfo { endCursor } nodes { id version { id } } } }',
    );
    const rest = await queueOf(rita, `first: 100, after: "${reviewQueue.pageInfo.endCursor}"`);
    expect([...reviewQueue.nodes, ...rest].map(({ version }) => version.id)).toEqual(order);
  });

  it('tells the developer their place, the due time and why', async () => {
    const { dev, version } = await waiting();
    const { version: shown } = await dev.query(
      'query($id: ID!) { version(id: $id) { reviewReasons queue { position dueAt medianWaitSeconds } review { id } } }',
      { id: version.id },
    );
    expect(shown).toMatchObject({ reviewReasons: ['FIRST_APP'], review: null });
    const { queue } = shown as { queue: { position: number; dueAt: string } };
    expect(queue.position).toBe((await queueOf(rita)).findIndex((entry) => entry.version.id === version.id) + 1);
    expect(Date.parse(queue.dueAt)).toBe(clock.ms() + 24 * 60 * MINUTE_MS);
  });

  it('never shows a reviewer their own app, and lets them do nothing with it', async () => {
    const { dev, version } = await waiting();
    const grace = await seed.admin();
    const entry = (await queueOf(rita)).find((each) => each.version.id === version.id);
    await grace.done('setRoles', { developerId: dev.id, reviewer: true, admin: false });
    const own = { ...rita, ...dev.as(dev.session) } as Reviewer;
    expect((await queueOf(own)).map((each) => each.version.id)).not.toContain(version.id);
    expect(await own.act('claimReview', { reviewId: entry?.id })).toMatchObject({ code: 'OWN_APP' });
  });
});

describe('a claim', () => {
  it('is held by one: of two at once the other gets a conflict', async () => {
    const { version } = await waiting();
    const reviewId = (await queueOf(rita)).find((each) => each.version.id === version.id)?.id;
    const outcomes = await Promise.all([rita, ruth].map((each) => each.act('claimReview', { reviewId })));
    expect(outcomes.map(({ code }) => code ?? 'done').sort()).toEqual(['CONFLICT', 'done']);
    expect((await version.events()).filter((type) => type === 'CLAIMED')).toHaveLength(1);
    expect(auditOf('review.claim', localId(reviewId ?? ''))).toHaveLength(1);
  });

  it('can be repeated by its holder, renewed and given back', async () => {
    const { version } = await waiting();
    const claim = await rita.claim(version);
    expect(await rita.claim(version)).toEqual(claim);
    clock.advance(20 * MINUTE_MS);
    await rita.done('renewClaim', { ...claim });
    clock.advance(20 * MINUTE_MS);
    expect(await ruth.act('claimReview', { reviewId: claim.reviewId })).toMatchObject({ code: 'CONFLICT' });
    expect(await ruth.act('releaseReview', { ...claim })).toMatchObject({ code: 'CLAIM_LOST' });
    await rita.done('releaseReview', { ...claim });
    expect(await rita.act('approveReview', { ...claim })).toMatchObject({
      __typename: 'ConflictError',
      code: 'CLAIM_LOST',
    });
    await ruth.claim(version);
    expect((await queueOf(ruth, 'first: 100, mine: true')).map((each) => each.version.id)).toContain(version.id);
  });

  it('lapses after 30 minutes: its holder decides nothing more, and another may take it', async () => {
    const { version } = await waiting();
    const claim = await rita.claim(version);
    clock.advance(30 * MINUTE_MS);
    for (const [act, more] of [
      ['approveReview', {}],
      ['rejectReview', { feedback: 'No.' }],
      ['renewClaim', {}],
    ] as const) {
      expect(await rita.act(act, { ...claim, ...more })).toMatchObject({ code: 'CLAIM_LOST' });
    }
    expect(await version.state()).toBe('IN_REVIEW');
    await ruth.approve(version);
    expect(await version.state()).toBe('APPROVED');
  });

  it('that lapsed goes back to the queue by itself, with an event of nobody', async () => {
    const { dev, version } = await waiting();
    const { reviewId } = await rita.claim(version);
    clock.advance(31 * MINUTE_MS);
    expect(await app.services.reviews.releaseLapsed()).toBeGreaterThan(0);
    expect((await queueOf(rita)).find(({ id }) => id === reviewId)?.state).toBe('QUEUED');
    const { version: shown } = await dev.query<{ version: { events: object[] } }>(
      'query($id: ID!) { version(id: $id) { events { type actor { kind name } } } }',
      { id: version.id },
    );
    expect(shown.events.at(-1)).toEqual({ type: 'RELEASED', actor: { kind: 'SYSTEM', name: null } });
    expect(await app.services.reviews.releaseLapsed()).toBe(0);
  });

  it('ends when its version is withdrawn', async () => {
    const { dev, version } = await waiting();
    const claim = await rita.claim(version);
    await dev.done('withdrawVersion', { versionId: version.id });
    expect(await rita.act('approveReview', { ...claim })).toMatchObject({ code: 'CLAIM_LOST' });
    expect(await version.state()).toBe('WITHDRAWN');
    expect(app.rows('SELECT state FROM reviews WHERE version_id = ?', version.key)).toEqual([{ state: 'CANCELLED' }]);
  });
});

describe('a decision', () => {
  it('is made once: of two at once by the same claim, and of approval against withdrawal, one wins', async () => {
    const { dev, version } = await waiting();
    const claim = await rita.claim(version);
    const outcomes = await Promise.all([
      rita.act('approveReview', { ...claim }),
      rita.act('rejectReview', { ...claim, feedback: 'No.' }),
      rita.act('approveReview', { ...claim }),
      dev.act('withdrawVersion', { versionId: version.id }),
    ]);
    const decisions = outcomes.slice(0, 3).filter(({ code }) => code === undefined);
    expect(decisions.length).toBeLessThanOrEqual(1);
    const events = await version.events();
    expect(events.filter((type) => type === 'APPROVED' || type === 'REJECTED').length).toBe(decisions.length);
    for (const { code } of outcomes) expect([undefined, 'CLAIM_LOST', 'STATE_CONFLICT']).toContain(code);
  });

  it('to approve is an event, an audit row and an approval, all of the reviewer', async () => {
    const { version } = await waiting();
    const claim = await rita.claim(version);
    await rita.done('approveReview', { ...claim, note: 'Nice.' });
    expect(auditOf('review.approve', localId(claim.reviewId))).toEqual([{ actor_id: localId(rita.id) }]);
    const approvals = app.rows('SELECT reviewer_id, round FROM approvals WHERE version_id = ?', version.key);
    expect(approvals).toEqual([{ reviewer_id: localId(rita.id), round: 1 }]);
    const [event] = app.rows(`SELECT actor_id FROM events WHERE version_id = ? AND type = 'APPROVED'`, version.key);
    expect(event).toEqual({ actor_id: localId(rita.id) });
  });

  it('to reject needs feedback, and keeps within its bounds', async () => {
    const { version } = await waiting();
    const claim = await rita.claim(version);
    const reject = (more: object) => rita.act('rejectReview', { ...claim, feedback: 'Too wide.', ...more });
    expect(await reject({ feedback: ' \n ' })).toMatchObject({ code: 'FEEDBACK_REQUIRED' });
    expect(await reject({ feedback: 'x'.repeat(8_001) })).toMatchObject({ code: 'VALIDATION' });
    expect(await reject({ policyRefs: Array.from({ length: 21 }, () => 'P1') })).toMatchObject({ code: 'VALIDATION' });
    expect(await reject({ findingComments: [{ findingId: 'nothing', body: 'x' }] })).toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await version.state()).toBe('IN_REVIEW');
    expect(app.rows('SELECT id FROM comments WHERE version_id = ?', version.key)).toEqual([]);
  });

  it('to reject is shown to its developer as that of a reviewer, never of whom', async () => {
    const { dev, version } = await waiting();
    await rita.claim(version);
    await rita.done('commentOnVersion', { versionId: version.id, body: 'Why so wide?' });
    await rita.reject(version, 'Ask for less.');
    const answer = await dev.send(
      `query($id: ID!) { version(id: $id) { state feedback viewerCanAppeal comments { side authorName body }
        events { type message actor { kind name } } } }`,
      { id: version.id },
    );
    expect(answer.text).not.toMatch(/Rita/);
    expect(answer.data?.version).toMatchObject({
      state: 'REJECTED',
      feedback: 'Ask for less.',
      viewerCanAppeal: true,
      comments: [{ side: 'REVIEWER', authorName: 'a reviewer', body: 'Why so wide?' }],
    });
    const seen = await ruth.send('query($id: ID!) { version(id: $id) { comments { authorName } } }', {
      id: version.id,
    });
    expect(seen.text).toMatch(/Rita/);
  });
});

describe('an appeal', () => {
  async function rejected(): Promise<{ dev: Developer; version: VersionHandle }> {
    const made = await waiting();
    await rita.reject(made.version, 'No.');
    return made;
  }

  it('is looked at by another reviewer, in a new round, and once a version', async () => {
    const { dev, version } = await rejected();
    await dev.done('appealRejection', { versionId: version.id, reason: 'It is needed.' });
    expect(await version.state()).toBe('IN_REVIEW');
    const reviewId = (await queueOf(ruth)).find((each) => each.version.id === version.id)?.id;
    expect(await rita.act('claimReview', { reviewId })).toMatchObject({ code: 'SECOND_REVIEWER_NEEDED' });
    await ruth.reject(version, 'Still no.');
    expect(await dev.act('appealRejection', { versionId: version.id, reason: 'Please.' })).toMatchObject({
      code: 'APPEAL_NOT_POSSIBLE',
    });
    const types = (await version.events()).filter((type) => ['REJECTED', 'APPEALED', 'QUEUED'].includes(type));
    expect(types).toEqual(['QUEUED', 'REJECTED', 'APPEALED', 'QUEUED', 'REJECTED']);
    expect(auditOf('version.appeal', version.key)).toHaveLength(1);
    const rounds = app.rows('SELECT round, kind FROM reviews WHERE version_id = ? ORDER BY round', version.key);
    expect(rounds).toEqual([
      { round: 1, kind: 'MANUAL' },
      { round: 2, kind: 'APPEAL' },
    ]);
  });

  it('can be won', async () => {
    const { dev, version } = await rejected();
    await dev.done('appealRejection', { versionId: version.id, reason: 'It is needed.' });
    await ruth.approve(version);
    await dev.done('publishVersion', { versionId: version.id });
    expect(await version.state()).toBe('PUBLISHED');
  });

  it('needs a reason, a rejection, and somebody who may submit', async () => {
    const { dev, version } = await waiting();
    expect(await dev.act('appealRejection', { versionId: version.id, reason: 'x' })).toMatchObject({
      code: 'STATE_CONFLICT',
    });
    await rita.reject(version, 'No.');
    expect(await dev.act('appealRejection', { versionId: version.id, reason: ' ' })).toMatchObject({
      code: 'VALIDATION',
    });
    expect(await rita.act('appealRejection', { versionId: version.id, reason: 'x' })).toMatchObject({
      code: 'NOT_FOUND',
    });
    const outcomes = await Promise.all(
      [1, 2, 3].map(() => dev.act('appealRejection', { versionId: version.id, reason: 'x' })),
    );
    expect(outcomes.filter(({ code }) => code === undefined)).toHaveLength(1);
  });

  it('is an admin’s only where no other reviewer is left', async () => {
    const { dev, version } = await rejected();
    await dev.done('appealRejection', { versionId: version.id, reason: 'It is needed.' });
    const reviewId = (await queueOf(ruth)).find((each) => each.version.id === version.id)?.id;
    const grace = await seed.admin();
    expect(await grace.act('claimReview', { reviewId })).toMatchObject({ code: 'FORBIDDEN' });
    const others = app.rows<{ id: string }>(
      'SELECT id FROM developers WHERE reviewer = 1 AND id <> ?',
      localId(rita.id),
    );
    await app.services.work(async ({ tx }) => {
      await tx.developer.updateMany({ where: { id: { in: others.map(({ id }) => id) } }, data: { reviewer: false } });
    });
    const claimed = await grace.done<{ review: { claimId: string } }>(
      'claimReview',
      { reviewId },
      'review { claimId }',
    );
    await grace.done('approveReview', { reviewId, claimId: claimed.review.claimId });
    expect(await version.state()).toBe('APPROVED');
    await app.services.work(async ({ tx }) => {
      await tx.developer.updateMany({ where: { id: { in: others.map(({ id }) => id) } }, data: { reviewer: true } });
    });
  });
});

describe('checks that find an error', () => {
  it('reject at once, with the findings as the feedback, and no reviewer', async () => {
    names += 1;
    const dev = await seed.developer(`Dev ${names}`);
    const notes = await dev.app(`com.example.review${names}`);
    const version = await notes.upload({ permissions: [] });
    expect(await version.submitted()).toBe('REJECTED');
    const { version: shown } = await dev.query(
      `query($id: ID!) { version(id: $id) { feedback findings(severity: ERROR) { totalCount nodes { code file line } }
        checks { name state errors } events { type errors finding { code } } } }`,
      { id: version.id },
    );
    const { findings, checks, events } = shown as {
      findings: { totalCount: number };
      checks: { state: string }[];
      events: { type: string }[];
    };
    expect(findings.totalCount).toBeGreaterThan(0);
    expect(checks.some(({ state }) => state === 'FAILED')).toBe(true);
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['CHECKS_FAILED', 'REJECTED']);
    expect(app.rows('SELECT id FROM reviews WHERE version_id = ?', version.key)).toEqual([]);
    expect(auditOf('review.reject', version.key)).toHaveLength(1);
  });
});

describe('a version of a known developer', () => {
  it('without new permissions or warnings is approved by the checks alone', async () => {
    const { dev, version } = await waiting();
    await rita.approve(version);
    await dev.done('publishVersion', { versionId: version.id });
    const second = await version.app.upload();
    expect(await second.submitted()).toBe('APPROVED');
    expect((await second.events()).slice(-2)).toEqual(['CHECKS_PASSED', 'APPROVED']);
    expect(auditOf('review.approve', second.key)).toHaveLength(1);
    const third = await version.app.upload({ permissions: ['storage', 'network'] });
    expect(await third.submitted()).toBe('IN_REVIEW');
    const [reasons] = app.rows<{ reasons: string }>('SELECT reasons FROM reviews WHERE version_id = ?', third.key);
    expect(JSON.parse(reasons?.reasons ?? '')).toContain('NEW_PERMISSION');
  });
});

describe('a sample review', () => {
  it('of an automatic approval looks on while the version goes its way, and can take it back', async () => {
    const always = await startApp({ settings: { reviews: { sampleShare: 1 } } });
    try {
      const story = createSeed(always);
      const dev = await story.developer('Ada');
      const robin = await story.reviewer('Robin');
      const notes = await dev.app('com.example.sampled');
      const first = await notes.upload();
      await first.published(robin);
      const [approved, published, gone] = [await notes.upload(), await notes.upload(), await notes.upload()];
      for (const version of [approved, published, gone]) {
        expect(await version.submitted()).toBe('APPROVED');
        expect(await version.events()).not.toContain('QUEUED');
      }
      await dev.done('publishVersion', { versionId: published.id });
      await dev.done('publishVersion', { versionId: gone.id });
      await dev.done('unpublishVersion', { versionId: gone.id });
      for (const version of [approved, published, gone]) await robin.reject(version, 'Not after all.');
      expect([await approved.state(), await published.state(), await gone.state()]).toEqual([
        'REJECTED',
        'SUSPENDED',
        'SUSPENDED',
      ]);
      expect((await gone.events()).at(-1)).toBe('SUSPENDED');
      expect(await dev.act('publishVersion', { versionId: gone.id })).toMatchObject({ code: 'STATE_CONFLICT' });
    } finally {
      await always.close();
    }
  });
});

describe('the conversation', () => {
  it('ends at 500 comments of a side, and the other side can still answer', async () => {
    const { dev, version } = await waiting();
    const { developerId } = await dev
      .query<{ viewer: { developer: { id: string } } }>('{ viewer { developer { id } } }')
      .then(({ viewer }) => ({ developerId: localId(viewer.developer.id) }));
    await app.services.work(async ({ tx }) => {
      const said = {
        versionId: version.key,
        authorId: developerId,
        side: 'DEVELOPER',
        body: '…',
        createdAt: clock.now(),
      };
      await tx.comment.createMany({
        data: Array.from({ length: 499 }, (_, n) => ({ ...said, id: `${version.key}-${n}` })),
      });
    });
    await dev.done('commentOnVersion', { versionId: version.id, body: 'The last.' });
    expect(await dev.act('commentOnVersion', { versionId: version.id, body: 'One more.' })).toMatchObject({
      code: 'LIMIT_REACHED',
    });
    await rita.done('commentOnVersion', { versionId: version.id, body: 'Enough said.' });
  });

  it('is between members and reviewers, and is there for nobody else', async () => {
    const { dev, version } = await waiting();
    // A repeat after a lost answer does not say it twice.
    const said = { versionId: version.id, body: 'It needs this.', idempotencyKey: 'said once' };
    await dev.done('commentOnVersion', said);
    await dev.done('commentOnVersion', said);
    expect(await dev.act('commentOnVersion', { ...said, body: 'Something else.' })).toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
    const stranger = await seed.developer('Sam');
    expect(await stranger.act('commentOnVersion', { versionId: version.id, body: 'x' })).toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await dev.act('commentOnVersion', { versionId: version.id, body: '' })).toMatchObject({
      code: 'VALIDATION',
    });
    const draft = await version.app.upload();
    expect(await rita.act('commentOnVersion', { versionId: draft.id, body: 'x' })).toMatchObject({ code: 'NOT_FOUND' });
    const { version: shown } = await rita.query(
      'query($id: ID!) { version(id: $id) { comments { side authorName body } } }',
      {
        id: version.id,
      },
    );
    expect(shown).toEqual({ comments: [{ side: 'DEVELOPER', authorName: dev.name, body: 'It needs this.' }] });
  });
});
