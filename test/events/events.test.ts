import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEvents, type Events } from '../../server/events/service.ts';
import type { EventRecord, NewEvent } from '../../server/events/types.ts';
import { createInProcessPubSub } from '../../server/platform/pubsub/in-process.ts';
import type { PubSub } from '../../server/platform/pubsub/pubsub.ts';
import { createTestClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const clock = createTestClock();

let test: TestDatabase;
let pubsub: PubSub;
let events: Events;
let end: AbortController;

beforeEach(async () => {
  test = await createTestDatabase();
  pubsub = createInProcessPubSub((error) => {
    throw error;
  });
  events = createEvents({ db: test.db, clock, pubsub });
  end = new AbortController();
});

afterEach(async () => {
  end.abort();
  await test.dispose();
});

describe('event log', () => {
  it('shows a reader every event of 50 writers at once, once each and in order', async () => {
    const perWriter = 4;
    const reading = take(events.stream({ signal: end.signal }), 50 * perWriter);
    await Promise.all(
      Array.from({ length: 50 }, async (_, writer) => {
        for (let n = 0; n < perWriter; n += 1) {
          await pause(Math.random() * 5);
          await write([submitted(`app${writer}`, n)], () => pause(Math.random() * 2));
        }
      }),
    );
    const seen = await reading;
    const all = await events.read({ limit: 1_000 });
    expect(seen).toEqual(all.events);
    expect(new Set(seen.map((event) => event.cursor)).size).toBe(200);
    expect(seen.map(numberOf)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  });

  it('replays what was missed and goes on live, without gap or repeat', async () => {
    await write([submitted('a', 1), submitted('a', 2), submitted('a', 3)]);
    const [first] = (await events.read({})).events;
    const reading = take(events.stream({ after: first?.cursor, signal: end.signal }), 4);
    await write([submitted('a', 4)]);
    await write([submitted('a', 5)]);
    expect((await reading).map(order)).toEqual([2, 3, 4, 5]);
  });

  it('starts a stream without a cursor at the moment of the call', async () => {
    await write([submitted('a', 1)]);
    const stream = events.stream({ signal: end.signal });
    await events.head();
    await write([submitted('a', 2)]);
    expect((await take(stream, 1)).map(order)).toEqual([2]);
  });

  it('replays more than one page', async () => {
    const from = await events.head();
    await write(Array.from({ length: 450 }, (_, index) => submitted('a', index)));
    const seen = await take(events.stream({ after: from, signal: end.signal }), 450);
    expect(seen.map(order)).toEqual(Array.from({ length: 450 }, (_, index) => index));
  });

  it('shows a stream only what its filter asks for', async () => {
    const filter = { appIds: ['a', 'b'], types: ['APPROVED' as const] };
    const reading = take(events.stream({ filter, signal: end.signal }), 2);
    const version = take(events.stream({ filter: { versionId: 'v' }, signal: end.signal }), 1);
    await events.head();
    await write([{ type: 'APPROVED', appId: 'c' }]);
    await write([{ type: 'APPROVED', appId: 'a' }, submitted('a', 1)]);
    await write([submitted('b', 1)]);
    await write([{ type: 'APPROVED', appId: 'b', versionId: 'v', actorId: 'someone' }]);
    expect((await reading).map((event) => event.appId)).toEqual(['a', 'b']);
    expect(await version).toMatchObject([{ type: 'APPROVED', versionId: 'v', actorId: 'someone', at: clock.now() }]);
  });

  it('delays, and does not lose, events whose notification was lost', async () => {
    events = createEvents({ db: test.db, clock, pubsub, pollMs: 20 });
    const reading = take(events.stream({ signal: end.signal }), 2);
    await events.head();
    await test.db.transaction((tx) => events.append(tx, [submitted('a', 1)]));
    await pause(60);
    await test.db.transaction((tx) => events.append(tx, [submitted('a', 2)]));
    expect((await reading).map(order)).toEqual([1, 2]);
  });

  it('ends a stream when its signal aborts, while it waits', async () => {
    const stream = events.stream({ signal: end.signal });
    const next = stream.next();
    await events.head();
    end.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it('shows no event of a transaction that rolled back, and gives its cursor to the next', async () => {
    const failing = test.db.transaction(async (tx) => {
      await events.append(tx, [submitted('a', 1)]);
      throw new Error('roll back');
    });
    await expect(failing).rejects.toThrow('roll back');
    await write([submitted('a', 2)]);
    const { events: all } = await events.read({});
    expect(all.map((event) => [order(event), numberOf(event)])).toEqual([[2, 1]]);
  });

  it('pages through the log from the beginning', async () => {
    await write(Array.from({ length: 5 }, (_, index) => submitted('a', index)));
    const first = await events.read({ limit: 3 });
    const second = await events.read({ limit: 3, after: first.next });
    const third = await events.read({ limit: 3, after: second.next });
    expect([first, second, third].map((page) => page.events.map(order))).toEqual([[0, 1, 2], [3, 4], []]);
    expect(third.next).toBe(await events.head());
  });

  it('refuses text that is no cursor', async () => {
    for (const after of ['', '5', 'x.1', `${'0'.repeat(16)}.-1`, `${'0'.repeat(16)}.1e3`]) {
      await expect(events.read({ after })).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
    }
  });

  it('refuses a cursor of another history, in reads and streams', async () => {
    await write([submitted('a', 1)]);
    const before = await events.head();
    await test.db.transaction((tx) => events.renewEpoch(tx));
    await expect(events.read({ after: before })).rejects.toMatchObject({ code: 'CURSOR_RESET' });
    const stream = events.stream({ after: before, signal: end.signal });
    await expect(stream.next()).rejects.toMatchObject({ code: 'CURSOR_RESET' });
    const ahead = (await events.head()).replace(/\d+$/, '99');
    await expect(events.read({ after: ahead })).rejects.toMatchObject({ code: 'CURSOR_RESET' });
  });

  it('keeps its epoch when the server starts again', async () => {
    const head = await events.head();
    expect(await createEvents({ db: test.db, clock, pubsub }).head()).toBe(head);
  });
});

function submitted(appId: string, order: number): NewEvent {
  return { type: 'SUBMITTED', appId, payload: { order } };
}

async function write(batch: NewEvent[], beforeCommit: () => Promise<void> = async () => {}): Promise<void> {
  const appended = await test.db.transaction(async (tx) => {
    const result = await events.append(tx, batch);
    await beforeCommit();
    return result;
  });
  events.announce(appended);
}

async function take(stream: AsyncIterable<EventRecord>, count: number): Promise<EventRecord[]> {
  const seen: EventRecord[] = [];
  for await (const event of stream) {
    seen.push(event);
    if (seen.length === count) break;
  }
  return seen;
}

function order(event: EventRecord): unknown {
  return event.payload.order;
}

function numberOf(event: EventRecord): number {
  return Number(event.cursor.split('.')[1]);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
