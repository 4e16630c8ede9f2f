/** Owns the JSON that a webhook is sent (docs/API.md, Webhooks); pure. Ids are those of GraphQL. */
import { type ActorSide, sideOf } from '../events/sides.ts';
import type { EventRecord } from '../events/types.ts';
import { globalId } from '../global-id.ts';
import type { JsonObject } from '../platform/json.ts';
import { outgoingData } from './event-kinds.ts';

/** Grows when a field changes its meaning or goes; new fields do not count. */
const PAYLOAD_VERSION = 1;
export const TEST_TYPE = 'TEST';

export interface PayloadApp {
  readonly id: string;
  readonly packageId: string;
  readonly name: string;
}
export interface PayloadVersion {
  readonly id: string;
  readonly versionCode: number;
  readonly versionName: string;
  readonly state: string;
}

interface Payload {
  readonly id: string;
  readonly payloadVersion: number;
  readonly type: string;
  readonly cursor: string | null;
  readonly at: string;
  readonly replayOf: string | null;
  readonly app: PayloadApp | null;
  readonly version: PayloadVersion | null;
  readonly data: JsonObject;
  readonly actor: { readonly side: ActorSide };
}

/** The global id of a delivery: what `id` in the body and the header `Webhook-Id` say. */
export function deliveryGlobalId(id: string): string {
  return globalId('WebhookDelivery', id);
}

/** The body for one event. `app` and `version` are rows as they are now, with the database's ids. */
export function eventBody(
  deliveryId: string,
  event: EventRecord,
  about: { readonly app: PayloadApp; readonly version: PayloadVersion | null },
): string {
  const { app, version } = about;
  return write({
    id: deliveryGlobalId(deliveryId),
    payloadVersion: PAYLOAD_VERSION,
    type: event.type,
    cursor: event.cursor,
    at: event.at.toISOString(),
    replayOf: null,
    app: { id: globalId('App', app.id), packageId: app.packageId, name: app.name },
    version:
      version === null
        ? null
        : {
            id: globalId('Version', version.id),
            versionCode: version.versionCode,
            versionName: version.versionName,
            state: version.state,
          },
    data: outgoingData(event),
    actor: { side: sideOf(event) },
  });
}

/** The body of a test: it tells of nothing. */
export function testBody(deliveryId: string, at: Date): string {
  return write({
    id: deliveryGlobalId(deliveryId),
    payloadVersion: PAYLOAD_VERSION,
    type: TEST_TYPE,
    cursor: null,
    at: at.toISOString(),
    replayOf: null,
    app: null,
    version: null,
    data: { message: 'This is a test. Nothing has happened.' },
    actor: { side: 'DEVELOPER' },
  });
}

/** The body of a repetition: the same news under an id of its own, naming the delivery that it repeats. */
export function replayBody(deliveryId: string, of: { readonly id: string; readonly body: string }): string {
  // Written by this file.
  const told = JSON.parse(of.body) as Payload;
  return write({ ...told, id: deliveryGlobalId(deliveryId), replayOf: deliveryGlobalId(of.id) });
}

function write(payload: Payload): string {
  return JSON.stringify(payload);
}
