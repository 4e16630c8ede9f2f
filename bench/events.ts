/**
 * Measures how long an event takes from its commit to the timeline of an open version page in Chromium, beside an empty message
 * over a bare WebSocket in the same browser and run. Usage: node bench/events.ts; BENCH_EVENTS (300), BENCH_PER_SECOND (20).
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { type WebSocket as ServerSocket, WebSocketServer } from 'ws';
import { startApp } from '../test/support/app.ts';
import { ensurePortal, launchBrowser } from '../test/support/browser.ts';
import { createSeed } from '../test/support/seed.ts';

const EVENTS = Number(process.env.BENCH_EVENTS ?? 300);
const PER_SECOND = Number(process.env.BENCH_PER_SECOND ?? 20);
const TARGET_MS = 100;
const SETTLE_MS = 2_000;
const PORTAL = fileURLToPath(new URL('../web/build', import.meta.url));

const now = (): number => performance.timeOrigin + performance.now();

/** How far the page's clock is ahead of ours: the middle of the quickest question. */
async function clockAhead(page: Page): Promise<number> {
  let best = { tookMs: Number.POSITIVE_INFINITY, ahead: 0 };
  for (let tries = 0; tries < 40; tries += 1) {
    const asked = now();
    const theirs = await page.evaluate(() => performance.timeOrigin + performance.now());
    const answered = now();
    if (answered - asked < best.tookMs) best = { tookMs: answered - asked, ahead: theirs - (asked + answered) / 2 };
  }
  return best.ahead;
}

interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

function spread(sentMs: readonly number[], seenMs: readonly number[], ahead: number): Spread {
  if (seenMs.length !== sentMs.length) throw new Error(`${sentMs.length} were sent, ${seenMs.length} arrived`);
  const took = seenMs.map((seen, index) => seen - ahead - (sentMs[index] ?? Number.NaN)).toSorted((a, b) => a - b);
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/** Runs `send` at the pace; gives when each was sent. */
async function pace(send: (index: number) => Promise<number> | number): Promise<number[]> {
  const sent: number[] = [];
  for (let index = 0; index < EVENTS; index += 1) {
    sent.push(await send(index));
    await delay(1_000 / PER_SECOND);
  }
  await delay(SETTLE_MS);
  return sent;
}

async function seen(page: Page): Promise<number[]> {
  const value: unknown = await page.evaluate(() => Reflect.get(window, 'benchSeen'));
  if (!Array.isArray(value)) throw new Error('The page noted nothing.');
  return value.map(Number);
}

/** The limit: the same browser, the same process, and nothing between them but a WebSocket. */
async function bareSocket(context: BrowserContext): Promise<Spread> {
  const http = createServer((_, response) =>
    response.setHeader('content-type', 'text/html').end('<title>limit</title>'),
  );
  const server = new WebSocketServer({ server: http });
  const connected = new Promise<ServerSocket>((resolve) => server.once('connection', resolve));
  http.listen(0, 'localhost');
  await once(http, 'listening');
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const page = await context.newPage();
  await page.goto(`http://localhost:${port}/`);
  await page.evaluate((url) => {
    const times: number[] = [];
    Reflect.set(window, 'benchSeen', times);
    new WebSocket(url).onmessage = () => times.push(performance.timeOrigin + performance.now());
  }, `ws://localhost:${port}`);
  const socket = await connected;
  const ahead = await clockAhead(page);
  const sent = await pace((index) => {
    const at = now();
    socket.send(JSON.stringify({ index }));
    return at;
  });
  const result = spread(sent, await seen(page), ahead);
  await page.close();
  server.close();
  http.close();
  http.closeAllConnections();
  return result;
}

ensurePortal();
const app = await startApp({ portalDir: PORTAL });
const browser = await launchBrowser();
try {
  const seed = createSeed(app);
  const developer = await seed.developer('Devi');
  const version = await (await developer.app('com.example.bench')).upload();
  await version.submitted();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const [name = '', value = ''] = (developer.session.cookie ?? '').split('=', 2);
  await context.addCookies([{ name, value, url: app.url }]);
  const bare = await bareSocket(context);

  const page = await context.newPage();
  await page.goto(`${app.url}/apps/com.example.bench/versions/1`);
  await page.getByText('Waiting for a reviewer', { exact: false }).first().waitFor();
  await delay(SETTLE_MS);
  await page.getByRole('list', { name: 'Timeline' }).evaluate((list) => {
    const times: number[] = [];
    Reflect.set(window, 'benchSeen', times);
    const rows = () => [...list.children].filter((row) => row.querySelector(':scope > time') !== null).length;
    let known = rows();
    new MutationObserver(() => {
      const at = performance.timeOrigin + performance.now();
      for (const count = rows(); known < count; known += 1) times.push(at);
    }).observe(list, { childList: true, subtree: true });
  });
  const ahead = await clockAhead(page);
  const actorId = null;
  const sent = await pace(async (index) => {
    let at = 0;
    await app.services.work(async (unit) => {
      const type = index % 2 === 0 ? 'CLAIMED' : 'RELEASED';
      unit.emit({ type, appId: version.app.key, versionId: version.key, actorId, payload: {} });
      // The commit is still to come: a little too early rather than too late.
      at = now();
    });
    return at;
  });
  const live = spread(sent, await seen(page), ahead);
  const line = (label: string, { p50, p95, p99, max }: Spread) =>
    `  ${label.padEnd(36)} p50 ${p50.toFixed(1)}  p95 ${p95.toFixed(1)}  p99 ${p99.toFixed(1)}  max ${max.toFixed(1)} ms`;
  process.stdout.write(
    [
      `from an event's commit to the timeline in Chromium: ${EVENTS} events, ${PER_SECOND} a second`,
      line('limit: message over a bare WebSocket', bare),
      `${line('event, committed to seen in the page', live)}   target p99 ${TARGET_MS} ms`,
      `  ratio at p50 ${(live.p50 / bare.p50).toFixed(1)}, at p99 ${(live.p99 / bare.p99).toFixed(1)}`,
      '',
    ].join('\n'),
  );
  if (live.p99 > TARGET_MS) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await browser.close();
  await app.close();
}
