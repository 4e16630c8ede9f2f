/** Owns the rows of deliveries and attempts: how they are written, which is due, how each ends. It sends nothing. */
import type { Webhook, WebhookDelivery } from '../generated/prisma/client.ts';
import type { NewJob } from '../jobs/service.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { Unit } from '../unit-of-work.ts';
import { TEST_TYPE } from './payload.ts';
import type { Answer } from './post.ts';
import { MAX_GIVEN_UP, MAX_TRIES, retryDelayMs, TEST_TRIES } from './retry.ts';

export const DELIVERY_STATES = ['PENDING', 'DELIVERED', 'FAILED'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export const DELIVER_KIND = 'deliver-webhook';
/** For webhooks whose last request failed: they wait for each other, not for them the rest. */
export const DELIVER_SLOW_KIND = 'deliver-webhook-slow';
/** Deliveries that may wait for one webhook; those beyond are given up at once. */
export const MAX_PENDING = 1_000;
/** A job here only fails by a fault of ours; the next start or sweep looks again. */
const JOB_TRIES = 20;

/** A delivery about to be written. */
export interface NewDelivery {
  readonly id: string;
  readonly webhookId: string;
  /** Unique for the webhook: the same news is one delivery. */
  readonly key: string;
  readonly eventType: string;
  readonly body: string;
  readonly replayOf: string | null;
}

/** One try and what came of it. */
export interface Attempt extends Answer {
  readonly number: number;
  readonly startedAt: Date;
  readonly durationMs: number;
  /** False where the receiver is not to blame, as when the account has left the app. */
  readonly counts: boolean;
  /** True where no later try can do better. */
  readonly last: boolean;
}

interface RowsOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Has the owner told by mail that the webhook was disabled. */
  readonly tellDisabled: (unit: Unit, webhook: Pick<Webhook, 'id' | 'developerId'>) => void;
}

export type DeliveryRows = ReturnType<typeof createDeliveryRows>;

/** The job that looks at a webhook; the cause makes it one job, however often it is asked for. */
export function laneJob(
  kind: typeof DELIVER_KIND | typeof DELIVER_SLOW_KIND,
  about: { readonly webhookId: string; readonly cause: string; readonly runAt?: Date },
): NewJob {
  const { webhookId, cause, runAt } = about;
  return {
    kind,
    key: `${kind}:${webhookId}:${cause}`,
    payload: { webhookId },
    maxAttempts: JOB_TRIES,
    ...(runAt === undefined ? {} : { runAt }),
  };
}

export function createDeliveryRows({ db, clock, ids, tellDisabled }: RowsOptions) {
  /** Ends the deliveries that wait, unsent: the webhook was paused or disabled. */
  async function giveUpPending(tx: Tx, webhookId: string): Promise<void> {
    await tx.webhookDelivery.updateMany({
      where: { webhookId, state: 'PENDING' },
      data: { state: 'FAILED', finishedAt: clock.now() },
    });
  }

  async function disable(unit: Unit, webhook: Pick<Webhook, 'id' | 'developerId'>, reason: string): Promise<void> {
    const { count } = await unit.tx.webhook.updateMany({
      where: { id: webhook.id, state: 'ACTIVE' },
      data: { state: 'DISABLED', stateReason: reason, updatedAt: clock.now() },
    });
    if (count === 0) return;
    await giveUpPending(unit.tx, webhook.id);
    tellDisabled(unit, webhook);
  }

  /** Counts a delivery that was given up, and disables a webhook that has had too many in a row. */
  async function countGivenUp(unit: Unit, webhookId: string): Promise<void> {
    const webhook = await unit.tx.webhook.update({
      where: { id: webhookId },
      data: { failures: { increment: 1 } },
      select: { id: true, developerId: true, failures: true },
    });
    if (webhook.failures >= MAX_GIVEN_UP)
      await disable(unit, webhook, `${webhook.failures} deliveries in a row were given up.`);
  }

  async function addGivenUp(unit: Unit, delivery: NewDelivery): Promise<void> {
    const at = clock.now();
    await unit.tx.webhookDelivery.create({ data: { ...delivery, state: 'FAILED', createdAt: at, finishedAt: at } });
    const error = `not sent: ${MAX_PENDING} deliveries wait already`;
    await unit.tx.webhookAttempt.create({
      data: { id: ids.next(), deliveryId: delivery.id, number: 1, startedAt: at, durationMs: 0, error },
    });
    await countGivenUp(unit, delivery.webhookId);
  }

  return {
    giveUpPending,

    /**
     * Writes deliveries, and one job for each webhook that sends them; `cause` names the jobs. Where too many wait already, those on top
     * are given up at once.
     */
    async add(unit: Unit, deliveries: readonly NewDelivery[], cause: string): Promise<void> {
      for (const [webhookId, own] of Map.groupBy(deliveries, (delivery) => delivery.webhookId)) {
        const waiting = await unit.tx.webhookDelivery.count({ where: { webhookId, state: 'PENDING' } });
        const fitting = own.slice(0, Math.max(0, MAX_PENDING - waiting));
        const createdAt = clock.now();
        await unit.tx.webhookDelivery.createMany({ data: fitting.map((delivery) => ({ ...delivery, createdAt })) });
        if (fitting.length > 0) unit.enqueue(laneJob(DELIVER_KIND, { webhookId, cause }));
        for (const delivery of own.slice(fitting.length)) await addGivenUp(unit, delivery);
      }
    },

    /** The next delivery of the webhook to be tried now, and the number of that try; null where none is due. New ones come first. */
    async nextDue(webhookId: string): Promise<{ delivery: WebhookDelivery; number: number } | null> {
      const pending = { webhookId, state: 'PENDING' };
      const order = [{ createdAt: 'asc' as const }, { id: 'asc' as const }];
      const fresh = await db.prisma.webhookDelivery.findFirst({
        where: { ...pending, attempts: { none: {} } },
        orderBy: order,
      });
      if (fresh !== null) return { delivery: fresh, number: 1 };
      const tried = await db.prisma.webhookDelivery.findMany({
        where: pending,
        orderBy: order,
        take: MAX_PENDING,
        select: { id: true, attempts: { orderBy: { number: 'desc' }, take: 1 } },
      });
      for (const { id, attempts } of tried) {
        const [last] = attempts;
        if (last === undefined || dueAfter(id, last) > clock.now()) continue;
        const delivery = await db.prisma.webhookDelivery.findUnique({ where: { id } });
        if (delivery !== null) return { delivery, number: last.number + 1 };
      }
      return null;
    },

    /** Writes down a try and what follows: the end of the delivery or the job for its next try, and what it means for the webhook. */
    async record(unit: Unit, delivery: WebhookDelivery, attempt: Attempt): Promise<void> {
      const { tx } = unit;
      const { number, startedAt, durationMs, status, error, answer } = attempt;
      const webhook = await tx.webhook.findUnique({ where: { id: delivery.webhookId } });
      // Deleted meanwhile, with its deliveries.
      if (webhook === null) return;
      await tx.webhookAttempt.create({
        data: { id: ids.next(), deliveryId: delivery.id, number, startedAt, durationMs, status, error, answer },
      });
      const isTest = delivery.eventType === TEST_TYPE;
      const delivered = isDelivered(attempt);
      if (!delivered && !attempt.last && number < (isTest ? TEST_TRIES : MAX_TRIES)) {
        const runAt = dueAfter(delivery.id, { number, startedAt, durationMs });
        unit.enqueue(laneJob(DELIVER_KIND, { webhookId: webhook.id, cause: `${delivery.id}:${number + 1}`, runAt }));
        return;
      }
      const ended = await tx.webhookDelivery.updateMany({
        where: { id: delivery.id, state: 'PENDING' },
        data: { state: delivered ? 'DELIVERED' : 'FAILED', finishedAt: clock.now() },
      });
      if (ended.count === 0) return;
      if (delivered)
        await tx.webhook.updateMany({ where: { id: webhook.id, failures: { gt: 0 } }, data: { failures: 0 } });
      else if (status === 410) await disable(unit, webhook, 'The receiver answered 410: it is gone.');
      else if (attempt.counts && !isTest) await countGivenUp(unit, webhook.id);
    },

    /** Webhooks with deliveries that have waited since before `before`; for a sweep. */
    async waitingSince(before: Date): Promise<string[]> {
      const rows = await db.prisma.webhookDelivery.findMany({
        where: { state: 'PENDING', createdAt: { lt: before } },
        distinct: ['webhookId'],
        select: { webhookId: true },
      });
      return rows.map(({ webhookId }) => webhookId);
    },

    /** Forgets deliveries that ended and were made before `before`; returns how many. */
    async prune(tx: Tx, before: Date): Promise<number> {
      const { count } = await tx.webhookDelivery.deleteMany({
        where: { createdAt: { lt: before }, state: { not: 'PENDING' } },
      });
      return count;
    },
  };
}

/** Whether the receiver took it: any 2xx. */
export function isDelivered({ status }: Pick<Answer, 'status'>): boolean {
  return status !== null && status >= 200 && status < 300;
}

function dueAfter(id: string, last: { number: number; startedAt: Date; durationMs: number }): Date {
  return new Date(last.startedAt.getTime() + last.durationMs + retryDelayMs(id, last.number));
}
