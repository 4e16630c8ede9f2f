/**
 * Owns the one reader of the event log that mails and webhooks come from: every event is told to the queue exactly once, in the
 * transaction that moves the cursor. It sends nothing.
 */

import { DomainError } from '../errors.ts';
import { formatCursor, parseCursor } from '../events/cursor.ts';
import type { Events } from '../events/service.ts';
import type { EventRecord, EventType } from '../events/types.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import { MAILED_ROLES } from './access.ts';
import type { NewDelivery } from './delivery-rows.ts';
import { MAIL_EVENT_TYPES, MEMBERS_REVIEW_KINDS, REVIEW_STEPS, WEBHOOK_EVENT_TYPES } from './event-kinds.ts';
import type { Mails, Recipient } from './mails.ts';
import { eventBody, type PayloadApp, type PayloadVersion } from './payload.ts';

export const READER_NAME = 'notifications';
/** Events told in one transaction; each may become mails and deliveries for a few members. */
const PAGE = 50;
/** Members, and webhooks, of one app that are told; beyond that a team needs a mailing list. */
const MAX_TOLD = 200;

/** The cursor is moved over events that nobody is told of only when there are so many: each move is a write. */
const PASSED_OVER = 1_000n;

/** What anybody may be told of; the rest of the log is passed over. */
const TOLD_TYPES: readonly EventType[] = [...new Set([...WEBHOOK_EVENT_TYPES, ...MAIL_EVENT_TYPES])];

interface ReaderOptions {
  readonly db: Database;
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly events: Pick<Events, 'read' | 'head' | 'follow'>;
  readonly log: { info(details: object, message: string): void; error(details: object, message: string): void };
  readonly mails: Pick<Mails, 'enqueue'>;
  readonly addDeliveries: (unit: Unit, deliveries: readonly NewDelivery[], cause: string) => Promise<void>;
}

export type Reader = ReturnType<typeof createReader>;

export function createReader({ db, work, clock, ids, events, log, mails, addDeliveries }: ReaderOptions) {
  let reading: Promise<void> | null = null;
  let again = false;
  let unfollow: (() => void) | null = null;

  /** Where the reader stands; at the head of the log where it has never read, or where the log was replaced since. */
  async function position(): Promise<string> {
    const row = await db.prisma.eventReader.findUnique({ where: { name: READER_NAME } });
    return row === null ? restart(null) : formatCursor(row);
  }

  /** Goes on from the head: what is older is no news, or was told by another life of the log. */
  async function restart(from: string | null): Promise<string> {
    const head = await events.head();
    const { epoch, n } = parseCursor(head);
    const facts = { epoch, n, updatedAt: clock.now() };
    await db.transaction((tx) =>
      tx.eventReader.upsert({
        where: { name: READER_NAME },
        create: { name: READER_NAME, ...facts },
        update: facts,
      }),
    );
    if (from !== null) log.info({ from, head }, 'The event log was replaced: mails and webhooks go on from its head');
    return head;
  }

  /** Tells the next page of events; false where there is none. */
  async function step(): Promise<boolean> {
    const from = await position();
    const page = await events
      .read({ after: from, filter: { types: TOLD_TYPES }, limit: PAGE })
      .catch((error: unknown) => {
        if (error instanceof DomainError && error.code === 'CURSOR_RESET') return null;
        throw error;
      });
    if (page === null) {
      await restart(from);
      return true;
    }
    const isFar = parseCursor(page.next).n - parseCursor(from).n >= PASSED_OVER;
    if (page.events.length === 0 && !isFar) return false;
    await work(async (unit) => {
      // Another reader may have told this page meanwhile.
      if (!(await move(unit.tx, from, page.next))) return;
      const told = createAudience(unit.tx);
      const deliveries: NewDelivery[] = [];
      for (const event of page.events) deliveries.push(...(await tell(unit, told, event)));
      await addDeliveries(unit, deliveries, page.next);
    });
    return true;
  }

  async function move(tx: Tx, from: string, to: string): Promise<boolean> {
    const [old, next] = [parseCursor(from), parseCursor(to)];
    const { count } = await tx.eventReader.updateMany({
      where: { name: READER_NAME, epoch: old.epoch, n: old.n },
      data: { epoch: next.epoch, n: next.n, updatedAt: clock.now() },
    });
    return count === 1;
  }

  /** Enqueues the mails of an event, and gives its deliveries. */
  async function tell(unit: Unit, audience: Audience, event: EventRecord): Promise<NewDelivery[]> {
    if (await isReviewersOwn(unit.tx, event)) return [];
    const { app, webhooks, members } = await audience.ofApp(event.appId);
    if (app === null) return [];
    await mails.enqueue(unit, event, members);
    const wanting = webhooks.filter(({ eventTypes }) => wants(eventTypes, event.type));
    const version = wanting.length === 0 ? null : await versionOf(unit.tx, event.versionId);
    return wanting.map((webhook) => {
      const id = ids.next();
      return {
        id,
        webhookId: webhook.id,
        key: event.cursor,
        eventType: event.type,
        body: eventBody(id, event, { app, version }),
        replayOf: null,
      };
    });
  }

  async function readOn(): Promise<void> {
    try {
      do {
        again = false;
        while (unfollow !== null && (await step())) {
          // Page after page, until nothing is new.
        }
      } while (again && unfollow !== null);
    } catch (error) {
      // The cursor stands where it stood; the poll behind `follow` looks again.
      log.error({ err: error }, 'The event log could not be told to mails and webhooks');
    }
  }

  function wake(): void {
    again = true;
    if (unfollow === null) return;
    reading ??= readOn().finally(() => {
      reading = null;
    });
  }

  return {
    /** Takes its place in the log and follows it from there. */
    async start(): Promise<void> {
      await position();
      unfollow ??= events.follow(wake);
      wake();
    },

    /** Reads no more; resolves when the page in work is done. */
    async stop(): Promise<void> {
      unfollow?.();
      unfollow = null;
      await reading;
    },

    /** Tells what is new now, and resolves when all of it is told; for tests and tools. */
    async catchUp(): Promise<void> {
      while (await step()) {
        // Page after page.
      }
    },
  };
}

interface Audience {
  ofApp(appId: string): Promise<{
    readonly app: PayloadApp | null;
    readonly webhooks: readonly { readonly id: string; readonly eventTypes: unknown }[];
    readonly members: readonly Recipient[];
  }>;
}

/** Who is told of an app's events, read once for the events of one transaction. */
function createAudience(tx: Tx): Audience {
  const known = new Map<string, ReturnType<Audience['ofApp']>>();

  async function read(appId: string): ReturnType<Audience['ofApp']> {
    const app = await tx.app.findUnique({ where: { id: appId }, select: { id: true, packageId: true, name: true } });
    const webhooks = await tx.webhook.findMany({
      where: {
        state: 'ACTIVE',
        OR: [{ appId: null }, { appId }],
        developer: { status: 'ACTIVE', memberships: { some: { appId } } },
      },
      orderBy: { id: 'asc' },
      take: MAX_TOLD,
      select: { id: true, eventTypes: true },
    });
    const members = await tx.appMember.findMany({
      where: { appId, role: { in: [...MAILED_ROLES] }, developer: { status: 'ACTIVE' } },
      select: { developer: { select: { id: true, mailEvents: true } } },
      orderBy: { createdAt: 'asc' },
      take: MAX_TOLD,
    });
    return { app, webhooks, members: members.map(({ developer }) => developer) };
  }

  return {
    ofApp(appId) {
      const found = known.get(appId) ?? read(appId);
      known.set(appId, found);
      return found;
    },
  };
}

/** Steps of reviews that stand beside a version's state are the reviewers' own: members do not hear of them. */
async function isReviewersOwn(tx: Tx, { type, payload }: EventRecord): Promise<boolean> {
  if (!REVIEW_STEPS.has(type) || typeof payload.reviewId !== 'string') return false;
  const review = await tx.review.findUnique({ where: { id: payload.reviewId }, select: { kind: true } });
  return review !== null && !MEMBERS_REVIEW_KINDS.includes(review.kind);
}

/** No choice means everything that a webhook can carry. */
function wants(eventTypes: unknown, type: EventType): boolean {
  if (!WEBHOOK_EVENT_TYPES.includes(type) || !Array.isArray(eventTypes)) return false;
  return eventTypes.length === 0 || eventTypes.includes(type);
}

async function versionOf(tx: Tx, versionId: string | null): Promise<PayloadVersion | null> {
  if (versionId === null) return null;
  return tx.appVersion.findUnique({
    where: { id: versionId },
    select: { id: true, versionCode: true, versionName: true, state: true },
  });
}
