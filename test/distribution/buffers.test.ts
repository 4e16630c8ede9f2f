/** The buffers of downloads: what many readers at once may cost. */
import { describe, expect, it } from 'vitest';
import { createBuffers } from '../../server/distribution/buffers.ts';
import { DISTRIBUTION_LIMITS } from '../../server/distribution/routes.ts';

const MIB = 1024 * 1024;
const make = () => createBuffers({ size: 256, smallSize: 64, maxLarge: 2, maxFree: 3 });

describe('buffers', () => {
  it('are large for the first readers and small for the others', () => {
    const buffers = make();
    expect([1, 2, 3, 4].map(() => buffers.take().length)).toEqual([256, 256, 64, 64]);
  });

  it('are large again once a large one came back, or is known to be lost', () => {
    const buffers = make();
    const [first, second] = [buffers.take(), buffers.take()];
    expect(buffers.take().length).toBe(64);
    buffers.giveBack(first);
    expect(buffers.take()).toBe(first);
    buffers.abandon(second);
    expect(buffers.take()).not.toBe(second);
  });

  it('are used again, and no more of them are kept than the bound', () => {
    const buffers = make();
    const taken = Array.from({ length: 9 }, () => buffers.take());
    for (const buffer of taken) buffers.giveBack(buffer);
    expect(buffers.free()).toBe(5);
  });

  it('cost a hundred readers at once under 18 MiB, and as many as may run under 44 MiB', () => {
    const { bufferBytes, smallBufferBytes, largeBuffers, maxDownloads } = DISTRIBUTION_LIMITS;
    const cost = (readers: number) => largeBuffers * bufferBytes + (readers - largeBuffers) * smallBufferBytes;
    expect(cost(100)).toBeLessThan(18 * MIB);
    expect(cost(maxDownloads)).toBeLessThan(44 * MIB);
  });
});
