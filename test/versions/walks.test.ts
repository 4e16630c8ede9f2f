/**
 * Random walks of everybody's acts, one by one and two at once, over the real services and a real SQLite file. After each step
 * the state must be one that the diagram allows, and every accepted act must have left its one event and its one audit row.
 * WALK_STEPS (1000) is how many steps are taken.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DeveloperViewer, viewerOf } from '../../server/accounts/viewer.ts';
import { DomainError } from '../../server/errors.ts';
import type { EventRecord } from '../../server/events/types.ts';
import { nextState, parseState, type VersionAct, type VersionState } from '../../server/versions/states.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { createSeed, localId, type Person } from '../support/seed.ts';

const STEPS = Number(process.env.WALK_STEPS ?? 1_000);
const STEPS_A_WALK = 16;
const HOUR_MS = 3_600_000;
const ORIGIN = { ip: null, userAgent: null };

let app: TestApp;
let clock: TestClock;
let owner: DeveloperViewer;
let reviewers: DeveloperViewer[];
let users: DeveloperViewer[];
let apps = 0;
let taken = 0;
const accepted = new Map<Act['name'], number>();
let together = 0;

function viewer(person: Person, roles: { reviewer?: boolean; admin?: boolean } = {}): DeveloperViewer {
  const { reviewer = false, admin = false } = roles;
  const identity = { id: localId(person.id), name: person.name, email: person.email, reviewer, admin };
  return viewerOf(identity, { kind: 'SESSION', id: 'walk', expiresAt: new Date(8.64e15) });
}

beforeAll(async () => {
  clock = createTestClock();
  app = await startApp({ clock, settings: { reviews: { sampleShare: 0, secondApproval: true } } });
  const seed = createSeed(app);
  owner = viewer(await seed.developer('Ada'));
  reviewers = [
    viewer(await seed.reviewer('Rita'), { reviewer: true }),
    viewer(await seed.reviewer('Ruth'), { reviewer: true }),
    viewer(await seed.admin(), { admin: true }),
  ];
  users = [];
  for (const name of ['Uma', 'Ugo', 'Ulf']) users.push(viewer(await seed.developer(name)));
});
afterAll(() => app.close());

interface Walked {
  readonly versionId: string;
  readonly appId: string;
  readonly packageId: string;
  readonly keyId: string;
}

/** A version of a new app that has just been submitted. */
async function submitted(permissions: readonly string[]): Promise<Walked> {
  apps += 1;
  const ids = { versionId: `walk-version-${apps}`, appId: `walk-app-${apps}`, keyId: `SHA256:walk${apps}` };
  const packageId = `com.example.walked${apps}`;
  const at = clock.now();
  await app.services.work(async ({ tx }) => {
    const { developerId } = owner;
    await tx.app.create({
      data: {
        id: ids.appId,
        developerId,
        packageId,
        name: packageId,
        tags: [],
        highestCode: 1,
        createdAt: at,
        updatedAt: at,
      },
    });
    await tx.appMember.create({ data: { appId: ids.appId, developerId, role: 'OWNER', createdAt: at } });
    await tx.appVersion.create({
      data: {
        id: ids.versionId,
        appId: ids.appId,
        versionCode: 1,
        versionName: '1.0.0',
        state: 'SUBMITTED',
        round: 1,
        claimedCode: 1,
        packageSize: 1,
        packageSha256: 'a'.repeat(64),
        unpackedSize: 1,
        manifest: {},
        permissions: [...permissions],
        minMosisVersion: '1.0.0',
        signerKeyId: ids.keyId,
        reviewReasons: [],
        uploadedById: developerId,
        createdAt: at,
        updatedAt: at,
        submittedAt: at,
      },
    });
  });
  return { ...ids, packageId };
}

const MEMBER_ACTS = ['withdraw', 'publish', 'unpublish', 'appeal'] as const;
const REVIEWER_ACTS = ['claim', 'release', 'approve', 'reject', 'suspend', 'reinstate'] as const;
const OTHER_ACTS = ['conclude', 'compromise', 'report', 'uphold', 'rescan', 'lapse'] as const;
type Act = {
  readonly name: (typeof MEMBER_ACTS)[number] | (typeof REVIEWER_ACTS)[number] | (typeof OTHER_ACTS)[number];
  /** Which reviewer or user. */
  readonly who: number;
};

/** Reviews and decisions are most of what happens; a lost key is rare. */
const act: fc.Arbitrary<Act> = fc.record({
  name: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('claim', 'approve' as const) },
    { weight: 2, arbitrary: fc.constantFrom(...REVIEWER_ACTS) },
    { weight: 3, arbitrary: fc.constantFrom(...MEMBER_ACTS) },
    { weight: 2, arbitrary: fc.constantFrom('publish' as const, 'report' as const, 'rescan' as const) },
    { weight: 1, arbitrary: fc.constantFrom(...OTHER_ACTS) },
  ),
  who: fc.nat({ max: 2 }),
});
/** One act, or two at once. */
const step = fc.oneof(fc.tuple(act), fc.tuple(act, act));

/** The open review of the version, as anybody who looks now sees it. */
function openReview({ versionId }: Walked): { id: string; claimId: string } | null {
  const [row] = app.rows<{ id: string; claim_id: string | null }>(
    `SELECT id, claim_id FROM reviews WHERE version_id = ? AND state IN ('QUEUED', 'CLAIMED') ORDER BY due_at, id LIMIT 1`,
    versionId,
  );
  return row === undefined ? null : { id: row.id, claimId: row.claim_id ?? '' };
}

const of = <Item>(list: readonly Item[], index: number): Item => {
  const item = list[index % list.length];
  if (item === undefined) throw new Error('an empty list');
  return item;
};

/** Does the act; what the services refuse in words is no fault. Answers whether it was accepted. */
async function perform(walked: Walked, { name, who }: Act): Promise<boolean> {
  try {
    await run(walked, name, who);
    return true;
  } catch (error) {
    if (error instanceof DomainError) return false;
    throw error;
  }
}

async function run({ versionId, ...walked }: Walked, name: Act['name'], who: number): Promise<unknown> {
  const { versions, reviews, work } = app.services;
  const reviewer = of(reviewers, who);
  const review = openReview({ versionId, ...walked }) ?? { id: 'none', claimId: 'none' };
  const claim = { reviewId: review.id, claimId: review.claimId };
  switch (name) {
    case 'withdraw':
    case 'publish':
    case 'unpublish':
      return versions[name](owner, versionId, ORIGIN);
    case 'appeal':
      return reviews.appeal(owner, versionId, 'because', ORIGIN);
    case 'claim':
      return reviews.claim(reviewer, review.id, ORIGIN);
    case 'release':
      return reviews.release(reviewer, review.id, review.claimId, ORIGIN);
    case 'approve':
      return reviews.approve(reviewer, { ...claim, note: '' }, ORIGIN);
    case 'reject':
      return reviews.reject(reviewer, { ...claim, feedback: 'No.', policyRefs: [], findingComments: [] }, ORIGIN);
    case 'suspend':
    case 'reinstate':
      return versions[name](reviewer, versionId, 'because', ORIGIN);
    case 'compromise':
      return work((unit) => versions.endForKey(unit, walked.keyId, new Date(0)));
    case 'report':
      return reviews.report(of(users, who), { packageId: walked.packageId, reason: 'SCAM', body: '' }, ORIGIN);
    case 'uphold': {
      const [report] = app.rows<{ id: string }>('SELECT id FROM reports WHERE app_id = ? LIMIT 1', walked.appId);
      return reviews.upholdReport(reviewer, report?.id ?? 'none', 'It is so.', ORIGIN);
    }
    case 'rescan':
      return work(async (unit) =>
        reviews.openBeside(unit, await versions.load(unit.tx, versionId), { kind: 'RESCAN', reasons: ['RESCAN'] }),
      );
    case 'lapse':
      clock.advance(HOUR_MS);
      return reviews.releaseLapsed();
    case 'conclude':
      return work(async (unit) => {
        const version = await versions.load(unit.tx, versionId);
        const summary = { errors: who === 2 ? 1 : 0, warnings: 0, crashed: false };
        if (version.state === 'SUBMITTED') await reviews.conclude(unit, version, summary);
      });
    default:
      return name satisfies never;
  }
}

type Told = Pick<EventRecord, 'type' | 'payload' | 'actorId'>;

/** The act of the table that an event tells of; null for events that move no state. */
function actOf({ type, payload }: Told, from: VersionState): VersionAct | null {
  switch (type) {
    case 'QUEUED':
      return from === 'SUBMITTED' ? 'requireReview' : null;
    case 'CHECKS_FAILED':
      return 'failChecks';
    case 'APPROVED':
      return payload.by === 'CHECKS' ? 'passChecks' : 'approve';
    case 'REJECTED':
      if (payload.by === 'CHECKS') return null;
      return payload.by === 'SYSTEM' ? 'compromise' : from === 'APPROVED' ? 'rejectSample' : 'reject';
    case 'SUSPENDED':
      return payload.by === 'SYSTEM' ? 'compromise' : payload.by === 'REVIEWER' ? 'suspendSample' : 'suspend';
    case 'APPEALED':
      return 'appeal';
    case 'WITHDRAWN':
      return 'withdraw';
    case 'PUBLISHED':
      return 'publish';
    case 'UNPUBLISHED':
      return 'unpublish';
    case 'REINSTATED':
      return 'reinstate';
    default:
      return null;
  }
}

/** Where the events lead from SUBMITTED, each by a way of the diagram. */
function replayed(events: readonly Told[]): VersionState {
  let state: VersionState = 'SUBMITTED';
  for (const event of events) {
    const done = actOf(event, state);
    if (done === null) continue;
    const next = nextState(done, state);
    if (next === null) throw new Error(`${event.type} tells of ${done} in ${state}`);
    state = next;
  }
  return state;
}

const isMove = ({ type, payload }: Told, move: string) =>
  type === move || (type === 'LOOKED_INTO' && payload.move === move);

/** For each audit action, the events that tell of the same acts. */
const PAIRS: Readonly<Record<string, (event: Told) => boolean>> = {
  'review.claim': (event) => isMove(event, 'CLAIMED'),
  'review.release': (event) => isMove(event, 'RELEASED') && event.actorId !== null,
  'review.approve': (event) => isMove(event, 'APPROVED') || event.type === 'APPROVAL_ADDED',
  'review.reject': ({ type, payload }) => type === 'REJECTED' || (type === 'SUSPENDED' && payload.by === 'REVIEWER'),
  'version.suspend': ({ type, payload }) => type === 'SUSPENDED' && payload.by !== 'REVIEWER',
  'version.reinstate': ({ type }) => type === 'REINSTATED',
  'version.publish': ({ type }) => type === 'PUBLISHED',
  'version.unpublish': ({ type }) => type === 'UNPUBLISHED',
  'version.withdraw': ({ type }) => type === 'WITHDRAWN',
  'version.appeal': ({ type }) => type === 'APPEALED',
};
/** The action that an accepted act must have left, where each does; a claim by its holder is answered as it is. */
const LEAVES: readonly { readonly name: Act['name']; readonly action: string }[] = [
  { name: 'release', action: 'review.release' },
  { name: 'reinstate', action: 'version.reinstate' },
  { name: 'publish', action: 'version.publish' },
  { name: 'unpublish', action: 'version.unpublish' },
  { name: 'withdraw', action: 'version.withdraw' },
  { name: 'appeal', action: 'version.appeal' },
];

function auditOf({ versionId }: Walked): Map<string, number> {
  const rows = app.rows<{ action: string; n: number }>(
    `SELECT action, count(*) AS n FROM audit_logs
     WHERE (resource_type = 'version' AND resource_id = ?)
       OR (resource_type = 'review' AND resource_id IN (SELECT id FROM reviews WHERE version_id = ?)) GROUP BY action`,
    versionId,
    versionId,
  );
  return new Map(rows.map(({ action, n }) => [action, n]));
}

interface ReviewRow {
  readonly kind: string;
  readonly state: string;
  readonly round: number;
  readonly decision: string | null;
  readonly needed: number;
  readonly approvals: number;
  readonly approvers: number;
}

function checkReviews(walked: Walked, state: VersionState, round: number): void {
  const rows = app.rows<ReviewRow>(
    `SELECT kind, state, r.round, decision, approvals_needed AS needed, count(a.id) AS approvals,
       count(DISTINCT a.reviewer_id) AS approvers
     FROM reviews r LEFT JOIN approvals a ON a.review_id = r.id WHERE r.version_id = ? GROUP BY r.id`,
    walked.versionId,
  );
  const decides = ({ kind }: ReviewRow) => kind === 'MANUAL' || kind === 'APPEAL';
  const open = rows.filter((row) => row.state === 'QUEUED' || row.state === 'CLAIMED');
  expect(open.filter(decides).map((row) => row.round)).toEqual(state === 'IN_REVIEW' ? [round] : []);
  const beside = open.filter((row) => !decides(row)).map(({ kind }) => kind);
  expect(beside).toHaveLength(new Set(beside).size);
  if (!['APPROVED', 'PUBLISHED', 'UNPUBLISHED'].includes(state)) expect(beside).toEqual([]);
  for (const row of rows.filter(decides)) {
    expect(row.approvals).toBe(row.approvers);
    const approved = row.decision === 'APPROVED';
    expect([approved, row.approvals === row.needed]).toEqual([approved, approved]);
  }
}

/** Throws where what is stored is not what the diagram and the accepted acts allow. */
async function check(walked: Walked, done: ReadonlyMap<Act['name'], number>, rowsBefore: Rows): Promise<Rows> {
  const { events } = await app.services.events.read({ filter: { versionId: walked.versionId }, limit: 1_000 });
  const [row] = app.rows<{ state: string; round: number; latest: string | null }>(
    `SELECT v.state, v.round, a.latest_version_id AS latest FROM app_versions v JOIN apps a ON a.id = v.app_id WHERE v.id = ?`,
    walked.versionId,
  );
  if (row === undefined) throw new Error('the version is gone');
  const state = parseState(row.state);
  expect(replayed(events)).toBe(state);
  expect(row.latest).toBe(state === 'PUBLISHED' ? walked.versionId : null);
  const audit = auditOf(walked);
  for (const [action, tells] of Object.entries(PAIRS))
    expect([action, audit.get(action) ?? 0]).toEqual([action, events.filter(tells).length]);
  for (const { name, action } of LEAVES) expect([name, audit.get(action) ?? 0]).toEqual([name, done.get(name) ?? 0]);
  checkReviews(walked, state, row.round);
  return checkRows(rowsBefore);
}

interface Rows {
  readonly events: number;
  readonly audit: number;
  readonly reviews: number;
}

/** The log has every cursor up to its head, and nothing that only grows has shrunk. */
function checkRows(before: Rows): Rows {
  const [now] = app.rows<Rows & { last: number; head: number }>(
    `SELECT (SELECT count(*) FROM events) AS events, (SELECT max(n) FROM events) AS last, (SELECT n FROM event_head) AS head,
       (SELECT count(*) FROM audit_logs) AS audit, (SELECT count(*) FROM reviews) AS reviews`,
  );
  if (now === undefined) throw new Error('no rows');
  expect([now.last, now.head]).toEqual([now.events, now.events]);
  expect(now.events >= before.events && now.audit >= before.audit && now.reviews >= before.reviews).toBe(true);
  return now;
}

describe('random acts, one by one and two at once', () => {
  it('never reach an illegal state and never lose an event or an audit row', { timeout: 600_000 }, async () => {
    const walk = fc.tuple(
      fc.constantFrom(['storage'], ['storage', 'camera'], ['camera', 'location']),
      fc.array(step, { minLength: STEPS_A_WALK, maxLength: STEPS_A_WALK }),
    );
    await fc.assert(
      fc.asyncProperty(walk, async ([permissions, steps]) => {
        clock.advance(25 * HOUR_MS);
        const walked = await submitted(permissions);
        const done = new Map<Act['name'], number>();
        let rows: Rows = { events: 0, audit: 0, reviews: 0 };
        for (const acts of [[{ name: 'conclude', who: apps % 7 === 0 ? 2 : 0 } as const], ...steps]) {
          const outcomes = await Promise.all(acts.map((each) => perform(walked, each)));
          for (const [index, each] of acts.entries())
            if (outcomes[index] === true)
              for (const counts of [done, accepted]) counts.set(each.name, (counts.get(each.name) ?? 0) + 1);
          taken += 1;
          together += acts.length > 1 ? 1 : 0;
          rows = await check(walked, done, rows);
        }
      }),
      { numRuns: Math.ceil(STEPS / (STEPS_A_WALK + 1)), seed: 11, endOnFailure: true },
    );
    expect(taken).toBeGreaterThanOrEqual(STEPS);
    // A walk that is refused everything would prove nothing.
    const never = [...MEMBER_ACTS, ...REVIEWER_ACTS, ...OTHER_ACTS].filter((name) => !accepted.has(name));
    expect(never).toEqual([]);
    expect([...accepted.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(taken / 4);
    expect(together).toBeGreaterThan(taken / 4);
  });
});
