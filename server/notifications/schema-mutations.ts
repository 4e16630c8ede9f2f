/** Owns the mutations on webhooks and on the choice of mails. Rules are in the service. */
import { ViewerType } from '../accounts/schema-types.ts';
import type { DeveloperViewer } from '../accounts/viewer.ts';
import { EventTypeEnum } from '../events/schema.ts';
import { builder } from '../graphql/builder.ts';
import { requireManager } from './access.ts';
import { DeliveryNode, WebhookNode } from './schema.ts';

/** The payload of everything that answers with a webhook; with a secret, that is shown this once. */
function webhookPayload(name: string, description: string) {
  return builder.objectRef<{ readonly webhookId: string }>(name).implement({
    description,
    fields: (t) => ({
      webhook: t.prismaField({
        type: WebhookNode,
        description: 'The webhook as it is now.',
        resolve: (query, { webhookId }, _args, { db }) =>
          db.prisma.webhook.findUniqueOrThrow({ ...query, where: { id: webhookId } }),
      }),
    }),
  });
}

function secretPayload(name: string, description: string) {
  return builder.objectRef<{ readonly webhookId: string; readonly secret: string }>(name).implement({
    description,
    fields: (t) => ({
      webhook: t.prismaField({
        type: WebhookNode,
        description: 'The webhook as it is now.',
        resolve: (query, { webhookId }, _args, { db }) =>
          db.prisma.webhook.findUniqueOrThrow({ ...query, where: { id: webhookId } }),
      }),
      secret: t.exposeString('secret', {
        description: 'What its requests are signed with, `whsec_` and base64; shown this once.',
      }),
    }),
  });
}

function deliveryPayload(name: string, description: string) {
  return builder.objectRef<{ readonly deliveryId: string }>(name).implement({
    description,
    fields: (t) => ({
      delivery: t.prismaField({
        type: DeliveryNode,
        description: 'The delivery; read it again to see what came of it.',
        resolve: (query, { deliveryId }, _args, { db }) =>
          db.prisma.webhookDelivery.findUniqueOrThrow({ ...query, where: { id: deliveryId } }),
      }),
    }),
  });
}

const CreateWebhookInput = builder.inputType('CreateWebhookInput', {
  description: 'A new webhook.',
  fields: (t) => ({
    url: t.string({
      required: true,
      description: 'A public https URL on port 443 or 8443, without user name or password.',
    }),
    appId: t.globalID({ description: 'The one app that it is about; left out, every app that you are a member of.' }),
    eventTypes: t.field({
      type: [EventTypeEnum],
      description: 'What it is sent; left out or empty, everything but the single steps of the checks.',
    }),
  }),
});
builder.mutationField('createWebhook', (t) =>
  t.field({
    type: secretPayload('CreateWebhookPayload', 'The new webhook.'),
    errors: {},
    description: 'Makes a webhook; at most 10 an account. Not through an API key. Errors: LIMIT_REACHED.',
    args: { input: t.arg({ type: CreateWebhookInput, required: true, description: 'Input.' }) },
    resolve: (_parent, { input }, { viewer, services, caller }) =>
      services.notifications.webhooks.create(viewer, { ...input, appId: input.appId?.id ?? null }, caller),
  }),
);

const UpdateWebhookInput = builder.inputType('UpdateWebhookInput', {
  description: 'Changes to a webhook; what is left out stays.',
  fields: (t) => ({
    webhookId: t.globalID({ for: WebhookNode, required: true, description: 'Which one.' }),
    url: t.string({ description: 'The new URL.' }),
    eventTypes: t.field({ type: [EventTypeEnum], description: 'What it is sent; empty for everything.' }),
    paused: t.boolean({
      description: 'True pauses it, and gives up what waits; false resumes it, also where it was disabled.',
    }),
  }),
});
builder.mutationField('updateWebhook', (t) =>
  t.field({
    type: webhookPayload('UpdateWebhookPayload', 'The webhook is changed.'),
    errors: {},
    description: 'Changes, pauses or resumes a webhook. Not through an API key.',
    args: { input: t.arg({ type: UpdateWebhookInput, required: true, description: 'Input.' }) },
    resolve: async (_parent, { input }, { viewer, services, caller }) => ({
      webhookId: await services.notifications.webhooks.update(
        viewer,
        { ...input, webhookId: input.webhookId.id },
        caller,
      ),
    }),
  }),
);

/** The input of everything that names one webhook and nothing else. */
function oneWebhook(name: string) {
  return builder.inputType(name, {
    description: 'One webhook of the viewer.',
    fields: (t) => ({ webhookId: t.globalID({ for: WebhookNode, required: true, description: 'Which one.' }) }),
  });
}

builder.mutationField('rotateWebhookSecret', (t) =>
  t.field({
    type: secretPayload('RotateWebhookSecretPayload', 'The webhook has a new secret.'),
    errors: {},
    description:
      'Makes a new secret. For 24 hours requests carry two signatures, of the new secret and of the one before. Not through an API key.',
    args: { input: t.arg({ type: oneWebhook('RotateWebhookSecretInput'), required: true, description: 'Input.' }) },
    resolve: (_parent, { input }, { viewer, services, caller }) =>
      services.notifications.webhooks.rotate(viewer, { webhookId: input.webhookId.id }, caller),
  }),
);

const DeleteWebhookPayload = builder.objectRef<{ readonly webhookId: string }>('DeleteWebhookPayload').implement({
  description: 'The webhook is gone, with its deliveries.',
  fields: (t) => ({
    webhookId: t.globalID({
      description: 'The id that it had.',
      resolve: ({ webhookId }) => ({ type: 'Webhook', id: webhookId }),
    }),
  }),
});
builder.mutationField('deleteWebhook', (t) =>
  t.field({
    type: DeleteWebhookPayload,
    errors: {},
    description: 'Ends a webhook. Not through an API key.',
    args: { input: t.arg({ type: oneWebhook('DeleteWebhookInput'), required: true, description: 'Input.' }) },
    resolve: async (_parent, { input }, { viewer, services, caller }) => ({
      webhookId: await services.notifications.webhooks.remove(viewer, { webhookId: input.webhookId.id }, caller),
    }),
  }),
);

const KEY_DESCRIPTION = 'The same key with the same input does it once, for 24 hours.';

const TestWebhookInput = builder.inputType('TestWebhookInput', {
  description: 'One webhook of the viewer.',
  fields: (t) => ({
    webhookId: t.globalID({ for: WebhookNode, required: true, description: 'Which one.' }),
    idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
  }),
});
builder.mutationField('testWebhook', (t) =>
  t.field({
    type: deliveryPayload('TestWebhookPayload', 'A test is on its way.'),
    errors: {},
    description: 'Sends an event of type TEST, once. Not through an API key.',
    args: { input: t.arg({ type: TestWebhookInput, required: true, description: 'Input.' }) },
    resolve: async (_parent, { input }, { viewer, services, caller }) => ({
      deliveryId: await services.notifications.webhooks.test(
        viewer,
        { webhookId: input.webhookId.id },
        caller,
        input.idempotencyKey ?? null,
      ),
    }),
  }),
);

const ReplayDeliveryInput = builder.inputType('ReplayDeliveryInput', {
  description: 'One delivery to a webhook of the viewer.',
  fields: (t) => ({
    deliveryId: t.globalID({ for: DeliveryNode, required: true, description: 'Which one.' }),
    idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
  }),
});
builder.mutationField('replayDelivery', (t) =>
  t.field({
    type: deliveryPayload('ReplayDeliveryPayload', 'The news is on its way again.'),
    errors: {},
    description: 'Sends the news of a delivery again, as a delivery of its own. Not through an API key.',
    args: { input: t.arg({ type: ReplayDeliveryInput, required: true, description: 'Input.' }) },
    resolve: async (_parent, { input }, { viewer, services, caller }) => ({
      deliveryId: await services.notifications.webhooks.replay(
        viewer,
        { deliveryId: input.deliveryId.id },
        caller,
        input.idempotencyKey ?? null,
      ),
    }),
  }),
);

const SetMailEventsInput = builder.inputType('SetMailEventsInput', {
  description: 'A choice of mails.',
  fields: (t) => ({
    eventTypes: t.field({
      type: [EventTypeEnum],
      required: true,
      description: 'What is mailed, of `viewer.mailEventChoices`; empty for nothing.',
    }),
  }),
});
const SetMailEventsPayload = builder.objectRef<{ readonly viewer: DeveloperViewer }>('SetMailEventsPayload').implement({
  description: 'The choice is kept.',
  fields: (t) => ({ viewer: t.expose('viewer', { type: ViewerType, description: 'Who chose.' }) }),
});
builder.mutationField('setMailEvents', (t) =>
  t.field({
    type: SetMailEventsPayload,
    errors: {},
    description: 'Chooses which events are mailed to you. Not through an API key.',
    args: { input: t.arg({ type: SetMailEventsInput, required: true, description: 'Input.' }) },
    resolve: async (_parent, { input }, { viewer, services, caller }) => {
      await services.notifications.webhooks.setMailEvents(viewer, input, caller);
      return { viewer: requireManager(viewer) };
    },
  }),
);
