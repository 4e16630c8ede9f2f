/** A rollout from its start to its end, as every public edge shows it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStand, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(async () => {
  stand = await createStand();
});
afterEach(() => stand.close());

describe('a staged rollout', () => {
  it('offers the version to a share of the devices, and leaves downloads and the store with what is for all', async () => {
    const { published, rollout, target, download, offers, storeCode } = stand;
    await published();
    const second = await published({ percent: 12.34 });
    expect(await rollout(second)).toMatchObject({
      state: 'ACTIVE',
      percent: 12.34,
      track: 'STABLE',
      finishedAt: null,
      viewerCanChange: true,
    });
    expect((await target(2))?.rollouts.stable).toMatchObject({ basis_points: 1234, state: 'active' });
    expect(await download()).toBe(1);
    expect(await storeCode()).toBe(1);
    expect(await offers(1)).toEqual(['2 update']);
  });

  it('is raised, paused, resumed and completed; each act is in force at every edge', async () => {
    const { published, rollout, act, target, download, offers, storeCode, changes } = stand;
    await published();
    const second = await published({ percent: 5 });
    const staged = await rollout(second);
    const { seed } = (await target(2))?.rollouts.stable ?? {};
    expect(await act('raiseRollout', staged, { percent: 20 })).not.toHaveProperty('code');
    expect((await target(2))?.rollouts.stable).toEqual({ seed, basis_points: 2000, state: 'active' });
    await act('pauseRollout', staged, { reason: 'Login fails' });
    expect(await rollout(second)).toMatchObject({ state: 'PAUSED', pausedBy: 'DEVELOPER', reason: 'Login fails' });
    expect((await target(2))?.rollouts.stable).toEqual({ seed, basis_points: 2000, state: 'paused' });
    expect(await offers(1)).toEqual([]);
    await act('resumeRollout', staged);
    expect(await rollout(second)).toMatchObject({ state: 'ACTIVE', pausedBy: null, reason: null, percent: 20 });
    expect(await offers(1)).toEqual(['2 update']);
    await act('raiseRollout', staged, { percent: 100 });
    expect(await rollout(second)).toMatchObject({ state: 'COMPLETE', percent: 100 });
    expect((await target(2))?.rollouts.stable).toEqual({ seed, basis_points: 10_000, state: 'complete' });
    expect([await download(), await storeCode()]).toEqual([2, 2]);
    await act('pauseRollout', staged, { reason: 'It does after all' });
    expect([await download(), await storeCode(), await offers(1)]).toEqual([1, 1, []]);
    await act('resumeRollout', staged);
    expect([await download(), await storeCode(), (await rollout(second)).state]).toEqual([2, 2, 'COMPLETE']);
    await act('haltRollout', staged, { reason: 'Gone' });
    expect((await target(2))?.rollouts.stable).toEqual({ seed, basis_points: 10_000, state: 'halted' });
    expect([await download(), await storeCode(), await offers(1)]).toEqual([1, 1, []]);
    expect(await changes()).toEqual([
      '2 STABLE STARTED 5 DEVELOPER',
      '2 STABLE RAISED 20 DEVELOPER',
      '2 STABLE PAUSED 20 DEVELOPER',
      '2 STABLE RESUMED 20 DEVELOPER',
      '2 STABLE COMPLETED 100 DEVELOPER',
      '2 STABLE PAUSED 100 DEVELOPER',
      '2 STABLE RESUMED 100 DEVELOPER',
      '2 STABLE HALTED 100 DEVELOPER',
    ]);
  });
});
