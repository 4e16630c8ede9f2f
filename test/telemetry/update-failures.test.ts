// Failed updates as their developer sees them: counted by version and reason, from aggregates, with nobody alone in a slice.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TELEMETRY_LIMITS } from '../../server/telemetry/limits.ts';
import type { UpdateFailure } from '../../server/telemetry/update-failures.ts';
import { APP, batch, createStand, deviceId, type Stand, TODAY } from './stand.ts';

let stand: Stand;
let asked: { readonly appId: string; readonly failures: readonly UpdateFailure[] }[];
beforeEach(async () => {
  asked = [];
  stand = await createStand({
    updateNotes: async (appId, failures) => {
      asked.push({ appId, failures });
      return [{ versionCode: 2, reason: null, note: 'Known.' }];
    },
  });
});
afterEach(() => stand.close());

const START = { type: 'app_start', at: '2026-01-15T11:59:00Z', data: { launch_ms: 400 } };
const failure = (to_code: number, reason: string, at = '2026-01-15T11:58:00Z') => ({
  type: 'app_update_failed',
  at,
  data: { from_code: 1, to_code, reason },
});
let batches = 0;
async function send(device: number, ...events: unknown[]): Promise<unknown> {
  batches += 1;
  const answer = await stand.post('events', batch(batches, { device_id: deviceId(device), events }));
  expect(answer.status).toBe(202);
  return answer.body;
}
async function failures(range = TODAY) {
  await stand.telemetry.flush();
  return stand.telemetry.updateFailures(APP.id, range);
}

describe('failed updates', () => {
  it('are counted by version and reason, most devices first, the day after only there', async () => {
    for (let device = 1; device <= 6; device += 1) await send(device, START, failure(2, 'NETWORK'), START);
    for (let device = 1; device <= 5; device += 1)
      await send(device, failure(2, 'PACKAGE_REFUSED'), failure(2, 'PACKAGE_REFUSED'), failure(3, 'NETWORK'));
    expect(await failures()).toEqual([
      { versionCode: 2, reason: 'NETWORK', count: 6, devices: 6 },
      { versionCode: 2, reason: 'PACKAGE_REFUSED', count: 10, devices: 5 },
      { versionCode: 3, reason: 'NETWORK', count: 5, devices: 5 },
    ]);
    expect(await failures({ from: '2026-01-16', to: '2026-01-20' })).toEqual([]);
    await expect(failures({ from: '2026-01-20', to: '2026-01-16' })).rejects.toMatchObject({ code: 'VALIDATION' });
  });

  it('are summed over days, a device once', async () => {
    for (let device = 1; device <= 5; device += 1)
      await send(device, failure(2, 'NETWORK'), failure(2, 'NETWORK', '2026-01-12T10:00:00Z'));
    expect(await failures({ from: '2026-01-10', to: '2026-01-15' })).toEqual([
      { versionCode: 2, reason: 'NETWORK', count: 10, devices: 5 },
    ]);
  });

  it('of fewer than five devices are shown together, with the next smallest where they are still too few', async () => {
    for (let device = 1; device <= 9; device += 1) await send(device, failure(2, 'NETWORK'));
    for (let device = 1; device <= 5; device += 1) await send(device, failure(2, 'NO_SPACE'));
    await send(1, failure(7, 'STATE_BROKEN'), failure(8, 'STATE_BROKEN'));
    expect(await failures()).toEqual([
      { versionCode: 2, reason: 'NETWORK', count: 9, devices: 9 },
      { versionCode: null, reason: null, count: 7, devices: 5 },
    ]);
  });

  it('are the same when they are counted again from the raw rows', async () => {
    for (let device = 1; device <= 5; device += 1)
      await send(device, START, failure(2, 'NETWORK'), failure(3, 'NO_SPACE'), START);
    const counted = await failures();
    expect(counted).toHaveLength(2);
    await stand.telemetry.stop();
    for (const end of ['', '-wal', '-shm'])
      rmSync(join(stand.dir, 'telemetry', `aggregates.db${end}`), { force: true });
    await stand.restart();
    expect(await failures()).toEqual(counted);
  });

  it('with made-up reasons fill no more than their place; what there was before is counted on', async () => {
    const most = TELEMETRY_LIMITS.maxFailuresPerAppAndDay;
    for (let device = 1; device <= 5; device += 1) {
      await send(device, failure(2, 'NETWORK'));
      await failures();
      await send(device, ...Array.from({ length: most + 20 }, (_, n) => failure(9, `MADE_UP_${n}`)));
      await failures();
    }
    const found = await failures();
    expect(found).toHaveLength(most + 1);
    expect(found.at(-1)).toEqual({ versionCode: null, reason: null, count: 21 * 5, devices: 5 });
    expect(found).toContainEqual({ versionCode: 2, reason: 'NETWORK', count: 5, devices: 5 });
  });

  it('are looked up for notes only where a batch has one that counts, and not again for a repeat', async () => {
    await send(1, START);
    await send(1, { ...failure(2, 'NETWORK'), data: { reason: 'NETWORK' } });
    expect(asked).toEqual([]);
    expect(await send(1, START, failure(2, 'NETWORK'), START, failure(5, 'NO_SPACE'))).toEqual({
      accepted: 4,
      rejected: [],
      known_issues: [{ version_code: 2, reason: null, note: 'Known.' }],
    });
    expect(asked).toMatchObject([
      {
        appId: APP.id,
        failures: [
          { versionCode: 2, reason: 'NETWORK' },
          { versionCode: 5, reason: 'NO_SPACE' },
        ],
      },
    ]);
  });
});
