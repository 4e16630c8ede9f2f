/** How deliveries are tried, tried again and given up, and that one receiver never holds up another. */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { POST_TIMEOUT_MS } from '../../server/notifications/post.ts';
import { MAX_TRIES, retryDelayMs } from '../../server/notifications/retry.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { createSeed, type Developer, localId, type Seed } from '../support/seed.ts';
import { mailsIn } from './mail-files.ts';
import { type Hook, hook, type Receiver, startReceiver, until, viewHook } from './receiver.ts';

const HOUR_MS = 3_600_000;
let app: TestApp;
let clock: TestClock;
let seed: Seed;
let ada: Developer;
const open: Receiver[] = [];

beforeAll(async () => {
  clock = createTestClock(new Date());
  app = await startApp({ clock });
  seed = createSeed(app);
  ada = await seed.developer('Ada');
});
afterAll(() => app.close());
afterEach(async () => {
  const { viewer } = await ada.query<{ viewer: { webhooks: { id: string }[] } | null }>(
    '{ viewer { webhooks { id } } }',
  );
  for (const { id } of viewer?.webhooks ?? []) await ada.done('deleteWebhook', { webhookId: id });
  for (const receiver of open.splice(0)) await receiver.close();
});

async function receiver(...given: Parameters<typeof startReceiver>): Promise<Receiver> {
  const started = await startReceiver(...given);
  open.push(started);
  return started;
}

/** So many pieces of news about an app, in the log. */
async function news(appId: string, count = 1): Promise<void> {
  await app.services.work(async (unit) => {
    for (let each = 0; each < count; each += 1) {
      unit.emit({ type: 'SUBMITTED', appId, actorId: localId(ada.id), payload: { round: 1 } });
    }
  });
}

function lastOf(mine: Hook) {
  return viewHook(ada, mine.id).then((view) => view?.deliveries[0]);
}

describe('a delivery', () => {
  it('is tried eight times over about a day, then given up; each try has the same id and body', async () => {
    const broken = await receiver((response) => response.writeHead(500).end('not today'));
    const mine = await hook(ada, broken.url);
    await ada.done('createApp', { packageId: 'com.example.retries', name: 'Retries' });
    const started = clock.ms();
    const [row] = app.rows<{ id: string }>("SELECT id FROM apps WHERE package_id = 'com.example.retries'");
    await news(row?.id ?? '');
    for (let number = 1; number <= MAX_TRIES; number += 1) {
      const view = await until(ada, mine.id, ({ deliveries }) => deliveries[0]?.attempts.length === number);
      const delivery = view.deliveries[0];
      expect(delivery?.state).toBe(number < MAX_TRIES ? 'PENDING' : 'FAILED');
      const delay = retryDelayMs(localId(delivery?.id ?? ''), number);
      // A moment too early nothing is sent.
      clock.advance(delay - 1_000);
      app.services.jobs.wake();
      await app.services.jobs.idle();
      expect(broken.received).toHaveLength(number);
      clock.advance(1_000);
      app.services.jobs.wake();
    }
    const hours = (clock.ms() - started) / HOUR_MS;
    expect(hours).toBeGreaterThan(12);
    expect(hours).toBeLessThan(40);
    expect(new Set(broken.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(broken.received.map(({ raw }) => raw)).size).toBe(1);
    const times = broken.received.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(new Set(times).size).toBe(MAX_TRIES);
  });

  it('waits longer after each try, each a quarter shorter or longer than the rule', () => {
    const rule = [30, 150, 750, 3_750, 18_750, 28_800, 28_800];
    for (const [index, seconds] of rule.entries()) {
      const delays = Array.from({ length: 200 }, (_, id) => retryDelayMs(`delivery-${id}`, index + 1) / 1000);
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(seconds * 0.75);
      expect(Math.max(...delays)).toBeLessThanOrEqual(seconds * 1.25);
      expect(new Set(delays).size).toBeGreaterThan(150);
    }
  });

  it('that succeeds at a later try is delivered, and the webhook is blamed for nothing', async () => {
    let tries = 0;
    const shaky = await receiver((response) => {
      tries += 1;
      response.writeHead(tries === 1 ? 503 : 204).end();
    });
    const mine = await hook(ada, shaky.url);
    const handle = await ada.app('com.example.shaky', { pinned: false });
    await news(handle.key);
    await until(ada, mine.id, ({ deliveries }) => deliveries[0]?.attempts.length === 1);
    clock.advance(60_000);
    app.services.jobs.wake();
    const view = await until(ada, mine.id, ({ deliveries }) => deliveries[0]?.state === 'DELIVERED');
    expect(view.deliveries[0]?.attempts.map(({ status }) => status)).toEqual([503, 204]);
    expect(app.rows('SELECT failures FROM webhooks WHERE id = ?', localId(mine.id))).toEqual([{ failures: 0 }]);
  });

  it('follows no redirect, and keeps no more than 4 KiB of the answer', async () => {
    const elsewhere = await receiver();
    const redirecting = await receiver((response) => response.writeHead(307, { location: elsewhere.url }).end());
    const chatty = await receiver((response) => response.end('x'.repeat(100_000)));
    const mine = await hook(ada, redirecting.url);
    await ada.done('testWebhook', { webhookId: mine.id });
    await until(ada, mine.id, ({ deliveries }) => deliveries[0]?.state === 'FAILED');
    expect((await lastOf(mine))?.attempts[0]).toMatchObject({
      status: 307,
      error: 'answered 307: redirects are not followed',
    });
    expect(elsewhere.received).toEqual([]);

    const other = await hook(ada, chatty.url);
    await ada.done('testWebhook', { webhookId: other.id });
    await until(ada, other.id, ({ deliveries }) => deliveries[0]?.state === 'DELIVERED');
    expect((await lastOf(other))?.attempts[0]?.answer).toHaveLength(4096);
  });

  it('is given up, and the webhook disabled, at once where the receiver answers 410', async () => {
    const gone = await receiver((response) => response.writeHead(410).end());
    const mine = await hook(ada, gone.url);
    await ada.done('testWebhook', { webhookId: mine.id });
    const view = await until(ada, mine.id, ({ state }) => state === 'DISABLED');
    expect(view.stateReason).toBe('The receiver answered 410: it is gone.');
    expect(view.deliveries[0]?.state).toBe('FAILED');
    await ada.done('updateWebhook', { webhookId: mine.id, paused: false });
    expect(await viewHook(ada, mine.id)).toMatchObject({ state: 'ACTIVE', stateReason: null });
  });
});

describe('a webhook', () => {
  it('is disabled after twenty deliveries given up in a row, and its owner is told by mail', async () => {
    const broken = await receiver((response) => response.writeHead(500).end());
    const mine = await hook(ada, broken.url);
    const handle = await ada.app('com.example.failing', { pinned: false });
    const writer = new Sqlite(join(app.dataDir, 'core.db'));
    writer.prepare('UPDATE webhooks SET failures = 18 WHERE id = ?').run(localId(mine.id));
    writer.close();
    await news(handle.key, 2);
    for (let number = 1; number <= MAX_TRIES; number += 1) {
      await until(ada, mine.id, ({ deliveries }) => {
        return deliveries.length >= 2 && deliveries.slice(-2).every(({ attempts }) => attempts.length === number);
      });
      // Comes last, and still waits when the others are given up.
      if (number === MAX_TRIES - 1) await news(handle.key);
      clock.advance(12 * HOUR_MS);
      app.services.jobs.wake();
    }
    const view = await until(ada, mine.id, ({ state }) => state === 'DISABLED');
    expect(view.stateReason).toBe('20 deliveries in a row were given up.');
    expect(view.deliveries.map(({ state }) => state)).toEqual(['FAILED', 'FAILED', 'FAILED']);
    await app.services.jobs.idle();
    const mails = (await mailsIn(app.dataDir)).filter(({ subject }) => /webhook/.test(subject));
    expect(mails.at(-1)).toMatchObject({ to: expect.stringContaining(ada.email) });
    expect(mails.at(-1)?.text).toContain('20 deliveries in a row were given up.');
    expect(mails.at(-1)?.text).toContain(`${app.url}/settings/notifications/${encodeURIComponent(mine.id)}`);
  });

  it('that hangs holds up nobody: another has all of the same news long before the first request is given up', async () => {
    const blackHole = await receiver(() => {});
    const good = await receiver();
    const handle = await ada.app('com.example.blackhole', { pinned: false });
    for (let count = 0; count < 9; count += 1) await hook(ada, blackHole.url);
    const fine = await hook(ada, good.url);
    const before = Date.now();
    await news(handle.key, 20);
    await until(ada, fine.id, ({ deliveries }) => {
      return deliveries.length === 20 && deliveries.every(({ state }) => state === 'DELIVERED');
    });
    expect(Date.now() - before).toBeLessThan(POST_TIMEOUT_MS / 2);
    // One request at a time for each that hangs.
    expect(blackHole.received.length).toBeLessThanOrEqual(9);
  });

  it('gets its news in order, one at a time', async () => {
    let atOnce = 0;
    let most = 0;
    const slow = await receiver((response) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      setImmediate(() => {
        atOnce -= 1;
        response.end();
      });
    });
    const mine = await hook(ada, slow.url);
    const handle = await ada.app('com.example.order', { pinned: false });
    await Promise.all([news(handle.key, 12), news(handle.key, 12), news(handle.key, 12)]);
    await until(
      ada,
      mine.id,
      ({ deliveries }) => deliveries.length === 36 && deliveries.every((each) => each.state === 'DELIVERED'),
    );
    const cursors = slow.received.map(({ body }) => Number(body.cursor?.split('.')[1]));
    expect(cursors).toEqual([...cursors].sort((a, b) => a - b));
    expect(most).toBe(1);
  });

  it('sends again what was on its way when the server stopped, under the same id', async () => {
    const blackHole = await receiver(() => {});
    const handle = await ada.app('com.example.restart', { pinned: false });
    await hook(ada, blackHole.url);
    await news(handle.key);
    const first = await blackHole.got();
    await app.services.jobs.stop();
    await app.services.jobs.start({ alone: true });
    const second = await blackHole.got((request) => request !== first);
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(second.raw).toBe(first.raw);
  });
});

describe('in time', () => {
  it('deliveries are forgotten after 30 days', async () => {
    const fine = await receiver();
    const mine = await hook(ada, fine.url);
    await ada.done('testWebhook', { webhookId: mine.id });
    await until(ada, mine.id, ({ deliveries }) => deliveries[0]?.state === 'DELIVERED');
    const kept = async (days: number) => {
      clock.advance(days * 24 * HOUR_MS);
      await app.services.work(async (unit) =>
        unit.enqueue({ kind: 'housekeeping', key: `test:${clock.ms()}`, payload: {} }),
      );
      await app.services.jobs.idle();
      return app.rows('SELECT id FROM webhook_deliveries WHERE webhook_id = ?', localId(mine.id)).length;
    };
    expect(await kept(29)).toBe(1);
    expect(await kept(2)).toBe(0);
  });
});
