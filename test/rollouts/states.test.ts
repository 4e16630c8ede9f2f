/** The table of states by itself, and the service against it on random walks. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  nextRolloutState,
  ROLLOUT_ACTS,
  ROLLOUT_STATES,
  type RolloutAct,
  type RolloutState,
} from '../../server/rollouts/states.ts';
import type { Outcome } from '../support/client.ts';
import { createStand, type ShownRollout, type Stand } from './stand.ts';

/** What is written in docs/ARCHITECTURE.md; `run` is ACTIVE, or COMPLETE for every device. */
const TABLE: { readonly [Act in RolloutAct]: readonly [string, string][] } = {
  start: [
    ['HALTED', 'run'],
    ['SUPERSEDED', 'run'],
  ],
  raise: [['ACTIVE', 'run']],
  schedule: [
    ['ACTIVE', 'ACTIVE'],
    ['PAUSED', 'PAUSED'],
  ],
  pause: [
    ['ACTIVE', 'PAUSED'],
    ['COMPLETE', 'PAUSED'],
  ],
  resume: [['PAUSED', 'run']],
  halt: [
    ['ACTIVE', 'HALTED'],
    ['PAUSED', 'HALTED'],
    ['COMPLETE', 'HALTED'],
  ],
  supersede: [
    ['ACTIVE', 'SUPERSEDED'],
    ['PAUSED', 'SUPERSEDED'],
  ],
};

describe('the states of a rollout', () => {
  it('change as the table says, and in no other way', () => {
    for (const act of ROLLOUT_ACTS)
      for (const from of ROLLOUT_STATES)
        for (const basisPoints of [1, 9_999, 10_000]) {
          const written = TABLE[act].find(([start]) => start === from)?.[1] ?? null;
          const running = basisPoints === 10_000 ? 'COMPLETE' : 'ACTIVE';
          expect([act, from, nextRolloutState(act, from, basisPoints)]).toEqual([
            act,
            from,
            written === 'run' ? running : written,
          ]);
        }
  });

  it('are COMPLETE only where every device is offered the version, and ACTIVE only where not', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...ROLLOUT_ACTS), fc.integer({ min: 1, max: 10_000 })), { maxLength: 40 }),
        (acts) => {
          let state: RolloutState = 'ACTIVE';
          let share = 1;
          for (const [act, given] of acts) {
            const next = act === 'start' ? given : act === 'raise' ? Math.max(share, given) : share;
            const target = nextRolloutState(act, state, next);
            if (target === null) continue;
            [state, share] = [target, next];
            if (state === 'COMPLETE') expect(share).toBe(10_000);
            if (state === 'ACTIVE') expect(share).toBeLessThan(10_000);
          }
        },
      ),
    );
  });
});

describe('a random walk of acts on one rollout', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await createStand();
  });
  afterAll(() => stand.close());

  type Step = { readonly act: Exclude<RolloutAct, 'supersede'>; readonly percent: number };
  const steps = fc.array(
    fc.record({
      act: fc.constantFrom<Step['act']>('start', 'raise', 'raise', 'schedule', 'pause', 'resume', 'halt'),
      percent: fc.constantFrom(0.01, 5, 33.33, 99.99, 100),
    }),
    { minLength: 12, maxLength: 12 },
  );

  it('ends where the table says, never with a smaller share but by a new start, and with one seed', async () => {
    const version = await stand.published({ percent: 5 });
    const seedOf = () => stand.app.rows<{ seed: string }>('SELECT seed FROM rollouts')[0]?.seed;
    const seed = seedOf();
    await fc.assert(
      fc.asyncProperty(steps, async (walk) => {
        for (const step of walk) {
          const before = await stand.rollout(version);
          const outcome = await run(stand, version.id, before, step);
          const after = await stand.rollout(version);
          const expected = expectation(before, step);
          expect([step, outcome.code ?? null, after.state]).toEqual([step, expected.code, expected.state]);
          if (step.act !== 'start') expect(after.percent).toBeGreaterThanOrEqual(before.percent);
          expect(after.pausedBy === null).toBe(after.state !== 'PAUSED');
          expect(after.finishedAt === null).toBe(after.state === 'ACTIVE' || after.state === 'PAUSED');
          for (const each of after.schedule) expect(each.percent).toBeGreaterThan(after.percent);
          if (after.finishedAt !== null) expect(after.schedule).toEqual([]);
        }
      }),
      { numRuns: 6 },
    );
    expect(seedOf()).toBe(seed);
  });

  function expectation({ state, percent }: ShownRollout, step: Step): { code: string | null; state: string } {
    const from = ROLLOUT_STATES.find((known) => known === state) ?? 'HALTED';
    const share = step.act === 'start' || step.act === 'raise' ? step.percent : percent;
    const target = nextRolloutState(step.act, from, Math.round(share * 100));
    if (step.act === 'raise' && from === 'ACTIVE' && step.percent <= percent) return { code: 'VALIDATION', state };
    if (step.act === 'schedule' && from === 'PAUSED' && percent === 100) return { code: 'VALIDATION', state };
    if (step.act === 'schedule' && from !== 'PAUSED' && from !== 'ACTIVE' && percent >= 99.995)
      return { code: 'STATE_CONFLICT', state };
    return target === null ? { code: 'STATE_CONFLICT', state } : { code: null, state: target };
  }

  function run({ ada, act }: Stand, versionId: string, rollout: ShownRollout, step: Step): Promise<Outcome> {
    switch (step.act) {
      case 'start':
        return ada.act('startRollout', { versionId, track: 'STABLE', percent: step.percent });
      case 'raise':
        return act('raiseRollout', rollout, { percent: step.percent });
      case 'schedule':
        return act('scheduleRollout', rollout, {
          steps: [{ at: new Date(Date.now() + 3_600_000).toISOString(), percent: 100 }],
        });
      case 'pause':
        return act('pauseRollout', rollout, { reason: 'A walk' });
      case 'resume':
        return act('resumeRollout', rollout);
      case 'halt':
        return act('haltRollout', rollout, { reason: 'A walk' });
    }
  }
});
