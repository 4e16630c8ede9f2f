/** Downloads that keep moving, and too slowly. */
import { describe, expect, it } from 'vitest';
import { DeviceError } from '../../device/errors.ts';
import type { Network } from '../../device/http.ts';
import { createPace, goOn, LEAST_PACE } from '../../device/transfer.ts';

const { bytes, everyMs } = LEAST_PACE;

describe('the least pace of a download', () => {
  it('is kept by 64 KiB in each five minutes, however unevenly they come', () => {
    let ms = 0;
    const pace = createPace(1_000, () => ms);
    for (const [afterMs, have] of [
      [1, 1_001],
      [everyMs - 1, 1_001],
      [everyMs, 1_000 + bytes],
      [2 * everyMs - 1, 1_000 + bytes],
      [2 * everyMs, 1_000 + 2 * bytes],
    ] as const) {
      ms = afterMs;
      pace.require(have);
    }
  });

  it('is not kept by a byte now and then', () => {
    let ms = 0;
    const pace = createPace(0, () => ms);
    ms = everyMs;
    expect(() => pace.require(bytes - 1)).toThrow(DeviceError);
  });

  it('ends a download whose every try brings one byte', async () => {
    let ms = 0;
    let have = 0;
    const network: Network = {
      serverUrl: '',
      fetch,
      clock: () => new Date(0),
      sleep: async () => undefined,
      random: () => 0.5,
    };
    const step = async () => {
      ms += 29_000;
      have += 1;
      return { error: new DeviceError('NETWORK', 'cut'), waitMs: null, have };
    };
    await expect(goOn(network, step, () => ms)).rejects.toMatchObject({ code: 'NETWORK', message: /too slow/ });
    expect(have).toBeLessThan(12);
  });
});
