/** The one reader of the event log: each event is told to the queue once, whatever happens between. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAudit } from '../../server/audit/service.ts';
import { createEvents, type Events } from '../../server/events/service.ts';
import type { EventType } from '../../server/events/types.ts';
import { createJobs, type Jobs } from '../../server/jobs/service.ts';
import { MAX_PENDING } from '../../server/notifications/delivery-rows.ts';
import { MAX_MAILS_AN_HOUR } from '../../server/notifications/mails.ts';
import { createNotifications, type Notifications } from '../../server/notifications/service.ts';
import type { Tx } from '../../server/platform/db/database.ts';
import { openDatabase, type SqliteDatabase } from '../../server/platform/db/sqlite.ts';
import { createIds } from '../../server/platform/ids.ts';
import { createInProcessPubSub } from '../../server/platform/pubsub/in-process.ts';
import { createUnitOfWork, type Work } from '../../server/unit-of-work.ts';
import { createTestClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { APP_ID, BOB, populate, WEBHOOK_IDS } from './reader-stand.ts';

const clock = createTestClock(new Date());
const ids = createIds(clock);
const log = { info() {}, warn() {}, error() {} };
let test: TestDatabase;
let keysDir: string;

interface Life {
  readonly db: SqliteDatabase;
  readonly events: Events;
  readonly jobs: Jobs;
  readonly work: Work;
  readonly notifications: Notifications;
}

/** One life of a server on the database; its jobs are written and not run. */
async function live(db: SqliteDatabase = test.db): Promise<Life> {
  const events = createEvents({ db, clock, pubsub: createInProcessPubSub(() => {}), pollMs: 20 });
  const jobs = createJobs({ db, clock, ids, log });
  const work = createUnitOfWork({ db, events, jobs, audit: createAudit({ clock, ids }), log });
  const mailer = { send: async () => {} };
  const given = { db, work, clock, ids, events, jobs, log, mailer, keysDir, allowLoopback: true };
  const notifications = await createNotifications({ ...given, publicUrl: 'http://localhost:4000' });
  return { db, events, jobs, work, notifications };
}

beforeEach(async () => {
  test = await createTestDatabase();
  keysDir = await mkdtemp(join(tmpdir(), 'mosis-keys-'));
  await test.db.transaction((tx) => populate(tx, clock.now()));
});
afterEach(async () => {
  await test.dispose();
  await rm(keysDir, { recursive: true, force: true });
});

function happen({ work }: Life, ...types: EventType[]): Promise<void> {
  return work(async (unit) => {
    for (const type of types) unit.emit({ type, appId: APP_ID, actorId: null, payload: {} });
  });
}

/** What was written for the queue: of each webhook the events in order, and the mails. */
async function told(db: SqliteDatabase = test.db): Promise<{ deliveries: Record<string, string[]>; mails: number }> {
  const rows = await db.prisma.webhookDelivery.findMany({ orderBy: { id: 'asc' } });
  const deliveries = Object.fromEntries(
    WEBHOOK_IDS.map((id) => [id, rows.filter((row) => row.webhookId === id).map((row) => row.eventType)]),
  );
  return { deliveries, mails: await db.prisma.job.count({ where: { kind: 'send-mail' } }) };
}

describe('the reader', () => {
  it('begins at the head of the log where it has never read', async () => {
    const life = await live();
    await happen(life, 'SUBMITTED', 'APPROVED');
    await life.notifications.reader.start();
    await life.notifications.reader.stop();
    expect(await told()).toEqual({ deliveries: { [WEBHOOK_IDS[0]]: [], [WEBHOOK_IDS[1]]: [] }, mails: 0 });
    await happen(life, 'PUBLISHED');
    await life.notifications.reader.catchUp();
    expect(await told()).toEqual({
      deliveries: { [WEBHOOK_IDS[0]]: ['PUBLISHED'], [WEBHOOK_IDS[1]]: ['PUBLISHED'] },
      mails: 2,
    });
  });

  it('goes on where the life before it stopped, over more than a page, and tells nothing twice', async () => {
    const first = await live();
    await first.notifications.reader.catchUp();
    const many: EventType[] = Array.from({ length: 120 }, () => 'SUBMITTED');
    await happen(first, ...many);
    await happen(first, 'PUBLISHED');
    const second = await live();
    // Two at once: whoever is late finds the page told.
    await Promise.all([second.notifications.reader.catchUp(), first.notifications.reader.catchUp()]);
    await second.notifications.reader.catchUp();
    const { deliveries } = await told();
    for (const id of WEBHOOK_IDS) expect(deliveries[id]).toEqual([...many, 'PUBLISHED']);
    const keys = await test.db.prisma.webhookDelivery.findMany({ select: { webhookId: true, key: true } });
    expect(new Set(keys.map(({ webhookId, key }) => `${webhookId} ${key}`)).size).toBe(242);
  });

  it('tells a page whole or not at all: a transaction that fails leaves the cursor, and the next one tells it', async () => {
    const life = await live();
    await life.notifications.reader.catchUp();
    await happen(life, 'APPROVED', 'PUBLISHED');
    const failing = await live(failingDatabase(test.db, 'job'));
    await expect(failing.notifications.reader.catchUp()).rejects.toThrow('the power is out');
    expect(await told()).toEqual({ deliveries: { [WEBHOOK_IDS[0]]: [], [WEBHOOK_IDS[1]]: [] }, mails: 0 });
    await life.notifications.reader.catchUp();
    const both = ['APPROVED', 'PUBLISHED'];
    expect(await told()).toEqual({ deliveries: { [WEBHOOK_IDS[0]]: both, [WEBHOOK_IDS[1]]: both }, mails: 4 });
  });

  it('looks by itself where a notification was lost', async () => {
    const reading = await live();
    await reading.notifications.reader.start();
    // Another life: its pub/sub is not heard here.
    await happen(await live(), 'APPROVED');
    for (let tries = 0; tries < 200; tries += 1) {
      if ((await told()).mails === 2) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await reading.notifications.reader.stop();
    expect((await told()).deliveries[WEBHOOK_IDS[0]]).toEqual(['APPROVED']);
  });

  it('goes on from the head after a restore, and sends no old news again', async () => {
    const life = await live();
    await life.notifications.reader.catchUp();
    await happen(life, 'APPROVED');
    await life.notifications.reader.catchUp();
    await happen(life, 'PUBLISHED');
    await test.db.transaction((tx) => life.events.renewEpoch(tx));
    const restored = await live();
    await restored.notifications.reader.catchUp();
    expect((await told()).deliveries[WEBHOOK_IDS[0]]).toEqual(['APPROVED']);
    await happen(restored, 'UNPUBLISHED');
    await restored.notifications.reader.catchUp();
    expect((await told()).deliveries[WEBHOOK_IDS[0]]).toEqual(['APPROVED', 'UNPUBLISHED']);
  });

  it('tells nobody whose account is suspended', async () => {
    const life = await live();
    await life.notifications.reader.catchUp();
    await test.db.prisma.developer.update({ where: { id: BOB }, data: { status: 'SUSPENDED' } });
    await happen(life, 'PUBLISHED');
    await life.notifications.reader.catchUp();
    expect(await told()).toEqual({
      deliveries: { [WEBHOOK_IDS[0]]: ['PUBLISHED'], [WEBHOOK_IDS[1]]: [] },
      mails: 1,
    });
  });
});

describe('deliveries', () => {
  it('on top of a thousand that wait for a webhook are given up at once, and count against it', async () => {
    const life = await live();
    await life.notifications.reader.catchUp();
    const webhookId = WEBHOOK_IDS[0];
    const waiting = Array.from({ length: MAX_PENDING }, (_, index) => ({
      id: `waiting-${index}`,
      webhookId,
      key: `waiting-${index}`,
      eventType: 'APPROVED',
      body: '{}',
      createdAt: clock.now(),
    }));
    await test.db.prisma.webhookDelivery.createMany({ data: waiting });
    await happen(life, 'PUBLISHED');
    await life.notifications.reader.catchUp();
    const last = await test.db.prisma.webhookDelivery.findFirst({
      where: { webhookId, eventType: 'PUBLISHED' },
      include: { attempts: true, webhook: true },
    });
    expect(last).toMatchObject({
      state: 'FAILED',
      attempts: [{ number: 1, status: null, error: 'not sent: 1000 deliveries wait already' }],
      webhook: { failures: 1, state: 'ACTIVE' },
    });
  });

  it('whose job was lost are looked after, once an hour', async () => {
    const life = await live();
    const [webhookId] = WEBHOOK_IDS;
    const createdAt = new Date(clock.ms() - 3_600_001);
    const lost = { id: 'lost', webhookId, key: 'lost', eventType: 'APPROVED', body: '{}', createdAt };
    await test.db.prisma.webhookDelivery.create({ data: lost });
    await life.notifications.sweep();
    await life.notifications.sweep();
    const jobs = await test.db.prisma.job.findMany({ where: { kind: 'deliver-webhook' } });
    expect(jobs.map(({ payload }) => payload)).toEqual([{ webhookId }]);
  });
});

describe('a killed reader', () => {
  it('loses and doubles nothing, however often it is killed', async () => {
    const life = await live();
    await life.notifications.reader.catchUp();
    await test.db.close();
    for (const rounds of [1, 4, 9, 2, 13]) await killAfter(rounds);

    const db = await openDatabase({ path: test.path });
    const last = await live(db);
    await last.notifications.reader.catchUp();
    const events = await db.prisma.event.findMany({ orderBy: { n: 'asc' } });
    const head = await db.prisma.eventHead.findUniqueOrThrow({ where: { id: 1 } });
    const cursors = events.map(({ n }) => `${head.epoch}.${n}`);
    expect(cursors.length).toBeGreaterThan(50);
    for (const webhookId of WEBHOOK_IDS) {
      const rows = await db.prisma.webhookDelivery.findMany({ where: { webhookId } });
      expect(rows.map(({ key }) => key).toSorted()).toEqual(cursors.toSorted());
      const jobs = await db.prisma.job.count({ where: { kind: 'deliver-webhook', key: { contains: webhookId } } });
      expect(jobs).toBeGreaterThan(0);
    }
    // One mail an event, up to the most that an account gets in an hour.
    for (const developerId of ['ada', BOB]) {
      const mails = await db.prisma.job.findMany({ where: { key: { startsWith: `mail:${developerId}:` } } });
      const first = cursors.slice(0, MAX_MAILS_AN_HOUR).map((cursor) => `mail:${developerId}:event:${cursor}`);
      expect(mails.map(({ key }) => key).toSorted()).toEqual(first.toSorted());
    }
    await db.close();
  }, 120_000);

  async function killAfter(rounds: number): Promise<void> {
    const script = join(import.meta.dirname, 'killed-reader.ts');
    const child = spawn(process.execPath, [script, test.path, keysDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    const limit = setTimeout(() => child.kill('SIGTERM'), 20_000);
    let seen = 0;
    for await (const _line of createInterface({ input: child.stdout })) {
      seen += 1;
      if (seen === rounds) child.kill('SIGKILL');
    }
    clearTimeout(limit);
    expect((await ended)[1]).toBe('SIGKILL');
  }
});

/** The database, whose transactions fail at the first write to a table. */
function failingDatabase(db: SqliteDatabase, table: keyof Tx): SqliteDatabase {
  return {
    ...db,
    prisma: db.prisma,
    transaction: (fn) =>
      db.transaction((tx) =>
        fn(
          new Proxy(tx, {
            get(target, name) {
              if (name === table) throw new Error('the power is out');
              return Reflect.get(target, name);
            },
          }),
        ),
      ),
  };
}
