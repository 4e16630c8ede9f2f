// Downloads and deltas cut at every region and at random bytes: what arrives is the package to the byte, and no byte comes twice.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DELTA_HEADER_BYTES, encodeDelta } from '../../format/delta.ts';
import { offering, type Published } from './store.ts';
import { APP, type Bench, createBench } from './support.ts';

let bench: Bench;
let one: Published;
let two: Published;
let deltaBytes: number;
/** What packages were answered with: bytes of bodies that came as far as the device, by coding. */
let received: { delta: number; full: number };

beforeEach(async () => {
  bench = await createBench();
  bench.store.deltas = true;
  one = bench.publish({ versionCode: 1, fillerBytes: 30_000 });
  bench.store.onCheck = offering(one);
  await (await bench.provisioned()).install(APP);
  two = bench.publish({ versionCode: 2, fillerBytes: 30_000 });
  bench.store.onCheck = offering(two);
  deltaBytes = (await encodeDelta(two.bytes, one.bytes)).length;
  received = { delta: 0, full: 0 };
});
afterEach(() => bench.close());

/** A device whose link ends each body after the next number of bytes, then works. */
function cutting(cuts: number[]) {
  return bench.device({
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (!String(input).includes('/v1/packages/') || init?.method === 'HEAD') return response;
      const bytes = Buffer.from(await response.arrayBuffer());
      const cut = cuts.shift() ?? bytes.length;
      const kind = response.headers.get('content-encoding') === 'dcz' ? 'delta' : 'full';
      received[kind] += Math.min(cut, bytes.length);
      const { status, headers } = response;
      if (cut >= bytes.length) return new Response(bytes, { status, headers });
      return new Response(brokenAfter(bytes.subarray(0, cut)), { status, headers });
    },
  });
}

function brokenAfter(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (sent || bytes.length === 0) controller.error(new Error('the link broke'));
      else controller.enqueue(bytes);
      sent = true;
    },
  });
}

async function arrives(device: ReturnType<typeof cutting>): Promise<void> {
  for (;;) {
    const result = await device.update(APP).catch((error: { code?: string }) => error);
    if ('kind' in result) break;
    expect(result.code).toBe('NETWORK');
  }
  expect((await device.list())[0]).toMatchObject({ versionCode: 2, sha256: two.sha256 });
}

/** Back to version 1, for the next example of a property. */
async function again(): Promise<void> {
  await rm(join(bench.root, 'apps'), { recursive: true });
  for (const name of ['installed.json', 'updates.json']) await rm(join(bench.root, 'state', name), { force: true });
  bench.store.onCheck = offering(one);
  bench.store.publish({ versionCode: 1 }, { bytes: one.bytes });
  await bench.device().install(APP);
  bench.store.onCheck = offering(two);
  received = { delta: 0, full: 0 };
}

describe('a delta cut', () => {
  it.each([
    ['before its first byte', () => 0],
    ['in its fixed bytes', () => 3],
    ["in the dictionary's hash", () => 20],
    ['between header and frame', () => DELTA_HEADER_BYTES],
    ["in the frame's own header", () => DELTA_HEADER_BYTES + 5],
    ['in the middle', () => Math.floor(deltaBytes / 2)],
    ['before its last byte', () => deltaBytes - 1],
  ])('%s goes on there and makes the package', async (_where, cut) => {
    await arrives(cutting([cut()]));
    expect(received).toEqual({ delta: deltaBytes, full: 0 });
  });

  it('at any bytes, any number of times, makes the package, and no byte comes twice', async () => {
    const bytes = fc.array(fc.nat({ max: Math.ceil(deltaBytes / 2) }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(bytes, async (cuts) => {
        await again();
        await arrives(cutting([...cuts]));
        expect(received).toEqual({ delta: deltaBytes, full: 0 });
      }),
      { numRuns: 10 },
    );
  });
});

describe('a whole package cut', () => {
  it('at any bytes, any number of times, is the package, and no byte comes twice', async () => {
    const bytes = fc.array(fc.nat({ max: Math.ceil(two.bytes.length / 2) }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(bytes, async (cuts) => {
        await again();
        bench.store.deltas = false;
        await arrives(cutting([...cuts]));
        expect(received).toEqual({ delta: 0, full: two.bytes.length });
      }),
      { numRuns: 10 },
    );
  });
});

describe('a delta changed on the way', () => {
  it('at any byte makes the package by the whole one, or the change did not matter', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: deltaBytes - 1 }), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        await again();
        bench.store.deltas = true;
        const device = bench.device({
          fetch: async (input, init) => {
            const response = await fetch(input, init);
            if (response.headers.get('content-encoding') !== 'dcz' || init?.method === 'HEAD') return response;
            const bytes = Buffer.from(await response.arrayBuffer());
            bytes.writeUInt8(bytes.readUInt8(at) ^ mask, at);
            return new Response(bytes, { status: response.status, headers: response.headers });
          },
        });
        expect(await device.update(APP)).toMatchObject({ app: { sha256: two.sha256 } });
        expect(await bench.installedVersion()).toBe('2');
      }),
      { numRuns: 10 },
    );
  });
});
