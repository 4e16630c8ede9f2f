/** Going back to an earlier version: what devices are told, what ends, and what is refused. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { toBase64 } from '../../format/base64.ts';
import { keyIdOf, publicKeyFrom } from '../../format/signing.ts';
import type { VersionHandle } from '../support/seed.ts';
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

function rollBack(from: VersionHandle, to: VersionHandle, more: Record<string, unknown> = {}) {
  return stand.ada.act<{ rollout: { state: string }; rollbacks: { fromVersionCode: number; reason: string }[] }>(
    'rollBack',
    {
      appId: stand.notes.id,
      track: 'STABLE',
      fromVersionId: from.id,
      toVersionId: to.id,
      reason: 'Notes are lost',
      ...more,
    },
    'rollout { state percent } rollbacks { fromVersionCode reason restoreData to { versionCode } } app { rollbacks { fromVersionCode } }',
  );
}

describe('a rollback', () => {
  it('takes back every code between, and the version gone back to is for every device', async () => {
    const { published, rollout, target, download, offers, storeCode, changes } = stand;
    const [one, two, three] = [await published(), await published(), await published({ percent: 5 })];
    expect(await rollBack(three, one, { restoreData: true })).toEqual({
      __typename: 'RollBackPayload',
      rollout: { state: 'COMPLETE', percent: 100 },
      rollbacks: [3, 2].map((fromVersionCode) => ({
        fromVersionCode,
        reason: 'Notes are lost',
        restoreData: true,
        to: { versionCode: 1 },
      })),
      app: { rollbacks: [{ fromVersionCode: 3 }, { fromVersionCode: 2 }] },
    });
    expect([(await rollout(two)).state, (await rollout(three)).state]).toEqual(['HALTED', 'HALTED']);
    expect((await target(1))?.rollbacks).toEqual(
      [2, 3].map((from) => ({ track: 'stable', from, reason: 'Notes are lost', restore_data: true })),
    );
    expect((await target(3))?.rollouts.stable?.state).toBe('halted');
    expect([await download(), await storeCode()]).toEqual([1, 1]);
    expect([await offers(3), await offers(2), await offers(1)]).toEqual([['1 rollback'], ['1 rollback'], []]);
    expect((await changes()).slice(1)).toEqual(['2 STABLE HALTED 100 DEVELOPER', '3 STABLE ROLLED_BACK 100 DEVELOPER']);
  });

  it('keeps its target listed however many versions follow, for devices that come late', async () => {
    const { published, target, offers } = stand;
    const [one, two] = [await published(), await published()];
    await rollBack(two, one);
    for (let code = 3; code <= 7; code += 1) await published();
    expect((await target(1))?.rollbacks).toHaveLength(1);
    expect(await target(3)).toBeNull();
    expect(await offers(2)).toEqual(['7 update']);
  });

  it('publishes a version again that its owner had taken out', async () => {
    const { ada, published, target, download } = stand;
    const [one, two] = [await published(), await published()];
    await ada.done('unpublishVersion', { versionId: one.id });
    expect(await rollBack(two, one)).toMatchObject({ rollout: { state: 'COMPLETE' } });
    expect(await one.state()).toBe('PUBLISHED');
    expect((await one.events()).filter((type) => type === 'PUBLISHED')).toHaveLength(2);
    expect((await target(1))?.rollbacks).toHaveLength(1);
    expect(await download()).toBe(1);
  });

  it('of a version that was gone back to leads devices straight to the new end', async () => {
    const { published, target, offers } = stand;
    const [one, two, three] = [await published(), await published(), await published()];
    await rollBack(three, two);
    await rollBack(two, one, { reason: 'This one too' });
    expect((await target(1))?.rollbacks.map(({ from }) => from)).toEqual([2, 3]);
    expect((await target(2))?.rollbacks).toEqual([]);
    expect([await offers(3), await offers(2)]).toEqual([['1 rollback'], ['1 rollback']]);
  });

  it('ends when the version that was taken back is started again', async () => {
    const { ada, published, target, offers } = stand;
    const [one, two] = [await published(), await published()];
    await rollBack(two, one);
    await ada.done('startRollout', { versionId: two.id, track: 'STABLE', percent: 25 });
    expect((await target(1))?.rollbacks).toEqual([]);
    expect([await offers(2), await offers(1)]).toEqual([[], ['2 update']]);
  });

  it('on stable ends the same version on beta, whose devices obey both; there it cannot begin alone', async () => {
    const { ada, published, rollout, offers } = stand;
    const one = await published();
    const two = await published({ track: 'BETA' });
    await ada.done('startRollout', { versionId: two.id, track: 'STABLE' });
    await rollBack(two, one);
    expect((await rollout(two, 'BETA')).state).toBe('HALTED');
    expect(await offers(1, 'beta')).toEqual([]);
    expect(await ada.act('startRollout', { versionId: two.id, track: 'BETA' })).toMatchObject({
      code: 'STATE_CONFLICT',
    });
  });

  it('on beta takes back what is on beta alone, and is refused while stable offers it', async () => {
    const { ada, published, target, offers } = stand;
    const one = await published();
    const two = await published({ track: 'BETA' });
    const three = await published({ track: 'BETA' });
    expect(await rollBack(three, one, { track: 'BETA' })).toMatchObject({ rollout: { state: 'COMPLETE' } });
    expect((await target(1))?.rollbacks.map(({ track, from }) => [track, from])).toEqual([
      ['beta', 2],
      ['beta', 3],
    ]);
    expect([await offers(3, 'beta'), await offers(3)]).toEqual([['1 rollback'], []]);
    await ada.done('startRollout', { versionId: three.id, track: 'BETA' });
    await ada.done('startRollout', { versionId: three.id, track: 'STABLE', percent: 1 });
    expect(await rollBack(three, two, { track: 'BETA' })).toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it('on stable leads on what was rolled back on beta to a version that it takes back', async () => {
    const { published, target } = stand;
    const [one, two] = [await published(), await published()];
    const three = await published({ track: 'BETA' });
    await rollBack(three, two, { track: 'BETA' });
    await rollBack(two, one);
    expect((await target(1))?.rollbacks.map(({ track, from }) => `${track} ${from}`).sort()).toEqual([
      'beta 3',
      'stable 2',
    ]);
    expect(await stand.offers(3, 'beta')).toEqual(['1 rollback']);
  });

  it('is told to a device although a further version is on its way to a few', async () => {
    const { published, offers } = stand;
    const [one, two] = [await published(), await published()];
    await rollBack(two, one);
    await published({ percent: 1 });
    expect(await offers(2)).toEqual(['3 update', '1 rollback']);
  });

  it('is done once for an idempotency key', async () => {
    const { app, published } = stand;
    const [one, two] = [await published(), await published()];
    const key = { idempotencyKey: `back-${two.key}` };
    const first = await rollBack(two, one, key);
    expect(await rollBack(two, one, key)).toEqual(first);
    expect(app.rows('SELECT id FROM rollbacks WHERE app_id = ?', stand.notes.key)).toHaveLength(1);
  });
});

describe('a rollback is refused', () => {
  it('upwards, in place, and to what was never published or is suspended', async () => {
    const { rita, approved, published } = stand;
    const one = await approved();
    const two = await published();
    const three = await published();
    expect(await rollBack(two, three)).toMatchObject({ code: 'VALIDATION', fields: [{ path: 'input.toVersionId' }] });
    expect(await rollBack(two, two)).toMatchObject({ code: 'VALIDATION' });
    expect(await rollBack(three, one)).toMatchObject({ code: 'STATE_CONFLICT', currentState: 'APPROVED' });
    await rita.done('suspendVersion', { versionId: two.id, reason: 'It mines coins.' });
    expect(await rollBack(three, two)).toMatchObject({ code: 'STATE_CONFLICT', currentState: 'SUSPENDED' });
  });

  it('to what is signed by a key that the app no longer pins: devices would refuse it', async () => {
    const { ada, notes, published } = stand;
    const [one, two] = [await published(), await published()];
    const other = publicKeyFrom(randomBytes(32));
    await ada.done('registerSigningKey', { name: 'Other', publicKey: toBase64(other) });
    expect(await notes.pin([keyIdOf(other)])).not.toHaveProperty('code');
    expect(await rollBack(two, one)).toMatchObject({ code: 'KEY_NOT_PINNED' });
  });

  it('from a version that its track never had, and of another app', async () => {
    const { published, ada } = stand;
    const [one, two] = [await published(), await published({ track: 'BETA' })];
    expect(await rollBack(two, one)).toMatchObject({
      code: 'STATE_CONFLICT',
      message: expect.stringContaining('never'),
    });
    const other = await ada.app(`com.example.other${Date.now()}`);
    expect(await rollBack(two, one, { appId: other.id, track: 'BETA' })).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('without a reason that people can read, of at most 500 characters', async () => {
    const { published } = stand;
    const [one, two] = [await published(), await published()];
    for (const reason of ['', '  ', 'x'.repeat(501), 'a\u202eb', 'a\ud800b'])
      expect(await rollBack(two, one, { reason })).toMatchObject({ fields: [{ path: 'input.reason' }] });
    expect(await rollBack(two, one, { reason: 'x'.repeat(500) })).not.toHaveProperty('code');
  });
});
