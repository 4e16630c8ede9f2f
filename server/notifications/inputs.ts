/** Owns the parsing of what comes into the webhook service: bounds and messages. It looks nothing up. */
import { z } from 'zod';
import { EVENT_TYPES, type EventType } from '../events/types.ts';
import { MAIL_EVENT_TYPES, WEBHOOK_EVENT_TYPES } from './event-kinds.ts';

const id = z.string().min(1).max(64);
/** Its own rules are in target.ts; this bounds the work. */
const url = z.string().max(10_000, 'The URL is too long.');

/** Event types in the order of the log's own list, each once. */
function eventTypes<Type extends EventType>(known: readonly Type[], refusal: (type: string) => string) {
  return z
    .array(z.enum(EVENT_TYPES))
    .max(100, 'Too many event types.')
    .transform((types, context) => {
      const foreign = types.find((type) => !known.some((each) => each === type));
      if (foreign === undefined) return known.filter((type) => types.includes(type));
      context.addIssue(refusal(foreign));
      return z.NEVER;
    });
}

const carried = eventTypes(
  WEBHOOK_EVENT_TYPES,
  (type) =>
    `A webhook does not carry ${type}: it tells changes of an app or version, not the single steps of the checks.`,
);

export const createWebhookInput = z.object({
  url,
  appId: id.nullish().transform((value) => value ?? null),
  eventTypes: carried.nullish().transform((value) => value ?? []),
});
export const updateWebhookInput = z.object({
  webhookId: id,
  url: url.nullish(),
  eventTypes: carried.nullish(),
  paused: z.boolean().nullish(),
});
export const webhookInput = z.object({ webhookId: id });
export const replayInput = z.object({ deliveryId: id });
export const mailEventsInput = z.object({
  eventTypes: eventTypes(
    MAIL_EVENT_TYPES,
    (type) => `${type} is not mailed. Choose among \`viewer.mailEventChoices\`.`,
  ),
});
