/** Owns webhooks as their owners manage them: made, changed, paused, ended, tried out. Sending is in deliveries.ts. */
import { parseInput } from '../accounts/inputs.ts';
import type { DeveloperViewer, Viewer } from '../accounts/viewer.ts';
import { memberApps } from '../apps/access.ts';
import type { AuditAction } from '../audit/actions.ts';
import { type ActOrigin, actorOf } from '../audit/actor.ts';
import { DomainError, invalidField, notFound } from '../errors.ts';
import type { Webhook } from '../generated/prisma/client.ts';
import { once } from '../idempotency.ts';
import type { Clock } from '../platform/clock.ts';
import type { Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { JsonObject } from '../platform/json.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import { requireManager, visibleDeliveries, visibleWebhooks } from './access.ts';
import type { NewDelivery } from './delivery-rows.ts';
import { createWebhookInput, mailEventsInput, replayInput, updateWebhookInput, webhookInput } from './inputs.ts';
import { replayBody, TEST_TYPE, testBody } from './payload.ts';
import type { Seal } from './seal.ts';
import { newWebhookSecret } from './signing.ts';
import { parseTarget } from './target.ts';

export const WEBHOOK_STATES = ['ACTIVE', 'PAUSED', 'DISABLED'] as const;
export type WebhookState = (typeof WEBHOOK_STATES)[number];

export const MAX_WEBHOOKS = 10;
/** How long a replaced secret signs beside the new one, so that a receiver can change over without losing anything. */
export const ROTATION_MS = 24 * 3_600_000;
/** Deliveries made by hand, tests and repetitions, in a minute for one webhook. */
const MAX_BY_HAND = 30;
const MINUTE_MS = 60_000;

interface WebhooksOptions {
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: (size: number) => Uint8Array;
  readonly seal: Seal;
  /** Development: webhooks of this machine, without TLS. */
  readonly allowLoopback: boolean;
  /** Writes deliveries and what has them sent, in the unit. */
  readonly addDeliveries: (unit: Unit, deliveries: readonly NewDelivery[], cause: string) => Promise<void>;
  /** Ends the deliveries that wait, unsent. */
  readonly giveUpPending: (tx: Tx, webhookId: string) => Promise<void>;
}

export type Webhooks = ReturnType<typeof createWebhooks>;

export function createWebhooks(options: WebhooksOptions) {
  const { work, clock, ids, random, seal, allowLoopback, addDeliveries, giveUpPending } = options;

  function checkedUrl(text: string): string {
    const target = parseTarget(text, { allowLoopback });
    if (!target.ok) throw invalidField('input.url', target.message);
    return target.url.href;
  }

  async function loadOwn(tx: Tx, viewer: Viewer, webhookId: string): Promise<Webhook> {
    requireManager(viewer);
    const webhook = await tx.webhook.findFirst({ where: { id: webhookId, AND: [visibleWebhooks(viewer)] } });
    if (webhook === null) throw notFound('The webhook');
    return webhook;
  }

  function requireActive(webhook: Webhook): void {
    if (webhook.state === 'ACTIVE') return;
    throw new DomainError('STATE_CONFLICT', 'The webhook is not active. Resume it first.', {
      currentState: webhook.state,
    });
  }

  async function limitByHand(tx: Tx, webhookId: string): Promise<void> {
    const recent = await tx.webhookDelivery.count({
      where: {
        webhookId,
        createdAt: { gt: new Date(clock.ms() - MINUTE_MS) },
        OR: [{ key: { startsWith: 'test:' } }, { key: { startsWith: 'replay:' } }],
      },
    });
    if (recent < MAX_BY_HAND) return;
    throw new DomainError(
      'RATE_LIMITED',
      `A webhook is tried out at most ${MAX_BY_HAND} times a minute. Wait a little.`,
      {
        retryAfterSeconds: MINUTE_MS / 1000,
      },
    );
  }

  function note(
    unit: Unit,
    action: AuditAction,
    who: { viewer: Viewer; origin: ActOrigin },
    about: { webhookId: string; details?: JsonObject },
  ): void {
    unit.audit({
      ...actorOf(who.viewer, who.origin),
      action,
      resourceType: 'webhook',
      resourceId: about.webhookId,
      details: about.details ?? {},
    });
  }

  async function requireMember(tx: Tx, developer: DeveloperViewer, appId: string): Promise<void> {
    if ((await tx.app.count({ where: { id: appId, AND: [memberApps(developer)] } })) === 0) throw notFound('The app');
  }

  return {
    /** A new webhook; the secret is shown this once. Throws VALIDATION, NOT_FOUND (an app the viewer is no member of), LIMIT_REACHED. */
    async create(viewer: Viewer, input: unknown, origin: ActOrigin): Promise<{ webhookId: string; secret: string }> {
      const developer = requireManager(viewer);
      const { url: text, appId, eventTypes } = parseInput(createWebhookInput, input);
      const url = checkedUrl(text);
      const webhookId = ids.next();
      const secret = newWebhookSecret(random);
      await work(async (unit) => {
        const { developerId } = developer;
        if (appId !== null) await requireMember(unit.tx, developer, appId);
        if ((await unit.tx.webhook.count({ where: { developerId } })) >= MAX_WEBHOOKS)
          throw new DomainError('LIMIT_REACHED', `An account has at most ${MAX_WEBHOOKS} webhooks. Delete one first.`);
        const now = clock.now();
        await unit.tx.webhook.create({
          data: {
            id: webhookId,
            developerId,
            appId,
            url,
            secretSealed: seal.close(webhookId, { current: secret, previous: null }),
            eventTypes,
            createdAt: now,
            updatedAt: now,
          },
        });
        note(
          unit,
          'webhook.create',
          { viewer, origin },
          { webhookId, details: { host: hostOf(url), appId, eventTypes } },
        );
      });
      return { webhookId, secret };
    },

    /**
     * Changes URL or events, pauses, or resumes (which also ends DISABLED). While it is paused nothing is sent, and nothing
     * is kept for later. Throws VALIDATION or NOT_FOUND.
     */
    async update(viewer: Viewer, input: unknown, origin: ActOrigin): Promise<string> {
      requireManager(viewer);
      const { webhookId, url: text, eventTypes, paused } = parseInput(updateWebhookInput, input);
      const url = text == null ? null : checkedUrl(text);
      await work(async (unit) => {
        const webhook = await loadOwn(unit.tx, viewer, webhookId);
        const pause = paused === true && webhook.state === 'ACTIVE';
        const resume = paused === false && webhook.state !== 'ACTIVE';
        if (pause) await giveUpPending(unit.tx, webhookId);
        await unit.tx.webhook.update({
          where: { id: webhookId },
          data: {
            ...(url === null ? {} : { url }),
            ...(eventTypes == null ? {} : { eventTypes }),
            ...(pause ? { state: 'PAUSED' } : {}),
            ...(resume ? { state: 'ACTIVE', stateReason: null, failures: 0 } : {}),
            updatedAt: clock.now(),
          },
        });
        const details = {
          ...(url === null ? {} : { host: hostOf(url) }),
          ...(eventTypes == null ? {} : { eventTypes }),
          ...(paused == null ? {} : { paused }),
        };
        note(unit, 'webhook.update', { viewer, origin }, { webhookId, details });
      });
      return webhookId;
    },

    /** A new secret, shown this once; the one before signs beside it for 24 hours, and any older one no longer. Throws NOT_FOUND. */
    async rotate(viewer: Viewer, input: unknown, origin: ActOrigin): Promise<{ webhookId: string; secret: string }> {
      requireManager(viewer);
      const { webhookId } = parseInput(webhookInput, input);
      const secret = newWebhookSecret(random);
      await work(async (unit) => {
        const webhook = await loadOwn(unit.tx, viewer, webhookId);
        const until = new Date(clock.ms() + ROTATION_MS);
        const previous = { secret: seal.open(webhookId, webhook.secretSealed).current, until };
        await unit.tx.webhook.update({
          where: { id: webhookId },
          data: { secretSealed: seal.close(webhookId, { current: secret, previous }), updatedAt: clock.now() },
        });
        note(unit, 'webhook.rotate', { viewer, origin }, { webhookId });
      });
      return { webhookId, secret };
    },

    /** Ends a webhook, with its deliveries. Throws NOT_FOUND. */
    async remove(viewer: Viewer, input: unknown, origin: ActOrigin): Promise<string> {
      requireManager(viewer);
      const { webhookId } = parseInput(webhookInput, input);
      await work(async (unit) => {
        const webhook = await loadOwn(unit.tx, viewer, webhookId);
        await unit.tx.webhook.delete({ where: { id: webhookId } });
        note(unit, 'webhook.delete', { viewer, origin }, { webhookId, details: { host: hostOf(webhook.url) } });
      });
      return webhookId;
    },

    /** Sends a test, once, without a second try. Throws NOT_FOUND, STATE_CONFLICT (not active), RATE_LIMITED. */
    async test(viewer: Viewer, input: unknown, origin: ActOrigin, key?: string | null): Promise<string> {
      requireManager(viewer);
      const { webhookId } = parseInput(webhookInput, input);
      const write = async (unit: Unit): Promise<string> => {
        const webhook = await loadOwn(unit.tx, viewer, webhookId);
        requireActive(webhook);
        await limitByHand(unit.tx, webhookId);
        const id = ids.next();
        const body = testBody(id, clock.now());
        const test = { id, webhookId, key: `test:${id}`, eventType: TEST_TYPE, body, replayOf: null };
        await addDeliveries(unit, [test], id);
        note(unit, 'webhook.test', { viewer, origin }, { webhookId });
        return id;
      };
      const repeatable = { viewer, key, operation: 'testWebhook', input: { webhookId } };
      return (await work((unit) => once(unit, clock, repeatable, () => write(unit)))).id;
    },

    /** Sends the news of a delivery again, as a delivery of its own. Throws NOT_FOUND, STATE_CONFLICT (not active), RATE_LIMITED. */
    async replay(viewer: Viewer, input: unknown, origin: ActOrigin, key?: string | null): Promise<string> {
      requireManager(viewer);
      const { deliveryId } = parseInput(replayInput, input);
      const write = async (unit: Unit): Promise<string> => {
        const found = await unit.tx.webhookDelivery.findFirst({
          where: { id: deliveryId, AND: [visibleDeliveries(viewer)] },
          include: { webhook: true },
        });
        if (found === null) throw notFound('The delivery');
        requireActive(found.webhook);
        await limitByHand(unit.tx, found.webhookId);
        const id = ids.next();
        const replay = {
          id,
          webhookId: found.webhookId,
          key: `replay:${id}`,
          eventType: found.eventType,
          body: replayBody(id, found),
          replayOf: found.id,
        };
        await addDeliveries(unit, [replay], id);
        note(unit, 'webhook.replay', { viewer, origin }, { webhookId: found.webhookId, details: { deliveryId } });
        return id;
      };
      const repeatable = { viewer, key, operation: 'replayDelivery', input: { deliveryId } };
      return (await work((unit) => once(unit, clock, repeatable, () => write(unit)))).id;
    },

    /** Chooses which events are mailed to the viewer; none at all is a choice too. Throws VALIDATION. */
    async setMailEvents(viewer: Viewer, input: unknown, origin: ActOrigin): Promise<void> {
      const { developerId } = requireManager(viewer);
      const { eventTypes } = parseInput(mailEventsInput, input);
      await work(async (unit) => {
        await unit.tx.developer.update({
          where: { id: developerId },
          data: { mailEvents: eventTypes, updatedAt: clock.now() },
        });
        unit.audit({
          ...actorOf(viewer, origin),
          action: 'account.choose_mail',
          resourceType: 'developer',
          resourceId: developerId,
          details: { eventTypes },
        });
      });
    },
  };
}

/** What the audit log says of a URL: path and query may be somebody's secret. */
function hostOf(url: string): string {
  return new URL(url).host;
}
