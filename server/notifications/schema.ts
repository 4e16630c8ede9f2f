/** Owns the GraphQL types of webhooks, their deliveries and the choice of mails. It writes nothing. */
import { ViewerType } from '../accounts/schema-types.ts';
import { visibleApps } from '../apps/access.ts';
import { EventTypeEnum } from '../events/schema.ts';
import { globalId } from '../global-id.ts';
import { builder } from '../graphql/builder.ts';
import { requireManager, visibleDeliveries, visibleWebhooks } from './access.ts';
import { DELIVERY_STATES, type DeliveryState } from './delivery-rows.ts';
import { MAIL_EVENT_TYPES, mailChoices, WEBHOOK_EVENT_TYPES } from './event-kinds.ts';
import { WEBHOOK_STATES, type WebhookState } from './webhooks.ts';

const WebhookStateEnum = builder.enumType('WebhookState', {
  description: 'Whether a webhook is sent anything.',
  values: {
    ACTIVE: { description: 'It is sent what happens.' },
    PAUSED: { description: 'Its owner paused it; what happens meanwhile is not sent later.' },
    DISABLED: {
      description: 'The platform stopped it, because its receiver failed too often or said that it is gone.',
    },
  } satisfies Record<WebhookState, object>,
});
const DeliveryStateEnum = builder.enumType('DeliveryState', {
  description: 'How far a delivery is.',
  values: {
    PENDING: { description: 'Is sent, or will be tried again.' },
    DELIVERED: { description: 'The receiver answered with 2xx.' },
    FAILED: { description: 'Given up: it can be replayed by hand.' },
  } satisfies Record<DeliveryState, object>,
});

const WebhookAttemptType = builder.prismaObject('WebhookAttempt', {
  name: 'WebhookAttempt',
  description: 'One try of a delivery, and what came of it.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: '1 is the first.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it was sent.' }),
    durationMs: t.exposeInt('durationMs', { description: 'How long it took, in milliseconds.' }),
    status: t.exposeInt('status', { nullable: true, description: 'HTTP status; null where no answer came.' }),
    error: t.exposeString('error', { nullable: true, description: 'Why it failed; null where it did not.' }),
    answer: t.exposeString('answer', {
      nullable: true,
      description: 'The first 4 KiB of the answer as text; null where none came.',
    }),
  }),
});

export const DeliveryNode = builder.prismaNode('WebhookDelivery', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'WebhookDelivery',
  id: { field: 'id', description: 'Global id; the receiver gets it as `Webhook-Id`.' },
  description: 'One piece of news for one webhook. Kept for 30 days.',
  findUnique: (id, { viewer }) => ({ id, AND: [visibleDeliveries(viewer)] }),
  fields: (t) => ({
    eventType: t.exposeString('eventType', { description: 'Type of the event, or TEST.' }),
    body: t.exposeString('body', { description: 'The exact text that is sent and signed.' }),
    state: t.field({
      type: DeliveryStateEnum,
      description: 'How far it is.',
      resolve: ({ state }) => DELIVERY_STATES.find((known) => known === state) ?? 'FAILED',
    }),
    replayOf: t.id({
      nullable: true,
      description: 'The delivery that it repeats; null for a first one.',
      resolve: ({ replayOf }) => (replayOf === null ? null : globalId('WebhookDelivery', replayOf)),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was delivered or given up; null before.',
    }),
    attempts: t.relation('attempts', {
      type: WebhookAttemptType,
      description: 'Its tries, first to last.',
      query: { orderBy: { number: 'asc' }, take: 20 },
    }),
  }),
});

export const WebhookNode = builder.prismaNode('Webhook', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'Webhook',
  id: { field: 'id', description: 'Global id.' },
  description:
    'A URL of the viewer that is sent what happens to their apps (docs/API.md, Webhooks). Not through an API key.',
  findUnique: (id, { viewer }) => ({ id, AND: [visibleWebhooks(viewer)] }),
  fields: (t) => ({
    url: t.expose('url', { type: 'URL', description: 'Where it is sent.' }),
    app: t.prismaField({
      type: 'App',
      nullable: true,
      description:
        'The one app that it is about; null when it is about all, or when the viewer may no longer see that app.',
      select: { appId: true },
      resolve: (query, { appId }, _args, { db, viewer }) =>
        appId === null
          ? null
          : db.prisma.app.findUnique({ ...query, where: { id: appId, AND: [visibleApps(viewer)] } }),
    }),
    eventTypes: t.field({
      type: [EventTypeEnum],
      description: 'What it is sent; empty for everything that a webhook carries.',
      select: { eventTypes: true },
      resolve: ({ eventTypes }) =>
        WEBHOOK_EVENT_TYPES.filter((type) => Array.isArray(eventTypes) && eventTypes.includes(type)),
    }),
    state: t.field({
      type: WebhookStateEnum,
      description: 'Whether it is sent anything.',
      select: { state: true },
      resolve: ({ state }) => WEBHOOK_STATES.find((known) => known === state) ?? 'DISABLED',
    }),
    stateReason: t.exposeString('stateReason', {
      nullable: true,
      description: 'Why it was disabled; null when it was not.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    deliveries: t.relatedConnection('deliveries', {
      type: DeliveryNode,
      cursor: 'id',
      description: 'What it was sent in the last 30 days, newest first.',
      args: { state: t.arg({ type: DeliveryStateEnum, description: 'Only these.' }) },
      query: ({ state }) => ({
        where: state == null ? {} : { state },
        // Ids are made in the order of time.
        orderBy: { id: 'desc' as const },
      }),
    }),
  }),
});

builder.objectFields(ViewerType, (t) => ({
  webhooks: t.prismaField({
    type: [WebhookNode],
    description: 'Your webhooks, oldest first; at most 10. Not through an API key.',
    resolve: (query, viewer, _args, { db }) =>
      db.prisma.webhook.findMany({ ...query, where: visibleWebhooks(requireManager(viewer)), orderBy: { id: 'asc' } }),
  }),
  mailEvents: t.field({
    type: [EventTypeEnum],
    description: 'What is mailed to you when others do it to an app that you own or maintain. Not through an API key.',
    resolve: async (viewer, _args, { db }) => {
      const { developerId } = requireManager(viewer);
      const row = await db.prisma.developer.findUnique({ where: { id: developerId }, select: { mailEvents: true } });
      return mailChoices(row?.mailEvents);
    },
  }),
  mailEventChoices: t.field({
    type: [EventTypeEnum],
    description: 'What can be mailed.',
    resolve: () => [...MAIL_EVENT_TYPES],
  }),
}));
