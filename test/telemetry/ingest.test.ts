import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTelemetrySecrets } from '../../server/telemetry/secret.ts';
import { APP, batch, crash, createStand, deviceId, type Stand, TODAY } from './stand.ts';

let stand: Stand;
beforeEach(async () => {
  stand = await createStand();
});
afterEach(() => stand.close());

const START_EVENT = { type: 'app_start', at: '2026-01-15T11:59:00Z' };
const UNLIMITED = { take: () => 0 };
const THROTTLES = {
  address: UNLIMITED,
  site: UNLIMITED,
  device: UNLIMITED,
  app: UNLIMITED,
  requestAddress: UNLIMITED,
  requestDevice: UNLIMITED,
};

async function counted(): Promise<number> {
  await stand.telemetry.flush();
  const { byType } = await stand.telemetry.totals(APP.id, { from: '2025-12-01', to: '2026-02-28' });
  return byType.reduce((sum, { count }) => sum + count, 0);
}

function stored(month: string, table: string): number {
  const db = new Database(join(stand.dir, 'telemetry', `${month}.db`), { readonly: true });
  const row = db.prepare<[], { n: number }>(`SELECT count(*) AS n FROM ${table}`).get();
  db.close();
  return row?.n ?? -1;
}

describe('a batch', () => {
  it('is answered 202 with what was accepted, and is counted', async () => {
    const answer = await stand.post('events', batch(1, { events: [START_EVENT, START_EVENT] }));
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({ accepted: 2, rejected: [] });
    await stand.telemetry.flush();
    expect((await stand.telemetry.totals(APP.id, TODAY)).byType).toEqual([{ type: 'app_start', count: 2, devices: 1 }]);
  });

  it('gets its first answer again, rejected indexes included, and counts once', async () => {
    const first = await stand.post('events', batch(1, { events: [{ type: 'nonsense', at: 'x' }, START_EVENT] }));
    const second = await stand.post('events', batch(1, { events: [START_EVENT, START_EVENT, START_EVENT] }));
    expect(first.body).toMatchObject({ accepted: 1, rejected: [{ index: 0, reason: 'TYPE_UNKNOWN' }] });
    expect(second).toMatchObject({ status: 202, body: first.body });
    expect(await counted()).toBe(1);
  });

  it('counts once when it comes many times at the same moment', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => stand.post('events', batch(7))));
    expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`))).toEqual(
      new Set(['202 {"accepted":1,"rejected":[]}']),
    );
    expect(await counted()).toBe(1);
  });

  it('is known again across the end of a month, in either direction', async () => {
    stand.clock.set(new Date('2026-01-31T23:59:59.900Z'));
    const events = [
      { type: 'app_start', at: '2026-01-31T23:00:00Z' },
      { type: 'nonsense', at: '' },
    ];
    const first = await stand.post('events', batch(1, { events }));
    stand.clock.set(new Date('2026-02-01T00:00:00.100Z'));
    await stand.post('events', batch(2, { events }));
    const again = await stand.post('events', batch(1, { events }));
    expect(again.body).toEqual(first.body);
    stand.clock.set(new Date('2026-01-31T23:59:59.950Z'));
    await stand.post('events', batch(2, { events }));
    expect([stored('2026-01', 'events'), stored('2026-02', 'events')]).toEqual([1, 1]);
    expect(await counted()).toBe(2);
  });

  it('of another device or under another id is another batch', async () => {
    await stand.post('events', batch(1));
    await stand.post('events', batch(1, { device_id: deviceId(2) }));
    await stand.post('events', batch(2));
    expect(await counted()).toBe(3);
  });

  it('keeps usage events only with consent', async () => {
    const events = [{ type: 'screen_view', at: '2026-01-15T11:00:00Z', data: { screen: 'main.rml' } }, START_EVENT];
    const without = await stand.post('events', batch(1, { events }));
    expect(without.body).toEqual({ accepted: 1, rejected: [{ index: 0, reason: 'CONSENT_MISSING' }] });
    const given = await stand.post('events', batch(2, { events, consent: true }));
    expect(given.body).toEqual({ accepted: 2, rejected: [] });
    await stand.telemetry.flush();
    expect((await stand.telemetry.totals(APP.id, TODAY)).byType).toContainEqual({
      type: 'screen_view',
      count: 1,
      devices: 1,
    });
  });

  it('loses single events that are not right, each with its reason', async () => {
    const at = '2026-01-15T11:00:00Z';
    const events = [
      { type: 'frame_time', at, data: { avg_ms: 16.6 } },
      { type: 'frame_time', at, data: { avg_ms: 'fast' } },
      { type: 'frame_time', at },
      { type: 'app_start', at, data: { user: 'alice' } },
      { type: 'app_start', at, extra: 1 },
      'app_start',
      null,
      { type: '__proto__', at },
      { type: 'constructor', at },
      { type: 'app_start', at: 'yesterday' },
      { type: 'app_start', at: '2026-02-31T00:00:00Z' },
      { type: 'app_start', at: '2026-01-15T12:04:59+00:00' },
      { type: 'app_start', at: '2026-01-15T12:05:01Z' },
      { type: 'app_start', at: '2025-10-17T12:00:01Z' },
      { type: 'app_start', at: '2025-10-17T11:59:59Z' },
    ];
    const { body } = await stand.post('events', batch(1, { events }));
    const reasons = (body as { rejected: { index: number; reason: string }[] }).rejected.map(({ index, reason }) => [
      index,
      reason,
    ]);
    expect(reasons).toEqual([
      [1, 'DATA_INVALID'],
      [2, 'DATA_INVALID'],
      [3, 'DATA_INVALID'],
      [4, 'MALFORMED'],
      [5, 'MALFORMED'],
      [6, 'MALFORMED'],
      [7, 'TYPE_UNKNOWN'],
      [8, 'TYPE_UNKNOWN'],
      [9, 'TIME_INVALID'],
      [10, 'TIME_INVALID'],
      [12, 'IN_FUTURE'],
      [14, 'TOO_OLD'],
    ]);
    expect(body).toMatchObject({ accepted: 3 });
  });

  it('is refused whole when its outside is not right, and leaves nothing', async () => {
    const wrong: [string, Record<string, unknown>][] = [
      ['device_id', { device_id: 'ab'.repeat(31) }],
      ['device_id', { device_id: 'zz'.repeat(32) }],
      ['batch_id', { batch_id: '1' }],
      ['app_id', { app_id: '../etc' }],
      ['app_version', { app_version: 'one' }],
      ['consent', { consent: 'yes' }],
      ['sent_at', { sent_at: 5 }],
      ['events', { events: [] }],
      ['events', { events: Array.from({ length: 501 }, () => START_EVENT) }],
      ['', { user: 'alice' }],
    ];
    for (const [path, change] of wrong) {
      const { status, body } = await stand.post('events', batch(1, change));
      expect([status, body], path).toMatchObject([400, { code: 'VALIDATION', status: 400, fields: [{ path }] }]);
    }
    expect(await counted()).toBe(0);
  });

  it('for an app that was never published is not found, and leaves nothing', async () => {
    const { status, body } = await stand.post('events', batch(1, { app_id: 'com.example.unknown' }));
    expect([status, body]).toMatchObject([404, { code: 'NOT_FOUND' }]);
    expect(readdirSync(join(stand.dir, 'telemetry')).filter((name) => name.startsWith('20'))).toEqual([]);
  });

  it('may be packed with gzip or zstd', async () => {
    const json = { 'Content-Type': 'application/json; charset=utf-8' };
    const gzip = gzipSync(JSON.stringify(batch(1)));
    const zstd = zstdCompressSync(JSON.stringify(batch(2)));
    expect((await stand.send('events', new Uint8Array(gzip), { ...json, 'Content-Encoding': 'gzip' })).status).toBe(
      202,
    );
    expect((await stand.send('events', new Uint8Array(zstd), { ...json, 'Content-Encoding': 'zstd' })).status).toBe(
      202,
    );
  });
});

describe('a body', () => {
  const json = { 'Content-Type': 'application/json' };

  it.each(['gzip', 'zstd'] as const)('that is a %s bomb is refused when it passes the limit', async (encoding) => {
    const zeros = Buffer.alloc(64 * 1024 * 1024, 0x20);
    const bomb = encoding === 'gzip' ? gzipSync(zeros) : zstdCompressSync(zeros);
    expect(bomb.length).toBeLessThan(256 * 1024);
    const { status, body } = await stand.send('events', new Uint8Array(bomb), {
      ...json,
      'Content-Encoding': encoding,
    });
    expect([status, body]).toMatchObject([413, { code: 'BODY_TOO_LARGE' }]);
  });

  it('in zstd is one frame, and in gzip all its members: bytes that are not read are refused', async () => {
    const text = Buffer.from(JSON.stringify(batch(1)));
    const send = async (encoding: string, ...parts: Uint8Array[]) =>
      stand.send('events', new Uint8Array(Buffer.concat(parts)), { ...json, 'Content-Encoding': encoding });
    const halves = [text.subarray(0, 100), text.subarray(100)];
    const refused = [
      await send('zstd', zstdCompressSync(text), Buffer.from('garbage')),
      await send('zstd', zstdCompressSync(text), zstdCompressSync(text)),
      await send('zstd', ...halves.map((half) => zstdCompressSync(half))),
      await send('zstd', zstdCompressSync(text).subarray(0, -1)),
    ];
    for (const { status, body } of refused)
      expect([status, body]).toMatchObject([
        400,
        { code: 'BAD_REQUEST', detail: expect.stringContaining('one valid frame') },
      ]);
    expect((await send('gzip', ...halves.map((half) => gzipSync(half)))).status).toBe(202);
  });

  it('over 256 KiB as sent is refused', async () => {
    const { status, body } = await stand.send('events', `"${'x'.repeat(256 * 1024)}"`, json);
    expect([status, body]).toMatchObject([413, { code: 'BODY_TOO_LARGE' }]);
  });

  it('over 256 KiB without an announced length is refused while it comes', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(stand.port, '127.0.0.1', () => {
        socket.write(
          'POST /v1/telemetry/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
        );
        for (let i = 0; i < 5; i += 1) socket.write(`10000\r\n${'x'.repeat(65_536)}\r\n`);
      });
      socket.once('data', (data) => {
        resolve(data.toString());
        socket.destroy();
      });
      socket.once('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });

  it.each([
    ['not JSON', '{"batch_id":', json, 400, 'BAD_REQUEST'],
    ['not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), json, 400, 'BAD_REQUEST'],
    ['damaged gzip', 'hello', { ...json, 'Content-Encoding': 'gzip' }, 400, 'BAD_REQUEST'],
    ['an encoding we do not take', '{}', { ...json, 'Content-Encoding': 'br' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['two encodings', '{}', { ...json, 'Content-Encoding': 'gzip, gzip' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a form', 'a=b', { 'Content-Type': 'application/x-www-form-urlencoded' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a text', '{}', { 'Content-Type': 'text/plain' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a number', '5', json, 400, 'VALIDATION'],
    ['nested very deep', '['.repeat(100_000) + ']'.repeat(100_000), json, 400, 'BAD_REQUEST'],
    ['nested one level too deep', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`, json, 400, 'BAD_REQUEST'],
    ['nested as deep as it may be', `${'{"a":'.repeat(32)}1${'}'.repeat(32)}`, json, 400, 'VALIDATION'],
    ['a text of brackets', `"${'[{'.repeat(100)}\\\\\\"${'['.repeat(100)}"`, json, 400, 'VALIDATION'],
  ])('that is %s is refused', async (_name, content, headers, status, code) => {
    for (const path of ['events', 'crash', 'device-requests']) {
      expect(await stand.send(path, content, headers as Record<string, string>), path).toMatchObject({
        status,
        body: { status, code },
      });
    }
  });
});

describe('privacy', () => {
  it('stores no device id in clear, in no file and in no form', async () => {
    await stand.post('events', batch(1));
    await stand.post('crash', crash());
    await stand.post('device-requests', { package_id: APP.packageId, device_id: deviceId(1), action: 'export' });
    await stand.telemetry.flush();
    const names = readdirSync(stand.dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
      statSync(join(stand.dir, name)).isFile(),
    );
    expect(names.length).toBeGreaterThan(4);
    for (const name of names) {
      const bytes = readFileSync(join(stand.dir, name));
      expect(bytes.includes(deviceId(1)), name).toBe(false);
      expect(bytes.includes(Buffer.from(deviceId(1), 'hex')), name).toBe(false);
      expect(bytes.includes(Buffer.from(deviceId(1), 'hex').subarray(16)), name).toBe(false);
    }
  });

  it('keeps the server secret for its owner alone, and the same one from start to start', async () => {
    const keys = join(stand.dir, 'keys');
    expect(statSync(join(keys, 'telemetry-secret')).mode & 0o777).toBe(0o600);
    const open = async () => (await openTelemetrySecrets(keys, new Date())).current();
    expect(await open()).toEqual(await open());
    // Two processes that start at once over a folder without one take the same.
    const [one, other] = await Promise.all(
      [0, 1].map(async () => (await openTelemetrySecrets(join(keys, 'fresh'), new Date())).current()),
    );
    expect(one).toEqual(other);
    expect(readdirSync(join(keys, 'fresh'))).toEqual(['telemetry-secret']);
  });
});

describe('too many', () => {
  it('batches from one device are refused with Retry-After, those of others are not', async () => {
    for (let n = 0; n < 60; n += 1) expect((await stand.post('events', batch(n))).status).toBe(202);
    const refused = await stand.post('events', batch(60));
    expect([refused.status, refused.body]).toMatchObject([429, { code: 'RATE_LIMITED' }]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await stand.post('events', batch(60, { device_id: deviceId(2) }))).status).toBe(202);
    stand.clock.advance(Number(refused.headers.get('retry-after')) * 1_000);
    expect((await stand.post('events', batch(60))).status).toBe(202);
  });

  it('requests from one address do not use up the limit of the app', async () => {
    let appTaken = 0;
    const app = {
      take: () => {
        appTaken += 1;
        return 0;
      },
    };
    const limited = await createStand({ throttles: { ...THROTTLES, address: { take: () => 3 }, app } });
    const refused = await limited.post('events', batch(1));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '3']);
    expect(appTaken).toBe(0);
    await limited.close();
  });

  it('batches waiting are refused with OVERLOADED, and every one that got its 202 is there', async () => {
    const flood = await createStand({ throttles: THROTTLES });
    const many = Array.from({ length: 500 }, () => START_EVENT);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 600 }, (_, n) => flood.telemetry.ingestEvents(batch(n, { events: many }))),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason);
    expect(refused.length).toBeGreaterThan(0);
    for (const error of refused) expect(error).toMatchObject({ code: 'OVERLOADED', details: { retryAfterSeconds: 2 } });
    await flood.telemetry.flush();
    const [{ count } = { count: -1 }] = (await flood.telemetry.totals(APP.id, TODAY)).byType;
    expect(count).toBe((600 - refused.length) * 500);
    await flood.close();
  });
});
