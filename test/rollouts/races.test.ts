/** Two at once on one rollout: one wins, the other is told so, and nothing is half done. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DomainError } from '../../server/errors.ts';
import { moveRollout } from '../../server/rollouts/records.ts';
import { localId, type VersionHandle } from '../support/seed.ts';
import { createStand, type ShownRollout, type Stand } from './stand.ts';

let server: Stand;
let stand: Stand;
let version: VersionHandle;
let rollout: ShownRollout;
beforeAll(async () => {
  server = await createStand();
});
beforeEach(async () => {
  stand = await server.another();
  await stand.published();
  version = await stand.published({ percent: 5 });
  rollout = await stand.rollout(version);
});
afterAll(() => server.close());

describe('two at once', () => {
  it('raising to the same share: one does it, nobody is told twice', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => stand.act('raiseRollout', rollout, { percent: 20 })),
    );
    expect(outcomes.filter(({ code }) => code === undefined)).toHaveLength(1);
    expect((await stand.changes()).filter((change) => change.includes('RAISED'))).toEqual([
      '2 STABLE RAISED 20 DEVELOPER',
    ]);
  });

  it('raising to different shares: it ends at the larger, however they fall', async () => {
    await Promise.all([20, 80, 40].map((percent) => stand.act('raiseRollout', rollout, { percent })));
    expect((await stand.rollout(version)).percent).toBe(80);
  });

  it('raising and halting: what is halted is raised no more', async () => {
    const [halted, raised] = await Promise.all([
      stand.act('haltRollout', rollout, { reason: 'Stop' }),
      stand.act('raiseRollout', rollout, { percent: 50 }),
    ]);
    expect(halted.code).toBeUndefined();
    expect((await stand.rollout(version)).state).toBe('HALTED');
    if (raised.code !== undefined) expect(raised).toMatchObject({ code: 'STATE_CONFLICT', currentState: 'HALTED' });
  });

  it('completing two versions: the lower one is superseded or complete, never on its way', async () => {
    const higher = await stand.published({ percent: 5 });
    const both = [rollout, await stand.rollout(higher)];
    await Promise.all(both.map((each) => stand.act('raiseRollout', each, { percent: 100 })));
    expect((await stand.rollout(higher)).state).toBe('COMPLETE');
    expect(['COMPLETE', 'SUPERSEDED']).toContain((await stand.rollout(version)).state);
  });

  it('are fenced in the statement itself: who read an older rollout changes nothing', async () => {
    const { app } = stand;
    const id = localId(rollout.id);
    const stale = await app.services.work(({ tx }) => tx.rollout.findUniqueOrThrow({ where: { id } }));
    await stand.act('raiseRollout', rollout, { percent: 20 });
    const clock = { now: () => new Date(), ms: () => Date.now() };
    const late = app.services.work(({ tx }) => moveRollout(tx, clock, stale, 'raise', { basisPoints: 3_000 }));
    await expect(late).rejects.toThrow(DomainError);
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
    expect((await stand.rollout(version)).percent).toBe(20);
  });
});

describe('the guard', () => {
  const found = { reason: 'Of 400 devices 12 % crashed.', evidence: { devices: 400 } };
  const pause = () => stand.app.services.rollouts.pauseByGuard(localId(rollout.id), found);

  it('pauses once, whoever looks at the same time', async () => {
    expect((await Promise.all([pause(), pause(), pause()])).filter(Boolean)).toHaveLength(1);
    expect(await stand.rollout(version)).toMatchObject({ state: 'PAUSED', pausedBy: 'GUARD', reason: found.reason });
    expect((await stand.changes()).filter((change) => change.includes('PAUSED'))).toEqual(['2 STABLE PAUSED 5 GUARD']);
  });

  it('has no more say once a person resumed what it paused, though it goes on judging', async () => {
    const { rollouts } = stand.app.services;
    await pause();
    expect(await stand.act('resumeRollout', rollout)).not.toHaveProperty('code');
    expect(await pause()).toBe(false);
    const id = localId(rollout.id);
    await rollouts.recordGuard(id, { at: new Date().toISOString(), verdict: 'WORSE', devices: 400 });
    expect(await pause()).toBe(false);
    const watched = await rollouts.watched();
    expect(watched.find(({ rolloutId }) => rolloutId === id)).toMatchObject({
      track: 'STABLE',
      version: { code: 2 },
      previous: { code: 1 },
      mayPause: false,
    });
    expect(await stand.rollout(version)).toMatchObject({ state: 'ACTIVE', pausedBy: null });
  });

  it('may pause again what a person paused and resumed, and a rollout that was started anew', async () => {
    await stand.act('pauseRollout', rollout, { reason: 'A look' });
    await stand.act('resumeRollout', rollout);
    expect(await pause()).toBe(true);
    await stand.act('haltRollout', rollout, { reason: 'Mend it' });
    await stand.ada.done('startRollout', { versionId: version.id, track: 'STABLE', percent: 5 });
    expect(await pause()).toBe(true);
  });

  it('and the developer at once leave a rollout that one of them paused', async () => {
    const [byGuard, byAda] = await Promise.all([pause(), stand.act('pauseRollout', rollout, { reason: 'Mine' })]);
    const shown = await stand.rollout(version);
    expect(shown.state).toBe('PAUSED');
    expect(shown.pausedBy).toBe(byGuard ? 'GUARD' : 'DEVELOPER');
    expect(byAda.code === undefined).toBe(!byGuard);
  });

  it('shows the developer what it found, and its record fails no act of theirs', async () => {
    const { app, ada } = stand;
    const judgement = {
      at: '2026-03-01T12:00:00.000Z',
      verdict: 'NO_WORSE',
      devices: 120,
      crashFreePercent: 99.1,
      previousVersion: '1.2.3',
      previousDevices: 300,
      previousCrashFreePercent: 99.3,
      worseByAtLeast: -1.4,
    } as const;
    await app.services.rollouts.recordGuard(localId(rollout.id), judgement);
    const { node } = await ada.query(
      `query($id: ID!) { node(id: $id) { ... on Rollout { guard { at verdict devices crashFreePercent
        previousVersion previousDevices previousCrashFreePercent worseByAtLeast } } } }`,
      { id: rollout.id },
    );
    expect(node).toEqual({ guard: judgement });
    expect((await stand.rollout(version)).startedAt).toBe(rollout.startedAt);
  });

  it('watches no version without a predecessor, none that is paused or out of the store, and none for long', async () => {
    const { rollouts } = stand.app.services;
    const codes = async () => {
      const watched = await rollouts.watched();
      return watched.filter(({ appId }) => appId === stand.notes.key).map(({ version: { code } }) => code);
    };
    expect(await codes()).toEqual([2]);
    await stand.act('pauseRollout', rollout, { reason: 'A look' });
    expect(await codes()).toEqual([]);
    await stand.act('resumeRollout', rollout);
    await stand.rita.done('suspendVersion', { versionId: version.id, reason: 'A look' });
    expect(await codes()).toEqual([]);
  });
});
