/** Which version which device gets while several are on their way: tracks, hot fixes, and versions that leave the store. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { takesPart } from '../../format/trust/targets.ts';
import { globalId } from '../support/seed.ts';
import { createStand, type Stand } from './stand.ts';

let server: Stand;
let stand: Stand;
beforeAll(async () => {
  server = await createStand();
});
beforeEach(async () => {
  stand = await server.another();
});
afterAll(() => server.close());

describe('a version on beta alone', () => {
  it('is offered there, and displaces no stable version from downloads, the store or the signed metadata', async () => {
    const { published, target, download, offers, storeCode } = stand;
    await published();
    for (let code = 2; code <= 6; code += 1) await published({ track: 'BETA' });
    expect([await download(), await storeCode()]).toEqual([1, 1]);
    expect((await target(1))?.rollouts).toMatchObject({ stable: { state: 'complete' } });
    expect((await target(6))?.rollouts).toMatchObject({ beta: { basis_points: 10_000, state: 'complete' } });
    expect((await target(6))?.rollouts.stable).toBeUndefined();
    expect(await target(2)).toBeNull();
    expect(await offers(1)).toEqual([]);
    expect(await offers(1, 'beta')).toEqual(['6 update']);
  });

  it('goes on to stable with a seed of its own, and stays on beta', async () => {
    const { ada, published, rollout, target, download, storeCode } = stand;
    await published();
    const second = await published({ track: 'BETA' });
    await ada.done('startRollout', { versionId: second.id, track: 'STABLE', percent: 10 }, 'rollout { percent }');
    const { stable, beta } = (await target(2))?.rollouts ?? {};
    expect([stable?.basis_points, stable?.state, beta?.state]).toEqual([1000, 'active', 'complete']);
    expect(stable?.seed).not.toBe(beta?.seed);
    expect([await download(), await storeCode()]).toEqual([1, 1]);
    expect(await ada.act('startRollout', { versionId: second.id, track: 'STABLE' })).toMatchObject({
      code: 'STATE_CONFLICT',
      currentState: 'ACTIVE',
    });
    await stand.act('raiseRollout', await rollout(second), { percent: 100 });
    expect([await download(), await storeCode()]).toEqual([2, 2]);
  });

  it('is what the store shows of an app that has nothing else, though nobody downloads it without asking for beta', async () => {
    const { published, download, storeCode } = stand;
    await published({ track: 'BETA' });
    expect([await storeCode(), await download()]).toEqual([1, null]);
    await published({ percent: 1 });
    expect([await storeCode(), await download()]).toEqual([2, null]);
  });
});

describe('a hot fix while another version rolls out', () => {
  it('of a higher code ends that rollout when every device gets it, and not before', async () => {
    const { published, rollout, target, offers, download, changes } = stand;
    await published();
    const slow = await published({ percent: 5 });
    const paused = await published({ percent: 10 });
    await stand.act('pauseRollout', await rollout(paused), { reason: 'Wait' });
    const fix = await published({ percent: 50 });
    expect([(await rollout(slow)).state, (await rollout(paused)).state]).toEqual(['ACTIVE', 'PAUSED']);
    expect(await offers(1)).toEqual(['4 update', '2 update']);
    await stand.act('raiseRollout', await rollout(fix), { percent: 100 });
    expect([(await rollout(slow)).state, (await rollout(paused)).state]).toEqual(['SUPERSEDED', 'SUPERSEDED']);
    expect((await rollout(slow)).reason).toContain('Version code 4');
    expect((await target(2))?.rollouts.stable?.state ?? 'unlisted').toBe('halted');
    expect([await offers(1), await download()]).toEqual([['4 update'], 4]);
    expect((await changes()).slice(-3)).toEqual([
      '4 STABLE COMPLETED 100 DEVELOPER',
      '2 STABLE SUPERSEDED 5 DEVELOPER',
      '3 STABLE SUPERSEDED 10 DEVELOPER',
    ]);
    expect(await stand.act('raiseRollout', await rollout(slow), { percent: 60 })).toMatchObject({
      code: 'STATE_CONFLICT',
      currentState: 'SUPERSEDED',
    });
  });

  it('of a lower code goes out beside it; complete versions stay for older Mosis', async () => {
    const { ada, approved, published, rollout, download, target } = stand;
    const first = await published({}, { version_code: 1 });
    const fix = await approved({ version_code: 2, manifest: { min_mosis_version: '1.5.0' } });
    const next = await published({ percent: 5 }, { version_code: 3 });
    await ada.done('publishVersion', { versionId: fix.id });
    expect([(await rollout(first)).state, (await rollout(next)).state]).toEqual(['COMPLETE', 'ACTIVE']);
    expect([await download('9.0.0'), await download('1.2.0')]).toEqual([2, 1]);
    expect((await target(3))?.rollouts.stable).toMatchObject({ basis_points: 500, state: 'active' });
    expect((await target(1))?.rollouts.stable?.state).toBe('complete');
  });
});

describe('a version that leaves the store while it rolls out', () => {
  it('taken out by its owner is offered to nobody; published again the same devices come first', async () => {
    const { ada, published, rollout, target, offers } = stand;
    await published();
    const second = await published({ percent: 5, schedule: [{ at: inHours(1), percent: 50 }] });
    const { seed } = (await target(2))?.rollouts.stable ?? {};
    await ada.done('unpublishVersion', { versionId: second.id });
    expect(await rollout(second)).toMatchObject({ state: 'HALTED', schedule: [] });
    expect([await target(2), await offers(1)]).toEqual([null, []]);
    expect(await ada.act('startRollout', { versionId: second.id, track: 'STABLE' })).toMatchObject({
      code: 'STATE_CONFLICT',
      currentState: 'UNPUBLISHED',
    });
    await ada.done('publishVersion', { versionId: second.id, percent: 2 });
    expect((await target(2))?.rollouts.stable).toEqual({ seed, basis_points: 200, state: 'active' });
    await ada.done('unpublishVersion', { versionId: second.id });
    await ada.done('publishVersion', { versionId: second.id });
    expect((await target(2))?.rollouts.stable).toEqual({ seed, basis_points: 10_000, state: 'complete' });
  });

  it('published again on beta is not on stable any more', async () => {
    const { ada, published, rollout, target, offers, download } = stand;
    await published();
    const second = await published();
    await ada.done('unpublishVersion', { versionId: second.id });
    await ada.done('publishVersion', { versionId: second.id, track: 'BETA' });
    expect((await rollout(second)).state).toBe('HALTED');
    expect((await target(2))?.rollouts).toMatchObject({ stable: { state: 'halted' }, beta: { state: 'complete' } });
    expect([await offers(1), await offers(1, 'beta'), await download()]).toEqual([[], ['2 update'], 1]);
  });

  it('suspended is offered to nobody and not raised; reinstated it goes on as it was', async () => {
    const { rita, published, rollout, target, offers, act } = stand;
    await published();
    const second = await published({ percent: 5 });
    const staged = await rollout(second);
    await rita.done('suspendVersion', { versionId: second.id, reason: 'It mines coins.' });
    expect([await target(2), await offers(1)]).toEqual([null, []]);
    expect(await act('raiseRollout', staged, { percent: 50 })).toMatchObject({
      code: 'STATE_CONFLICT',
      currentState: 'SUSPENDED',
    });
    await rita.done('reinstateVersion', { versionId: second.id, reason: 'It does not.' });
    expect(await rollout(second)).toMatchObject({ state: 'ACTIVE', percent: 5 });
    expect(await offers(1)).toEqual(['2 update']);
  });

  it('signed by a key that is compromised is offered to nobody, for good', async () => {
    const { seed, rita } = stand;
    const bob = await seed.developer('Bob');
    const theirs = await bob.app(`com.example.bob${Date.now()}`);
    const version = await theirs.upload();
    await version.approved(rita);
    await bob.done('publishVersion', { versionId: version.id, percent: 5 });
    const { viewer } = await bob.query<{ viewer: { signingKeys: { id: string }[] } }>(
      '{ viewer { signingKeys { id } } }',
    );
    await bob.done('endSigningKey', {
      signingKeyId: viewer.signingKeys[0]?.id,
      ending: 'COMPROMISED',
      since: new Date(Date.now() - 3_600_000).toISOString(),
    });
    const [row] = stand.app.rows<{ id: string }>('SELECT id FROM rollouts WHERE version_id = ?', version.key);
    const asked = { rolloutId: globalId('Rollout', row?.id ?? ''), percent: 50 };
    expect(await bob.act('raiseRollout', asked)).toMatchObject({ code: 'STATE_CONFLICT', currentState: 'SUSPENDED' });
    expect(await bob.act('startRollout', { versionId: version.id, track: 'BETA' })).toMatchObject({
      code: 'STATE_CONFLICT',
    });
  });

  it('of an app that is suspended is offered to nobody, and nothing of it is started, raised or resumed', async () => {
    const { ada, seed, notes, published, rollout, target, offers, act } = stand;
    const first = await published();
    const second = await published({ percent: 5 });
    const staged = await rollout(second);
    const grace = await seed.admin();
    await grace.done('suspendApp', { appId: notes.id, reason: 'Spam.' });
    expect([await target(1), await target(2), await offers(1)]).toEqual([null, null, []]);
    for (const outcome of [
      await act('raiseRollout', staged, { percent: 50 }),
      await ada.act('startRollout', { versionId: first.id, track: 'BETA' }),
      await ada.act('rollBack', {
        appId: notes.id,
        track: 'STABLE',
        fromVersionId: second.id,
        toVersionId: first.id,
        reason: 'Bad',
      }),
    ])
      expect(outcome).toMatchObject({ code: 'APP_SUSPENDED' });
    expect(await act('pauseRollout', staged, { reason: 'Meanwhile' })).not.toHaveProperty('code');
    expect(await act('resumeRollout', staged)).toMatchObject({ code: 'APP_SUSPENDED' });
    await grace.done('reinstateApp', { appId: notes.id, reason: 'No spam.' });
    expect(await act('resumeRollout', staged)).not.toHaveProperty('code');
    expect(await offers(1)).toEqual(['2 update']);
  });
});

it('a rollout begun again after a halt reaches the same devices first, and every device that it reached stays in as it grows', async () => {
  const { ada, published, rollout, target, act } = stand;
  const version = await published({ percent: 10 });
  const devices = Array.from({ length: 400 }, (_, n) => createHash('sha256').update(`device ${n}`).digest());
  const reached = async () => {
    const entry = (await target(1))?.rollouts.stable;
    if (entry === undefined) throw new Error('not on stable');
    return new Set(devices.map((number, n) => (takesPart(entry, number) ? n : -1)).filter((n) => n >= 0));
  };
  const first = await reached();
  await act('raiseRollout', await rollout(version), { percent: 40 });
  const more = await reached();
  await act('haltRollout', await rollout(version), { reason: 'Stop' });
  expect(await act('raiseRollout', await rollout(version), { percent: 50 })).toMatchObject({ code: 'STATE_CONFLICT' });
  await ada.done('startRollout', { versionId: version.id, track: 'STABLE', percent: 10 });
  expect(await reached()).toEqual(first);
  expect([...first].filter((device) => !more.has(device))).toEqual([]);
  expect([first.size > 15, first.size < 70, more.size > 110, more.size < 210]).toEqual([true, true, true, true]);
});

function inHours(hours: number): string {
  return new Date(Date.now() + hours * 3_600_000).toISOString();
}
