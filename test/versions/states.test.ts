/** The states of a version: the pure table by random walks, and the service held to it by random acts of everybody. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  nextState,
  parseState,
  startsOf,
  VERSION_ACTS,
  VERSION_STATES,
  type VersionAct,
  type VersionState,
} from '../../server/versions/states.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed, type Developer, type Reviewer, type Seed, type VersionHandle } from '../support/seed.ts';

/** The diagram of docs/ARCHITECTURE.md once more, by states. */
const DIAGRAM: Record<VersionState, Partial<Record<VersionAct, VersionState>>> = {
  DRAFT: { submit: 'SUBMITTED', withdraw: 'WITHDRAWN' },
  SUBMITTED: {
    failChecks: 'REJECTED',
    requireReview: 'IN_REVIEW',
    passChecks: 'APPROVED',
    withdraw: 'WITHDRAWN',
    compromise: 'REJECTED',
  },
  IN_REVIEW: { approve: 'APPROVED', reject: 'REJECTED', withdraw: 'WITHDRAWN', compromise: 'REJECTED' },
  APPROVED: { publish: 'PUBLISHED', withdraw: 'WITHDRAWN', rejectSample: 'REJECTED', compromise: 'REJECTED' },
  PUBLISHED: { unpublish: 'UNPUBLISHED', suspend: 'SUSPENDED', suspendSample: 'SUSPENDED', compromise: 'SUSPENDED' },
  UNPUBLISHED: { publish: 'PUBLISHED', suspendSample: 'SUSPENDED', compromise: 'SUSPENDED' },
  SUSPENDED: { reinstate: 'PUBLISHED' },
  REJECTED: { appeal: 'IN_REVIEW' },
  WITHDRAWN: {},
};

/** `expect` costs too much for so many steps. */
function must(holds: boolean, said: string): void {
  if (!holds) throw new Error(said);
}

describe('the table of states', () => {
  it('is the diagram, for every act in every state', () => {
    for (const state of VERSION_STATES) {
      for (const act of VERSION_ACTS)
        expect([state, act, nextState(act, state)]).toEqual([state, act, DIAGRAM[state][act] ?? null]);
    }
  });

  it('never lets a walk leave WITHDRAWN, come back to DRAFT, or reach the store without approval', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...VERSION_ACTS), { maxLength: 60 }), (acts) => {
        let state: VersionState = 'DRAFT';
        let approved = false;
        for (const act of acts) {
          const next = nextState(act, state);
          const said = `${act} from ${state} to ${next}`;
          must((next === null) === !startsOf(act).includes(state), said);
          must(next === (DIAGRAM[state][act] ?? null), said);
          if (next === null) continue;
          must(state !== 'WITHDRAWN' && next !== 'DRAFT', said);
          if (next === 'APPROVED') approved = true;
          must(next !== 'PUBLISHED' || approved, said);
          state = next;
        }
      }),
      { numRuns: 10_000 },
    );
  });

  it('reads no word that is none of its states', () => {
    expect(() => parseState('BROKEN')).toThrow(/unknown version state/);
  });
});

describe('the service', () => {
  let app: TestApp;
  let seed: Seed;
  let ada: Developer;
  let reviewers: [Reviewer, Reviewer];
  let apps = 0;
  beforeAll(async () => {
    app = await startApp();
    seed = createSeed(app);
    ada = await seed.developer('Ada');
    reviewers = [await seed.reviewer('Rita'), await seed.reviewer('Ruth')];
  });
  afterAll(() => app.close());

  type Act =
    | 'submit'
    | 'withdraw'
    | 'publish'
    | 'unpublish'
    | 'suspend'
    | 'reinstate'
    | 'appeal'
    | 'approve'
    | 'reject';
  const ACTS: readonly Act[] = [
    'submit',
    'withdraw',
    'publish',
    'unpublish',
    'suspend',
    'reinstate',
    'appeal',
    'approve',
    'reject',
  ];

  /** Does the act as the one who may; answers whether it was done. */
  async function perform(version: VersionHandle, act: Act, appeals: number): Promise<boolean> {
    const versionId = version.id;
    const reviewer = reviewers[appeals > 0 ? 1 : 0];
    const done = async (outcome: Promise<{ code?: string }>) => (await outcome).code === undefined;
    switch (act) {
      case 'submit': {
        if (!(await done(ada.act('submitVersion', { versionId })))) return false;
        await seed.event(({ type, versionId: id }) => id === version.key && type === 'CHECKS_PASSED');
        return true;
      }
      case 'suspend':
      case 'reinstate':
        return done(reviewers[0].act(`${act}Version`, { versionId, reason: 'because' }));
      case 'appeal':
        return done(ada.act('appealRejection', { versionId, reason: 'because' }));
      case 'approve':
      case 'reject': {
        const { version: seen } = await reviewer.query<{ version: { review: { id: string } | null } | null }>(
          'query($id: ID!) { version(id: $id) { review { id } } }',
          { id: versionId },
        );
        if (seen?.review == null) return false;
        const claim = await reviewer.claim(version);
        if (act === 'approve') return done(reviewer.act('approveReview', { ...claim }));
        return done(reviewer.act('rejectReview', { ...claim, feedback: 'because' }));
      }
      default:
        return done(ada.act(`${act}Version`, { versionId }));
    }
  }

  it('does what the table says for any walk of acts, and nothing else', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...ACTS), { minLength: 4, maxLength: 14 }), async (acts) => {
        // A permission that a person must look at, so that the walk decides and not the policy.
        const notes = await ada.app(`com.example.walk${++apps}`);
        const version = await notes.upload({ permissions: ['storage', 'camera'] });
        let state: VersionState = 'DRAFT';
        let appeals = 0;
        for (const act of acts) {
          const expected: VersionState | null = act === 'appeal' && appeals > 0 ? null : nextState(act, state);
          expect([act, state, await perform(version, act, appeals)]).toEqual([act, state, expected !== null]);
          if (expected !== null) {
            if (act === 'appeal') appeals += 1;
            state = act === 'submit' ? 'IN_REVIEW' : expected;
          }
          expect(await version.state()).toBe(state);
        }
        const [row] = app.rows<{ status: string; latest_version_id: string | null }>(
          'SELECT status, latest_version_id FROM apps WHERE id = ?',
          notes.key,
        );
        expect(row?.latest_version_id).toBe(state === 'PUBLISHED' ? version.key : null);
      }),
      { numRuns: 15, seed: 7 },
    );
  });
});
