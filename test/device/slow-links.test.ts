// A slow link costs time and nothing else: no report is dropped for it, and no answer that keeps coming is cut off.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Network, request } from '../../device/http.ts';
import { createReporter } from '../../device/report.ts';
import { createStorage } from '../../device/storage.ts';
import { sendReport } from '../../device/telemetry/send.ts';
import { fetchMetadata } from '../../device/trust/fetch.ts';
import { installRecord } from './reporting.ts';

const APP = 'com.example.notes';
const networkOf = (fetching: typeof fetch): Network => ({
  serverUrl: 'http://store.example',
  fetch: fetching,
  clock: () => new Date('2026-03-01T12:00:00Z'),
  sleep: async () => undefined,
  random: () => 0,
});
const reportOf = (body: Record<string, unknown>) => ({
  path: '/v1/telemetry/events' as const,
  firstSentAt: null,
  body,
});

describe('a link of which time is ours', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
      const late = new AbortController();
      setTimeout(() => late.abort(new DOMException('late', 'TimeoutError')), ms);
      return late.signal;
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  /** Answers with a text that comes a byte every 20 s, and breaks off when the client has had enough. */
  function dripping(text: string, status: number): typeof fetch {
    return async (_, init) => {
      const bytes = Buffer.from(text);
      let at = 0;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          const timer = setInterval(() => {
            controller.enqueue(bytes.subarray(at, at + 1));
            at += 1;
            if (at < bytes.length) return;
            clearInterval(timer);
            controller.close();
          }, 20_000);
          init?.signal?.addEventListener('abort', () => {
            clearInterval(timer);
            controller.error(init.signal?.reason);
          });
        },
      });
      return Object.defineProperty(new Response(body, { status }), 'url', { value: 'http://store.example/' });
    };
  }

  it('brings a metadata file whole that drips for minutes', async () => {
    const fetched = fetchMetadata(networkOf(dripping('{"signed":{}}', 200)), 'timestamp.json', 1_000);
    fetched.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(20_000 * 14);
    expect((await fetched)?.text).toBe('{"signed":{}}');
  });

  it('brings the answer to a report that drips for minutes', async () => {
    const sent = sendReport(reportOf({}), APP, networkOf(dripping('{"accepted":1}', 202)));
    await vi.advanceTimersByTimeAsync(20_000 * 15);
    expect(await sent).toEqual({ kind: 'sent', knownIssues: [] });
  });

  it.each([
    ['of 100 kB up to 130 s', 'x'.repeat(100_000), 130_000],
    ['of 50 kB as bytes up to 80 s', Buffer.alloc(50_000), 80_000],
    ['without one up to 30 s', undefined, 30_000],
  ])('has a time for the request in proportion to its body: %s', async (_, body, mostMs) => {
    const never: typeof fetch = (_url, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
      });
    let failure: unknown = null;
    const init = body === undefined ? {} : { method: 'POST', body };
    const asked = request(networkOf(never), 'http://store.example/', init).catch((error: unknown) => {
      failure = error;
    });
    await vi.advanceTimersByTimeAsync(mostMs - 500);
    expect(failure).toBeNull();
    await vi.advanceTimersByTimeAsync(1_000);
    await asked;
    expect(failure).toMatchObject({ code: 'NETWORK' });
  });
});

describe('a report', () => {
  it('that came too slowly for the server waits for a better link, and holds up no smaller one', async () => {
    const root = await mkdtemp(join(tmpdir(), 'mosis-slow-'));
    try {
      const storage = createStorage(root);
      await storage.prepare();
      await storage.writeInstalled(APP, installRecord(APP));
      const asked: string[] = [];
      const network = networkOf(async (_, init) => {
        asked.push(String(new Headers(init?.headers).get('content-encoding')));
        if (asked.length > 1) return Response.json({}, { status: 202 });
        return Response.json(
          { code: 'TIMEOUT' },
          { status: 408, headers: { 'content-type': 'application/problem+json' } },
        );
      });
      const reporter = createReporter({ storage, network, mosisVersion: '1.0.0' });
      await reporter.track(APP, { type: 'app_start', consent: false });
      await reporter.crash(APP, { crash_type: 'lua_error', message: 'a', stack_trace: 's'.repeat(5_000) });
      expect(await reporter.flush()).toMatchObject({ sent: 1, dropped: 0, waiting: 1 });
      expect(await reporter.flush()).toMatchObject({ sent: 1, dropped: 0, waiting: 0 });
    } finally {
      await rm(root, { recursive: true });
    }
  });

  it('goes packed, where it is not so small that this saves nothing', async () => {
    const bodies: unknown[] = [];
    const network = networkOf(async (_, init) => {
      const packed = new Headers(init?.headers).get('content-encoding') === 'gzip';
      const bytes = Buffer.from(init?.body as Uint8Array);
      bodies.push([packed, bytes.length, JSON.parse((packed ? gunzipSync(bytes) : bytes).toString('utf8'))]);
      return Response.json({}, { status: 202 });
    });
    const message = 'é'.repeat(10_000);
    await sendReport(reportOf({ message }), APP, network);
    await sendReport(reportOf({ message: 'a' }), APP, network);
    const sentAt = '2026-03-01T12:00:00.000Z';
    expect(bodies).toEqual([
      [true, expect.any(Number), { message, sent_at: sentAt }],
      [false, expect.any(Number), { message: 'a', sent_at: sentAt }],
    ]);
    expect((bodies[0] as [boolean, number])[1]).toBeLessThan(1_000);
  });
});
