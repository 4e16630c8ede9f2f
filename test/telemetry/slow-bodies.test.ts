// Bodies over slow links: taken while they keep moving, bounded in time and number however many senders drip.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createSeats } from '../../server/http/seats.ts';
import { TELEMETRY_LIMITS } from '../../server/telemetry/limits.ts';
import { batch, createStand, type Stand } from './stand.ts';

let stand: Stand;
let sockets: Socket[];
beforeEach(async () => {
  stand = await createStand();
  sockets = [];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(async () => {
  vi.useRealTimers();
  for (const socket of sockets) socket.destroy();
  await stand.close();
});

const BATCH_BYTES = 192 * 1024;

/** A batch of about 192 KiB, as the reference client makes them. */
function largeBatch(n: number): string {
  const message = 'x'.repeat(180);
  const event = { type: 'lua_errors', at: '2026-01-15T11:59:00Z', data: { count: 1, message } };
  const json = JSON.stringify(batch(n, { events: Array.from({ length: 490 }, () => event) }));
  return json.replace('{', `{${' '.repeat(BATCH_BYTES - json.length)}`);
}

/** Turns of the event loop, for what is on its way through a real socket; only timers are ours. */
async function turns(count = 20): Promise<void> {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A request whose body comes as a test sends it. */
async function slowly(length = BATCH_BYTES) {
  const socket = connect(stand.port, '127.0.0.1');
  sockets.push(socket);
  let answer = '';
  socket.on('data', (data) => {
    answer += data.toString();
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const head = `POST /v1/telemetry/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
  const sent = async (data: string) => {
    await new Promise<void>((resolve) => socket.write(data, () => resolve()));
    await turns();
  };
  await sent(head);
  return { sent, answer: () => answer, socket };
}

it('takes a batch that needs over a minute at a steady 3 kB a second', async () => {
  const link = await slowly();
  const body = largeBatch(1);
  for (let at = 0; at < body.length; at += 3_000) {
    await vi.advanceTimersByTimeAsync(1_000);
    await link.sent(body.slice(at, at + 3_000));
  }
  await vi.waitFor(() => expect(link.answer()).not.toBe(''), { interval: 5 });
  expect(link.answer()).toMatch(/^HTTP\/1.1 202 [\s\S]*"accepted":490/);
});

it.each([
  ['sends nothing', 0, 10],
  ['sends 500 bytes a second', 500, 17],
])('refuses one that %s, and ends its connection', async (_, perSecond, afterSeconds) => {
  const link = await slowly();
  for (let second = 0; second < afterSeconds - 1; second += 1) {
    await vi.advanceTimersByTimeAsync(1_000);
    if (perSecond > 0) await link.sent('x'.repeat(perSecond));
  }
  expect(link.answer()).toBe('');
  await vi.advanceTimersByTimeAsync(3_000);
  await once(link.socket, 'close');
  expect(link.answer()).toMatch(/^HTTP\/1.1 408 [\s\S]*application\/problem\+json[\s\S]*"TIMEOUT"/);
});

it('refuses one that pauses for half a minute, however fast it was before', async () => {
  const link = await slowly();
  await link.sent('x'.repeat(150_000));
  await vi.advanceTimersByTimeAsync(29_000);
  await turns();
  expect(link.answer()).toBe('');
  await vi.advanceTimersByTimeAsync(2_000);
  await once(link.socket, 'close');
  expect(link.answer()).toMatch(/^HTTP\/1.1 408 /);
});

it('lets no more than some take long at once, of one address: the others go after 10 s as before, and each seat is given back', async () => {
  const most = TELEMETRY_LIMITS.maxSlowBodiesPerAddress;
  const links = await Promise.all(Array.from({ length: most + 8 }, () => slowly()));
  for (const link of links) await link.sent('x'.repeat(40_000));
  await vi.advanceTimersByTimeAsync(10_500);
  await turns(200);
  const refused = links.filter((link) => link.answer().startsWith('HTTP/1.1 408'));
  expect(refused).toHaveLength(8);
  for (const link of links) link.socket.destroy();
  await turns(200);
  const next = await slowly();
  await next.sent('x'.repeat(40_000));
  await vi.advanceTimersByTimeAsync(20_000);
  await turns();
  expect(next.answer()).toBe('');
});

it('bounds what 1,000 slow senders hold in all', () => {
  const { maxSlowBodies: most, maxSlowBodiesPerAddress: mostPerKey, maxEncodedBytes } = TELEMETRY_LIMITS;
  const seats = createSeats({ most, mostPerKey });
  const taken = Array.from({ length: 1_000 }, (_, n) => seats.take(`203.0.113.${n % 250}`)).filter((leave) => leave);
  expect(taken).toHaveLength(most);
  expect(most * maxEncodedBytes).toBeLessThanOrEqual(64 * 1024 * 1024);
  for (const leave of taken) {
    leave?.();
    leave?.();
  }
  const again = Array.from({ length: 1_000 }, () => seats.take('203.0.113.1')).filter((leave) => leave);
  expect(again).toHaveLength(mostPerKey);
  // The slowest that is let through still ends within the time that the HTTP server gives any request.
  const { bodyTimeoutMs, minBytesPerSecond } = TELEMETRY_LIMITS;
  expect(bodyTimeoutMs + (maxEncodedBytes / minBytesPerSecond) * 1_000).toBeLessThan(300_000);
});
