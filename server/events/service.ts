// Owns the event log: the only writer of `events` and `event_head`, and the one way to follow it. It must not know what
// events mean, and trusts pub/sub only as a hint to look.
import { randomBytes } from 'node:crypto';
import type { Event, Prisma } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import { isNotFound } from '../platform/db/errors.ts';
import type { JsonObject } from '../platform/json.ts';
import type { PubSub } from '../platform/pubsub/pubsub.ts';
import { type EventCursor, formatCursor, positionOf } from './cursor.ts';
import { createFollowers } from './followers.ts';
import { concerns, type Hint, writeHint } from './hint.ts';
import { createSignal } from './signal.ts';
import { EVENT_TYPES, type EventFilter, type EventRecord, type EventType, type NewEvent } from './types.ts';

const TOPIC = 'events';
/** Events held in memory by one stream. */
const PAGE = 200;
const MAX_READ = 1_000;
const DEFAULT_POLL_MS = 5_000;

/** What a transaction appended; given to `announce` after the commit. */
export type Appended = Hint;

export type Events = {
  /**
   * Writes the events at the end of a transaction. Must be its last act: only these rows may stand between taking the
   * cursor and the commit, which makes commit order equal cursor order (docs/ARCHITECTURE.md, Event log).
   */
  append(tx: Tx, events: readonly NewEvent[]): Promise<Appended>;
  /** Tells followers that the log has grown; call after the commit. */
  announce(appended: Appended): void;
  /** The cursor of the newest event. */
  head(): Promise<string>;
  /**
   * Events after the cursor (from the beginning without one), oldest first, at most `limit` (default 200, at most 1000).
   * `next` is where to go on. Throws DomainError CURSOR_INVALID or CURSOR_RESET.
   */
  read(options: {
    after?: string | undefined;
    filter?: EventFilter;
    limit?: number;
  }): Promise<{ events: EventRecord[]; next: string }>;
  /** The newest events, newest first, at most `limit` (at most 1000). */
  newest(options: { filter?: EventFilter; limit: number }): Promise<EventRecord[]>;
  /**
   * Every event after the cursor (after the moment of the call without one), in order, without gap or repeat, and then
   * live until `signal` aborts. Throws DomainError CURSOR_INVALID or CURSOR_RESET at the first step.
   */
  stream(options: {
    after?: string | undefined;
    filter?: EventFilter;
    signal: AbortSignal;
  }): AsyncGenerator<EventRecord, void, undefined>;
  /** Calls `listener` when there may be news, lost notifications included, until the returned function is called. */
  follow(listener: () => void): () => void;
  /** Starts a new epoch, so that every cursor given before is refused; for restoring a backup. */
  renewEpoch(tx: Tx): Promise<void>;
};

type Options = { db: Database; clock: Clock; pubsub: PubSub; pollMs?: number };

/** `pollMs` (default 5 s) is how long a lost notification can delay a stream; one shared poll, only while any runs. */
export function createEvents({ db, clock, pubsub, pollMs = DEFAULT_POLL_MS }: Options): Events {
  const follow = createFollowers({ pubsub, topic: TOPIC, readHead: async () => (await readHead()).n, pollMs });

  async function readHead(): Promise<EventCursor> {
    const row = await db.prisma.eventHead.findUnique({ where: { id: 1 } });
    if (row) return row;
    return db.transaction((tx) =>
      tx.eventHead.upsert({ where: { id: 1 }, create: { id: 1, epoch: newEpoch(), n: 0n }, update: {} }),
    );
  }

  /** The next events after `position`, and up to where the log is then known to be read; `head` must be read before. */
  async function readPage(position: bigint, head: EventCursor, filter: EventFilter, limit: number) {
    const rows = await db.prisma.event.findMany({
      where: { n: { gt: position }, ...condition(filter) },
      orderBy: { n: 'asc' },
      take: limit,
    });
    const last = rows.at(-1)?.n ?? position;
    const full = rows.length === limit;
    // A page that is not full has everything up to the head, though the filter left the last of it out.
    return { events: rows.map((row) => toRecord(row, head.epoch)), next: full || last > head.n ? last : head.n, full };
  }

  async function* streamFrom(
    start: Promise<bigint>,
    filter: EventFilter,
    signal: AbortSignal,
  ): AsyncGenerator<EventRecord, void, undefined> {
    const news = createSignal(signal);
    const unfollow = follow((hint) => {
      if (hint === null || concerns(hint, filter)) news.raise();
    });
    try {
      let position = await start;
      while (!signal.aborted) {
        news.lower();
        const page = await readPage(position, await readHead(), filter, PAGE);
        for (const event of page.events) {
          if (signal.aborted) return;
          yield event;
        }
        position = page.next;
        if (!page.full) await news.raised();
      }
    } finally {
      unfollow();
      news.close();
    }
  }

  return {
    async append(tx, events) {
      const count = BigInt(events.length);
      const head = await takeCursors(tx, count);
      const at = clock.now();
      const first = head.n - count + 1n;
      await tx.event.createMany({
        data: events.map((event, index) => ({
          n: first + BigInt(index),
          type: event.type,
          appId: event.appId,
          versionId: event.versionId ?? null,
          actorId: event.actorId ?? null,
          payload: event.payload ?? {},
          at,
        })),
      });
      return {
        n: head.n,
        appIds: [...new Set(events.map((event) => event.appId))],
        versionIds: [...new Set(events.flatMap((event) => event.versionId ?? []))],
        types: [...new Set(events.map((event) => event.type))],
      };
    },
    announce(appended) {
      pubsub.publish(TOPIC, writeHint(appended));
    },
    async head() {
      return formatCursor(await readHead());
    },
    async read({ after, filter = {}, limit = PAGE }) {
      const head = await readHead();
      const position = after === undefined ? 0n : positionOf(after, head);
      const page = await readPage(position, head, filter, Math.max(1, Math.min(limit, MAX_READ)));
      return { events: page.events, next: formatCursor({ epoch: head.epoch, n: page.next }) };
    },
    async newest({ filter = {}, limit }) {
      const head = await readHead();
      const rows = await db.prisma.event.findMany({
        where: condition(filter),
        orderBy: { n: 'desc' },
        take: Math.max(1, Math.min(limit, MAX_READ)),
      });
      return rows.map((row) => toRecord(row, head.epoch));
    },
    stream({ after, filter = {}, signal }) {
      // Read now, not at the first step: "after the moment of the call".
      const start = readHead().then((head) => (after === undefined ? head.n : positionOf(after, head)));
      start.catch(() => {});
      return streamFrom(start, filter, signal);
    },
    follow: (listener) => follow(() => listener()),
    async renewEpoch(tx) {
      const epoch = newEpoch();
      await tx.eventHead.upsert({ where: { id: 1 }, create: { id: 1, epoch, n: 0n }, update: { epoch } });
    },
  };
}

/** The row lock of this update is what puts commits into cursor order. */
async function takeCursors(tx: Tx, count: bigint): Promise<EventCursor> {
  try {
    return await tx.eventHead.update({ where: { id: 1 }, data: { n: { increment: count } } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return tx.eventHead.create({ data: { id: 1, epoch: newEpoch(), n: count } });
  }
}

function newEpoch(): string {
  return randomBytes(8).toString('hex');
}

function condition(filter: EventFilter): Prisma.EventWhereInput {
  const all: Prisma.EventWhereInput[] = [];
  if (filter.appId !== undefined) all.push({ appId: filter.appId });
  if (filter.appIds !== undefined) all.push({ appId: { in: [...filter.appIds] } });
  if (filter.versionId !== undefined) all.push({ versionId: filter.versionId });
  if (filter.types !== undefined) all.push({ type: { in: [...filter.types] } });
  return all.length === 0 ? {} : { AND: all };
}

function toRecord(row: Event, epoch: string): EventRecord {
  return {
    cursor: formatCursor({ epoch, n: row.n }),
    type: toType(row.type),
    appId: row.appId,
    versionId: row.versionId,
    actorId: row.actorId,
    // Written by `append`, whose payloads are objects.
    payload: row.payload as JsonObject,
    at: row.at,
  };
}

function toType(text: string): EventType {
  const type = EVENT_TYPES.find((known) => known === text);
  if (type === undefined) throw new Error(`The event log has an event of unknown type ${text}`);
  return type;
}
