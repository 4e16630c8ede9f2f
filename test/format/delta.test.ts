import { createHash, randomBytes } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  DELTA_HEADER_BYTES,
  DeltaUnfit,
  decodeDelta,
  dictionaryOf,
  encodeDelta,
  maxWindowBytes,
} from '../../format/delta.ts';

const MIB = 1024 * 1024;
const base = randomBytes(300_000);
/** The base with a few bytes changed in its middle and some more at its end. */
const next = Buffer.concat([base.subarray(0, 100_000), randomBytes(2_000), base.subarray(101_000), randomBytes(500)]);

function deltaOf(frame: Uint8Array, dictionary: Uint8Array): Buffer {
  const magic = Buffer.from('5e2a4d1820000000', 'hex');
  return Buffer.concat([magic, createHash('sha256').update(dictionary).digest(), frame]);
}

describe('a delta', () => {
  it('begins with the bytes of RFC 9842 and the hash of its dictionary', async () => {
    const delta = await encodeDelta(next, base);
    expect(delta.subarray(0, 8).toString('hex')).toBe('5e2a4d1820000000');
    expect(delta.subarray(8, DELTA_HEADER_BYTES).equals(createHash('sha256').update(base).digest())).toBe(true);
    expect(delta.readUInt32LE(DELTA_HEADER_BYTES)).toBe(0xfd2fb528);
    expect(dictionaryOf(delta)).toBe(createHash('sha256').update(base).digest('hex'));
  });

  it('is as small as what changed, and makes the same bytes', async () => {
    const delta = await encodeDelta(next, base);
    expect(delta.length).toBeLessThan(4_000);
    expect((await decodeDelta(delta, base, next.length)).equals(next)).toBe(true);
  });

  it.each([0, 1, 255, 256, 70_000])('makes %i bytes', async (size) => {
    const bytes = randomBytes(size);
    expect((await decodeDelta(await encodeDelta(bytes, base), base, size)).equals(bytes)).toBe(true);
  });

  it('reaches back over more than 8 MiB where the dictionary allows it', async () => {
    const large = randomBytes(9 * MIB);
    const changed = Buffer.concat([large.subarray(0, 5 * MIB), randomBytes(1_000), large.subarray(5 * MIB)]);
    const delta = await encodeDelta(changed, large);
    expect((await decodeDelta(delta, large, changed.length)).equals(changed)).toBe(true);
    expect(delta.length).toBeLessThan(2 * MIB);
  }, 60_000);

  it('has a window of 8 MiB, 1.25 times the dictionary, or 128 MiB', () => {
    expect([0, 6 * MIB, 8 * MIB, 40 * MIB, 200 * MIB].map(maxWindowBytes)).toEqual(
      [8, 8, 10, 50, 128].map((mib) => mib * MIB),
    );
  });
});

describe('refused is', () => {
  it('a delta of another dictionary', async () => {
    const delta = await encodeDelta(next, base);
    await expect(decodeDelta(delta, randomBytes(100), next.length)).rejects.toThrow(DeltaUnfit);
  });

  it('a delta that makes more or fewer bytes than announced', async () => {
    const delta = await encodeDelta(next, base);
    await expect(decodeDelta(delta, base, next.length - 1)).rejects.toThrow(DeltaUnfit);
    await expect(decodeDelta(delta, base, next.length + 1)).rejects.toThrow(DeltaUnfit);
    await expect(decodeDelta(delta, base, 0)).rejects.toThrow(DeltaUnfit);
  });

  it('what unpacks without end', async () => {
    const bomb = deltaOf(zstdCompressSync(Buffer.alloc(64 * MIB), { dictionary: base }), base);
    expect(bomb.length).toBeLessThan(20_000);
    await expect(decodeDelta(bomb, base, 1_000)).rejects.toThrow(DeltaUnfit);
  });

  it('a frame with a window over the RFC', async () => {
    const params = { [constants.ZSTD_c_windowLog]: 24, [constants.ZSTD_c_contentSizeFlag]: 0 };
    const frame = zstdCompressSync(randomBytes(20 * MIB), { dictionary: base, params });
    const refused = decodeDelta(deltaOf(frame, base), base, 20 * MIB);
    await expect(refused).rejects.toThrow('asks for too much memory');
  });

  it('a delta cut at any byte, and one with any byte of its head changed', async () => {
    const delta = await encodeDelta(base.subarray(0, 3_000), base);
    for (let length = 0; length < delta.length; length += 1)
      await expect(decodeDelta(delta.subarray(0, length), base, 3_000), String(length)).rejects.toThrow(DeltaUnfit);
    for (let at = 0; at < DELTA_HEADER_BYTES; at += 1) {
      const changed = Buffer.from(delta);
      changed.writeUInt8((changed[at] ?? 0) ^ 1, at);
      await expect(decodeDelta(changed, base, 3_000), String(at)).rejects.toThrow(DeltaUnfit);
    }
  });
});
