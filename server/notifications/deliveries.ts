/**
 * Owns the sending of deliveries. A webhook is served one delivery at a time, and one whose last request failed moves to jobs of
 * a kind of its own, so that a receiver that hangs holds up nobody but those that hang too.
 */
import { z } from 'zod';
import { memberApps } from '../apps/access.ts';
import type { WebhookDelivery } from '../generated/prisma/client.ts';
import { localId } from '../global-id.ts';
import type { ClaimedJob, JobContext } from '../jobs/types.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { Work } from '../unit-of-work.ts';
import { asDeveloper } from './access.ts';
import {
  type Attempt,
  DELIVER_KIND,
  DELIVER_SLOW_KIND,
  type DeliveryRows,
  isDelivered,
  laneJob,
} from './delivery-rows.ts';
import { deliveryGlobalId } from './payload.ts';
import type { Answer, Post } from './post.ts';
import { type Seal, secretsInForce } from './seal.ts';
import { signedHeaders } from './signing.ts';
import { parseTarget } from './target.ts';

/** Webhooks served at once. Each that fails holds a place for one request at most, then goes to the slow ones. */
export const LANES = 32;
export const SLOW_LANES = 16;
/** After so many the job makes way for other webhooks and goes to the end of the queue. */
const DELIVERIES_A_TURN = 10;
/** What waits longer than the longest pause between two tries has lost its job. */
const OVERDUE_MS = 60 * 60_000;

interface DeliveriesOptions {
  readonly db: Database;
  readonly work: Work;
  readonly clock: Clock;
  readonly rows: DeliveryRows;
  readonly seal: Seal;
  readonly post: Post;
  readonly allowLoopback: boolean;
  /** Shown to receivers as User-Agent. */
  readonly userAgent: string;
}

export type Deliveries = ReturnType<typeof createDeliveries>;

const jobPayload = z.object({ webhookId: z.string() });
const toldApp = z.object({ app: z.object({ id: z.string() }).nullable() });

export function createDeliveries(options: DeliveriesOptions) {
  const { db, work, clock, rows, seal, post, allowLoopback, userAgent } = options;
  /** Webhooks being served here; `again` has a lane look once more before it ends. */
  const lanes = new Map<string, { again: boolean }>();
  /** Webhooks whose last request failed; a restart forgets it, which costs one place for one request. */
  const failing = new Set<string>();

  /** Serves the webhook of the job, or tells the lane that does so already to look again. */
  async function serve(job: ClaimedJob, context: JobContext): Promise<void> {
    const { webhookId } = jobPayload.parse(job.payload);
    const running = lanes.get(webhookId);
    if (running !== undefined) {
      running.again = true;
      return;
    }
    const slow = job.kind === DELIVER_SLOW_KIND;
    if (failing.has(webhookId) && !slow) return handOver(webhookId, job, context);
    const lane = { again: false };
    lanes.set(webhookId, lane);
    try {
      await drain(webhookId, { job, context, lane, slow });
    } finally {
      // A job that this one made way for may have opened a lane of its own already.
      if (lanes.get(webhookId) === lane) lanes.delete(webhookId);
    }
  }

  /** Passes the webhook on to a job of the slow kind (or to the end of its queue), in the transaction that ends this one. */
  async function handOver(webhookId: string, job: ClaimedJob, context: JobContext): Promise<void> {
    await work(async (unit) => {
      unit.enqueue(laneJob(DELIVER_SLOW_KIND, { webhookId, cause: `after:${job.id}` }));
      await context.complete(unit.tx);
    });
  }

  async function drain(
    webhookId: string,
    run: { job: ClaimedJob; context: JobContext; lane: { again: boolean }; slow: boolean },
  ): Promise<void> {
    const { job, context, lane, slow } = run;
    for (let sent = 0; ; sent += 1) {
      lane.again = false;
      const next = await rows.nextDue(webhookId);
      if (next === null) {
        // Between this look and the end of the lane nothing can come in unseen: no step is awaited.
        if (!lane.again) return;
        continue;
      }
      if (sent === DELIVERIES_A_TURN || (failing.has(webhookId) && !slow)) return makeWay(webhookId, job, slow);
      await tryOnce(next.delivery, next.number, context);
    }
  }

  async function makeWay(webhookId: string, job: ClaimedJob, slow: boolean): Promise<void> {
    const kind = slow || failing.has(webhookId) ? DELIVER_SLOW_KIND : DELIVER_KIND;
    // The lane ends when this returns; the next job may start right at the commit and must not find it.
    lanes.delete(webhookId);
    await work(async (unit) => unit.enqueue(laneJob(kind, { webhookId, cause: `after:${job.id}` })));
  }

  async function tryOnce(delivery: WebhookDelivery, number: number, context: JobContext): Promise<void> {
    const startedAt = clock.now();
    const outcome = await send(delivery, startedAt, context.signal);
    const attempt: Attempt = { ...outcome, number, startedAt, durationMs: clock.ms() - startedAt.getTime() };
    if (isDelivered(attempt)) failing.delete(delivery.webhookId);
    else if (attempt.counts && !attempt.last) failing.add(delivery.webhookId);
    else if (attempt.last) failing.delete(delivery.webhookId);
    await work(async (unit) => {
      await context.fence(unit.tx);
      await rows.record(unit, delivery, attempt);
    });
  }

  /** Asks again who may know, then sends. Rejects only when the signal aborts. */
  async function send(
    delivery: WebhookDelivery,
    now: Date,
    signal: AbortSignal,
  ): Promise<Answer & Pick<Attempt, 'counts' | 'last'>> {
    const unsent = (error: string, last: boolean) => ({ status: null, answer: null, error, counts: false, last });
    const webhook = await db.prisma.webhook.findUnique({
      where: { id: delivery.webhookId },
      include: { developer: true },
    });
    if (webhook === null || webhook.state !== 'ACTIVE') return unsent('not sent: the webhook is not active', true);
    if (!(await mayKnow(webhook.developer, delivery.body)))
      return unsent('not sent: the account is no longer a member of the app', true);
    const target = parseTarget(webhook.url, { allowLoopback });
    if (!target.ok) return { ...unsent(`not sent: ${target.message}`, false), counts: true };
    const secrets = openSecrets(webhook);
    if (secrets === null) return unsent('not sent: the secret cannot be read; make a new webhook', true);
    const message = {
      id: deliveryGlobalId(delivery.id),
      timestampSeconds: Math.floor(now.getTime() / 1000),
      body: delivery.body,
    };
    const headers = {
      'Content-Type': 'application/json; charset=utf-8',
      'User-Agent': userAgent,
      ...signedHeaders(secretsInForce(secrets, now), message),
    };
    const answer = await post({ target, headers, body: delivery.body, signal });
    const error = answer.error ?? (isDelivered(answer) ? null : refusalOf(answer.status));
    return { ...answer, error, counts: true, last: answer.status === 410 };
  }

  async function mayKnow(developer: Parameters<typeof asDeveloper>[0] & { status: string }, body: string) {
    if (developer.status !== 'ACTIVE') return false;
    const { app } = toldApp.parse(JSON.parse(body));
    if (app === null) return true;
    const appId = localId('App', app.id) ?? '';
    return (await db.prisma.app.count({ where: { id: appId, AND: [memberApps(asDeveloper(developer))] } })) > 0;
  }

  function openSecrets(webhook: { id: string; secretSealed: string }) {
    try {
      return seal.open(webhook.id, webhook.secretSealed);
    } catch {
      // Another key file than the one it was sealed with: the owner is told, and nothing unsigned goes out.
      return null;
    }
  }

  return {
    /** The handler of both kinds of jobs. */
    handleJob: serve,

    /** Looks after deliveries whose job was lost to faults of ours; repeating it within the hour does nothing. */
    async wakeOverdue(): Promise<void> {
      const webhookIds = await rows.waitingSince(new Date(clock.ms() - OVERDUE_MS));
      if (webhookIds.length === 0) return;
      const hour = clock.now().toISOString().slice(0, 13);
      await work(async (unit) => {
        for (const webhookId of webhookIds) unit.enqueue(laneJob(DELIVER_KIND, { webhookId, cause: `sweep:${hour}` }));
      });
    },
  };
}

function refusalOf(status: number | null): string {
  if (status === 410) return 'answered 410: it is gone';
  if (status !== null && status >= 300 && status < 400) return `answered ${status}: redirects are not followed`;
  return `answered ${status ?? 'nothing'}: only 2xx counts as delivered`;
}
