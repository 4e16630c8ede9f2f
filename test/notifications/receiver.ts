/** Owns receivers of webhooks for tests: real HTTP servers on this machine that remember what they got and answer as told. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Person } from '../support/seed.ts';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The bytes as text. */
  readonly raw: string;
  readonly body: Told;
  readonly at: number;
}

export interface Told {
  readonly id: string;
  readonly payloadVersion: number;
  readonly type: string;
  readonly cursor: string | null;
  readonly at: string;
  readonly replayOf: string | null;
  readonly app: { readonly id: string; readonly packageId: string; readonly name: string } | null;
  readonly version: {
    readonly id: string;
    readonly versionCode: number;
    readonly versionName: string;
    readonly state: string;
  } | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly actor: { readonly side: string };
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** Resolves with the first request that fits, whenever it comes. */
  got(fits?: (request: Received) => boolean): Promise<Received>;
  close(): Promise<void>;
}

const WAIT_MS = 15_000;

/** Starts a receiver. `answer` writes the response (200 by default), or leaves it hanging. */
export async function startReceiver(
  answer: (response: ServerResponse, request: Received) => void = (response) => void response.end('thanks'),
): Promise<Receiver> {
  const received: Received[] = [];
  const watchers = new Set<() => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks).toString('utf8');
      const one: Received = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        raw,
        body: JSON.parse(raw) as Told,
        at: Date.now(),
      };
      received.push(one);
      answer(response, one);
      for (const watch of watchers) watch();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    async got(fits = () => true) {
      const { promise, resolve, reject } = Promise.withResolvers<Received>();
      const timer = setTimeout(() => {
        const seen = received.map(({ body }) => body.type).join(' ');
        reject(new Error(`no such request came within ${WAIT_MS / 1000} s; seen: ${seen}`));
      }, WAIT_MS);
      const look = () => {
        const found = received.find(fits);
        if (found !== undefined) resolve(found);
      };
      watchers.add(look);
      look();
      return promise.finally(() => {
        clearTimeout(timer);
        watchers.delete(look);
      });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Hook {
  readonly id: string;
  readonly secret: string;
}

/** Makes a webhook of the person. */
export async function hook(owner: Person, url: string, more: Record<string, unknown> = {}): Promise<Hook> {
  const made = await owner.done<{ webhook: { id: string }; secret: string }>(
    'createWebhook',
    { url, ...more },
    'webhook { id } secret',
  );
  return { id: made.webhook.id, secret: made.secret };
}

export interface DeliveryView {
  readonly id: string;
  readonly eventType: string;
  readonly body: string;
  readonly state: string;
  readonly replayOf: string | null;
  readonly finishedAt: string | null;
  readonly attempts: readonly {
    readonly number: number;
    readonly status: number | null;
    readonly error: string | null;
    readonly answer: string | null;
  }[];
}

const DELIVERIES = `query($id: ID!) { node(id: $id) { ... on Webhook {
  state stateReason eventTypes url
  deliveries(first: 50) { nodes { id eventType body state replayOf finishedAt
    attempts { number status error answer } } } } } }`;

export interface HookView {
  readonly state: string;
  readonly stateReason: string | null;
  readonly eventTypes: readonly string[];
  readonly url: string;
  /** Newest first. */
  readonly deliveries: readonly DeliveryView[];
}

/** A webhook as its owner sees it; null where it is not theirs to see. */
export async function viewHook(owner: Pick<Person, 'query'>, id: string): Promise<HookView | null> {
  const { node } = await owner.query<{
    node: (Omit<HookView, 'deliveries'> & { deliveries: { nodes: DeliveryView[] } }) | null;
  }>(DELIVERIES, { id });
  return node === null ? null : { ...node, deliveries: node.deliveries.nodes };
}

/** Waits until the webhook looks so; a delivery ends a moment after its receiver has answered. */
export async function until(owner: Person, id: string, looksSo: (view: HookView) => boolean): Promise<HookView> {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const view = await viewHook(owner, id);
    if (view !== null && looksSo(view)) return view;
    if (Date.now() > end) throw new Error(`the webhook never looked so: ${JSON.stringify(view)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
