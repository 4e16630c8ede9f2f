/** A second pair of eyes: versions that need two approvals, who may give the second, and what happens when things come at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed, type Developer, localId, type Reviewer, type Seed, type VersionHandle } from '../support/seed.ts';

let app: TestApp;
let seed: Seed;
let ada: Developer;
let rita: Reviewer;
let ruth: Reviewer;
let names = 0;
beforeAll(async () => {
  app = await startApp({ settings: { reviews: { sampleShare: 0, secondApproval: true } } });
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer('Rita');
  ruth = await seed.reviewer('Ruth');
});
afterAll(() => app.close());

/** A version of a new app that asks for the camera, in the queue. */
async function waiting(permissions = ['storage', 'camera']): Promise<VersionHandle> {
  const made = await ada.app(`com.example.eyes${++names}`);
  const version = await made.upload({ permissions });
  expect(await version.submitted()).toBe('IN_REVIEW');
  return version;
}

interface Seen {
  readonly state: string;
  readonly approvalsNeeded: number;
  readonly approvalsGiven: number;
}

async function seenBy(person: Pick<Developer, 'query'>, version: VersionHandle): Promise<Seen> {
  const { version: seen } = await person.query<{ version: Seen }>(
    'query($id: ID!) { version(id: $id) { state approvalsNeeded approvalsGiven } }',
    { id: version.id },
  );
  return seen;
}

async function reviewOf(version: VersionHandle) {
  const [row] = app.rows<{ id: string; state: string }>(
    'SELECT id, state FROM reviews WHERE version_id = ? ORDER BY id DESC LIMIT 1',
    version.key,
  );
  if (row === undefined) throw new Error('no review');
  return { ...row, reviewId: Buffer.from(`Review:${row.id}`).toString('base64') };
}

const auditOf = (action: string, resourceId: string) =>
  app.rows('SELECT id FROM audit_logs WHERE action = ? AND resource_id = ?', action, resourceId);

/** Runs `act` while these reviewers are none. */
async function without(reviewers: readonly Reviewer[], act: () => Promise<void>): Promise<void> {
  const ids = reviewers.map(({ id }) => localId(id));
  const set = (reviewer: boolean) =>
    app.services.work(async ({ tx }) => {
      await tx.developer.updateMany({ where: { id: { in: ids } }, data: { reviewer } });
    });
  await set(false);
  try {
    await act();
  } finally {
    await set(true);
  }
}

describe('a dangerous permission asked for the first time', () => {
  it('needs two approvals, of different reviewers; its developer sees one of two', async () => {
    const version = await waiting();
    expect(await seenBy(ada, version)).toEqual({ state: 'IN_REVIEW', approvalsNeeded: 2, approvalsGiven: 0 });
    await rita.approve(version, 'The camera is for scanning.');
    expect(await seenBy(ada, version)).toEqual({ state: 'IN_REVIEW', approvalsNeeded: 2, approvalsGiven: 1 });
    const seen = await ada.query<{ version: { events: unknown[]; queue: unknown } }>(
      'query($id: ID!) { version(id: $id) { events { type message actor { kind name } } queue { position } } }',
      { id: version.id },
    );
    expect(JSON.stringify(seen)).not.toMatch(/Rita/);
    const { events, queue } = seen.version;
    expect(events.at(-1)).toEqual({
      type: 'APPROVAL_ADDED',
      message: 'The camera is for scanning.',
      actor: { kind: 'REVIEWER', name: null },
    });
    expect(queue).not.toBeNull();
    const { reviewId } = await reviewOf(version);
    expect(await rita.act('claimReview', { reviewId })).toMatchObject({ code: 'SECOND_REVIEWER_NEEDED' });
    const review = await ruth.query(
      'query($id: ID!) { node(id: $id) { ... on Review { state viewerCanClaim approvalsNeeded approvals { reviewerName note } } } }',
      { id: reviewId },
    );
    expect(review).toEqual({
      node: {
        state: 'QUEUED',
        viewerCanClaim: true,
        approvalsNeeded: 2,
        approvals: [{ reviewerName: 'Rita', note: 'The camera is for scanning.' }],
      },
    });
    await ruth.approve(version);
    expect(await seenBy(ada, version)).toEqual({ state: 'APPROVED', approvalsNeeded: 0, approvalsGiven: 0 });
    expect((await version.events()).slice(-5)).toEqual(['QUEUED', 'CLAIMED', 'APPROVAL_ADDED', 'CLAIMED', 'APPROVED']);
    expect(auditOf('review.approve', localId(reviewId))).toHaveLength(2);
  });

  it('is rejected by one rejection, before or after the first approval', async () => {
    const first = await waiting();
    await rita.reject(first, 'No.');
    expect(await first.state()).toBe('REJECTED');
    const second = await waiting();
    await rita.approve(second);
    await ruth.reject(second, 'No.');
    expect(await second.state()).toBe('REJECTED');
    expect(app.rows('SELECT id FROM approvals WHERE version_id = ?', second.key)).toHaveLength(1);
  });

  it('needs one approval once it was approved before, and for versions without', async () => {
    const first = await waiting();
    await rita.approve(first);
    await ruth.approve(first);
    await ada.done('publishVersion', { versionId: first.id });
    const again = await first.app.upload({ permissions: ['storage', 'camera'] });
    expect(await again.submitted()).toBe('IN_REVIEW');
    expect(await seenBy(ada, again)).toMatchObject({ approvalsNeeded: 1 });
    const plainer = await first.app.upload({ permissions: ['storage', 'network'] });
    expect(await plainer.submitted()).toBe('IN_REVIEW');
    expect(await seenBy(ada, plainer)).toMatchObject({ approvalsNeeded: 1 });
    const wider = await first.app.upload({ permissions: ['storage', 'camera', 'location'] });
    expect(await wider.submitted()).toBe('IN_REVIEW');
    expect(await seenBy(ada, wider)).toMatchObject({ approvalsNeeded: 2 });
  });

  it('needs one where the setting says so', async () => {
    const grace = await seed.admin();
    await grace.done('updateReviewPolicy', { secondApproval: false });
    const version = await waiting();
    expect(await seenBy(ada, version)).toMatchObject({ approvalsNeeded: 1 });
    await grace.done('updateReviewPolicy', { secondApproval: true });
    await rita.approve(version);
    expect(await version.state()).toBe('APPROVED');
  });
});

describe('things at once', () => {
  it('a double approval by one claim counts once', async () => {
    const version = await waiting();
    const claim = await rita.claim(version);
    const outcomes = await Promise.all([1, 2, 3].map(() => rita.act('approveReview', { ...claim })));
    expect(outcomes.map(({ code }) => code ?? 'done').sort()).toEqual(['CLAIM_LOST', 'CLAIM_LOST', 'done']);
    expect(await seenBy(ada, version)).toMatchObject({ state: 'IN_REVIEW', approvalsGiven: 1 });
    expect((await version.events()).filter((type) => type === 'APPROVAL_ADDED')).toHaveLength(1);
  });

  it('of the second approval against rejection and withdrawal, one wins and is told once', async () => {
    const version = await waiting();
    await rita.approve(version);
    const claim = await ruth.claim(version);
    const outcomes = await Promise.all([
      ruth.act('approveReview', { ...claim }),
      ruth.act('rejectReview', { ...claim, feedback: 'No.' }),
      ada.act('withdrawVersion', { versionId: version.id }),
    ]);
    const state = await version.state();
    for (const { code } of outcomes) expect([undefined, 'CLAIM_LOST', 'STATE_CONFLICT']).toContain(code);
    const ends = (await version.events()).filter((type) => ['APPROVED', 'REJECTED', 'WITHDRAWN'].includes(type));
    expect(ends.at(-1)).toBe(state);
    expect(ends).toHaveLength(outcomes.filter(({ code }) => code === undefined).length);
  });
});

describe('an appeal that needs two approvals', () => {
  it('takes two who have not decided before, and an admin only where there are none left', async () => {
    const grace = await seed.admin();
    const version = await waiting();
    await rita.reject(version, 'No.');
    await ada.done('appealRejection', { versionId: version.id, reason: 'It scans.' });
    const { reviewId } = await reviewOf(version);
    expect(await rita.act('claimReview', { reviewId })).toMatchObject({ code: 'SECOND_REVIEWER_NEEDED' });
    expect(await grace.act('claimReview', { reviewId })).toMatchObject({ code: 'FORBIDDEN' });
    await ruth.approve(version);
    expect(await seenBy(ada, version)).toMatchObject({ state: 'IN_REVIEW', approvalsNeeded: 2, approvalsGiven: 1 });
    expect(await ruth.act('claimReview', { reviewId })).toMatchObject({ code: 'SECOND_REVIEWER_NEEDED' });
    expect(await rita.act('claimReview', { reviewId })).toMatchObject({ code: 'SECOND_REVIEWER_NEEDED' });
    const claimed = await grace.done<{ review: { claimId: string } }>(
      'claimReview',
      { reviewId },
      'review { claimId }',
    );
    await grace.done('commentOnVersion', { versionId: version.id, body: 'Read once more.' });
    await grace.done('approveReview', { reviewId, claimId: claimed.review.claimId });
    expect(await version.state()).toBe('APPROVED');
  });
});

describe('an admin who is no reviewer', () => {
  const QUEUE = '{ reviewQueue(first: 100) { waiting nodes { id viewerCanClaim version { id } } } }';
  interface Queue {
    readonly waiting: number;
    readonly nodes: readonly { id: string; viewerCanClaim: boolean; version: { id: string } }[];
  }

  it('sees and takes what no reviewer may take, and nothing else', async () => {
    const grace = await seed.admin();
    const version = await waiting();
    const other = await waiting();
    await rita.approve(version);
    const seen = async () => (await grace.query<{ reviewQueue: Queue }>(QUEUE)).reviewQueue;
    expect((await seen()).nodes).toEqual([]);
    await without([ruth], async () => {
      const queue = await seen();
      expect(queue.nodes.map((each) => each.viewerCanClaim)).not.toContain(false);
      expect(queue.waiting).toBe(queue.nodes.length);
      // What Rita has approved, and nothing that she could take.
      const ids = queue.nodes.map((each) => each.version.id);
      expect([ids.includes(version.id), ids.includes(other.id)]).toEqual([true, false]);
      const { reviewId } = await reviewOf(version);
      const claimed = await grace.done<{ review: { claimId: string } }>(
        'claimReview',
        { reviewId },
        'review { claimId }',
      );
      expect((await seen()).nodes.map((each) => each.version.id)).toContain(version.id);
      await grace.done('approveReview', { reviewId, claimId: claimed.review.claimId });
    });
    expect(await version.state()).toBe('APPROVED');
    const { reviewId } = await reviewOf(other);
    expect(await grace.act('claimReview', { reviewId })).toMatchObject({ code: 'FORBIDDEN' });
    await ada.done('withdrawVersion', { versionId: other.id });
  });

  it('keeps a claim when a reviewer turns up meanwhile', async () => {
    const grace = await seed.admin();
    const version = await waiting();
    await without([rita, ruth], async () => {
      const { reviewId } = await reviewOf(version);
      await grace.done('claimReview', { reviewId });
    });
    const { reviewId } = await reviewOf(version);
    const { node } = await grace.query<{ node: { claimId: string } }>(
      'query($id: ID!) { node(id: $id) { ... on Review { claimId } } }',
      { id: reviewId },
    );
    await grace.done('rejectReview', { reviewId, claimId: node.claimId, feedback: 'No.' });
    expect(await version.state()).toBe('REJECTED');
  });
});

describe('an appeal', () => {
  it('is not possible against what a compromised key signed', async () => {
    const dev = await seed.developer('Dev');
    const made = await dev.app('com.example.stolen');
    const version = await made.upload();
    expect(await version.submitted()).toBe('IN_REVIEW');
    const { viewer } = await dev.query<{ viewer: { signingKeys: { id: string }[] } }>(
      '{ viewer { signingKeys { id } } }',
    );
    const keyId = viewer.signingKeys[0]?.id;
    await dev.done('endSigningKey', { signingKeyId: keyId, ending: 'COMPROMISED' });
    expect(await version.state()).toBe('REJECTED');
    expect(await dev.act('appealRejection', { versionId: version.id, reason: 'It was me.' })).toMatchObject({
      code: 'APPEAL_NOT_POSSIBLE',
    });
  });
});

describe('a platform of one reviewer', () => {
  it('does not wait for a second one that does not exist, and notes that', async () => {
    const version = await waiting();
    const review = await reviewOf(version);
    await without([ruth], async () => {
      await app.services.work(async ({ tx }) => {
        await tx.developer.updateMany({ where: { admin: true }, data: { admin: false } });
      });
      await rita.approve(version);
    });
    expect(await version.state()).toBe('APPROVED');
    const [audit] = app.rows<{ details: string }>(
      "SELECT details FROM audit_logs WHERE action = 'review.approve' AND resource_id = ?",
      review.id,
    );
    expect(JSON.parse(audit?.details ?? '{}')).toMatchObject({ approvals: 1, approvalsNeeded: 2, nobodyElse: true });
  });
});
