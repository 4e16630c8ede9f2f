import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_SECRETS, openTelemetrySecrets, type TelemetrySecrets } from '../../server/telemetry/secret.ts';
import { APP, batch, createStand, deviceId, START, type Stand, TODAY } from './stand.ts';

const DAY_MS = 86_400_000;

let stand: Stand;
beforeEach(async () => {
  stand = await createStand();
});
afterEach(() => stand.close());

const secrets = (): Promise<TelemetrySecrets> => openTelemetrySecrets(join(stand.dir, 'keys'), START);
const kept = async (): Promise<number> => (await secrets()).current().keys.length;

async function counted() {
  await stand.telemetry.flush();
  const [starts] = (await stand.telemetry.totals(APP.id, TODAY)).byType;
  return { count: starts?.count, devices: starts?.devices };
}

async function asked(action: 'export' | 'erase'): Promise<unknown> {
  const request = { package_id: APP.packageId, device_id: deviceId(1), action };
  const { body } = await stand.post('device-requests', request);
  for (;;) {
    const result = await stand.post('device-requests/result', body);
    if (result.status !== 202) return result.body;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('after the telemetry secret was rotated', () => {
  it('a batch is still known as a repeat, also after a restart', async () => {
    await stand.post('events', batch(1));
    expect(await stand.telemetry.rotateSecret()).toBe(2);
    await stand.post('events', batch(1));
    await stand.restart();
    await stand.post('events', batch(1));
    expect(await counted()).toEqual({ count: 1, devices: 1 });
  });

  it('a batch that comes twice at the moment of the change counts once', async () => {
    const before = (await secrets()).current();
    await stand.telemetry.rotateSecret();
    const after = (await secrets()).current();
    await stand.close();
    let keys = before;
    const given = { current: () => keys, rotate: async () => keys, forget: async () => 0 };
    stand = await createStand({ secrets: given });
    const first = stand.telemetry.ingestEvents(batch(1));
    keys = after;
    const second = stand.telemetry.ingestEvents(batch(1));
    expect(await second).toBe(await first);
    expect(await counted()).toEqual({ count: 1, devices: 1 });
  });

  it('a device counts as a new one, once', async () => {
    await stand.post('events', batch(1));
    await stand.telemetry.rotateSecret();
    await stand.post('events', batch(2));
    await stand.post('events', batch(3));
    expect(await counted()).toEqual({ count: 3, devices: 2 });
  });

  it('a device gets all it sent before and after, and can have all of it erased', async () => {
    await stand.post('events', batch(1));
    await stand.telemetry.rotateSecret();
    await stand.post('events', batch(2));
    const exported = (await asked('export')) as { batches: { batch_id: string }[] };
    expect(exported.batches.map(({ batch_id: id }) => Number(`0x${id.slice(-4)}`)).sort()).toEqual([1, 2]);
    expect(await asked('erase')).toMatchObject({ events_removed: 2 });
    expect(await asked('export')).toEqual({ batches: [] });
  });

  it('the old secret goes with the last month that used it, and not before', async () => {
    await stand.post('events', batch(1));
    stand.clock.advance(20 * DAY_MS);
    // In February, so that January and February are under the first secret.
    await stand.telemetry.rotateSecret();
    await stand.telemetry.maintain();
    expect(await kept()).toBe(2);
    await stand.post('events', batch(2, { sent_at: '2026-02-04T12:00:00Z' }));
    stand.clock.advance(100 * DAY_MS);
    await stand.telemetry.maintain();
    // January is gone, February is there.
    expect(await kept()).toBe(2);
    stand.clock.advance(20 * DAY_MS);
    await stand.telemetry.maintain();
    expect(await kept()).toBe(1);
    await stand.telemetry.disposed();
  });

  it('no more secrets are kept than a batch can be hashed under in good time', async () => {
    // At once: each goes out from what the one before left.
    await Promise.all(Array.from({ length: MAX_SECRETS - 1 }, () => stand.telemetry.rotateSecret()));
    expect(await kept()).toBe(MAX_SECRETS);
    const before = readFileSync(join(stand.dir, 'keys', 'telemetry-secret'), 'utf8');
    await expect(stand.telemetry.rotateSecret()).rejects.toThrow('telemetry secrets are still in use');
    expect(readFileSync(join(stand.dir, 'keys', 'telemetry-secret'), 'utf8')).toBe(before);
  });
});
