// An answer that never ends keeps no device waiting, and so its lock from nobody.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DeviceError } from '../../device/errors.ts';
import { readText } from '../../device/http.ts';

beforeEach(() =>
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] }),
);
afterEach(() => vi.useRealTimers());

const tooLarge = () => new DeviceError('METADATA_TOO_LARGE', 'too large');

/** A body that brings a byte whenever `everyMs` have passed, for ever; and whether its reader gave it up. */
function dripping(everyMs: number) {
  let cancelled = false;
  let timer: NodeJS.Timeout | undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      timer = setInterval(() => controller.enqueue(Uint8Array.of(32)), everyMs);
    },
    cancel: () => {
      clearInterval(timer);
      cancelled = true;
    },
  });
  const response = Object.defineProperty(new Response(body), 'url', { value: 'http://store.example/' });
  return { response, isCancelled: () => cancelled };
}

it.each([
  ['brings no byte', 60_000, 30_000],
  ['drips', 20_000, 15 * 60_000],
])('gives up an answer that %s', async (_, everyMs, afterMs) => {
  const { response, isCancelled } = dripping(everyMs);
  let failure: unknown = null;
  const read = readText(response, 1_000_000, tooLarge).catch((error: unknown) => {
    failure = error;
  });
  await vi.advanceTimersByTimeAsync(afterMs - 1_000);
  expect(failure).toBeNull();
  await vi.advanceTimersByTimeAsync(2_000);
  await read;
  expect(failure).toMatchObject({ code: 'NETWORK' });
  expect(isCancelled()).toBe(true);
});
