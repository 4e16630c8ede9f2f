/** Live events over real sockets: replay, cut connections, who may see what, and sockets whose session ends. */
import type { Client as SocketClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startApp, type TestApp } from '../support/app.ts';
import type { Client, GraphqlFailure, SocketOptions } from '../support/client.ts';
import { createSeed, type Developer, type Reviewer, type Seed } from '../support/seed.ts';

interface Seen {
  readonly cursor: string;
  readonly type: string;
  readonly version: { readonly id: string; readonly state: string } | null;
}

const VERSION_EVENTS = `subscription($id: ID!, $after: EventCursor) {
  event: versionEvents(versionId: $id, after: $after) { cursor type version { id state } } }`;
const APP_EVENTS = `subscription($id: ID!, $after: EventCursor) {
  event: appEvents(appId: $id, after: $after) { cursor type version { id state } } }`;
const QUEUE_EVENTS = `subscription($after: EventCursor) {
  event: reviewQueueEvents(after: $after) { cursor type version { id state } } }`;

let app: TestApp;
let seed: Seed;
let ada: Developer;
let rita: Reviewer;
let zero: string;
const open: SocketClient[] = [];
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer();
  zero = `${(await app.services.events.head()).split('.', 1)[0]}.0`;
});
afterAll(async () => {
  for (const socket of open) void socket.dispose();
  await app.close();
});

function socketOf(client: Client, options: SocketOptions = {}): SocketClient {
  const socket = client.socket(options);
  open.push(socket);
  return socket;
}

/** Events until one fits; throws the errors of the stream. */
async function until(
  socket: SocketClient,
  query: string,
  variables: Record<string, unknown>,
  fits: (event: Seen) => boolean,
): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const result of socket.iterate<{ event: Seen }>({ query, variables })) {
    if (result.errors !== undefined) throw new Refused(result.errors as unknown as GraphqlFailure[]);
    if (result.data == null) continue;
    seen.push(result.data.event);
    if (fits(result.data.event)) break;
  }
  return seen;
}

class Refused extends Error {
  readonly codes: unknown[];
  constructor(errors: readonly GraphqlFailure[]) {
    super(JSON.stringify(errors));
    this.codes = errors.map(({ extensions }) => extensions?.code);
  }
}

/** The codes an operation over the socket is refused with. */
async function codesOf(socket: SocketClient, query: string, variables: Record<string, unknown> = {}): Promise<unknown> {
  try {
    for await (const result of socket.iterate({ query, variables })) {
      if (result.errors !== undefined) return result.errors.map(({ extensions }) => extensions?.code);
      return result.data;
    }
  } catch (error) {
    if (Array.isArray(error)) return (error as GraphqlFailure[]).map(({ extensions }) => extensions?.code);
    throw error;
  }
  return 'complete';
}

let apps = 0;
const newApp = (dev = ada) => dev.app(`com.example.live${++apps}`);

describe('versionEvents', () => {
  it('replays what was missed in order and goes on live, each event once, with the changed object', async () => {
    const version = await (await newApp()).upload();
    const watching = until(
      socketOf(ada),
      VERSION_EVENTS,
      { id: version.id, after: zero },
      (e) => e.type === 'PUBLISHED',
    );
    await version.published(rita);
    const seen = await watching;
    expect(seen.map(({ type }) => type)).toEqual(await version.events());
    expect(new Set(seen.map(({ cursor }) => cursor)).size).toBe(seen.length);
    expect(seen.at(-1)?.version).toEqual({ id: version.id, state: 'PUBLISHED' });
  });

  it('without a cursor begins at now', async () => {
    const version = await (await newApp()).upload();
    const socket = socketOf(ada);
    const iterator = socket.iterate<{ event: Seen }>({ query: VERSION_EVENTS, variables: { id: version.id } });
    const first = iterator.next();
    // The answer to a later query on the same socket says that the subscription before it has begun.
    expect(await codesOf(socket, '{ __typename }')).toEqual({ __typename: 'Query' });
    await version.submitted();
    const { value } = await first;
    expect(value?.data?.event.type).toBe('SUBMITTED');
    await iterator.return?.();
  });

  it('survives 50 cut connections without loss or repeat', { timeout: 60_000 }, async () => {
    const version = await (await newApp()).upload();
    const total = 120;
    const writing = (async () => {
      for (let n = 0; n < total; n += 1) {
        await app.services.work(async (unit) =>
          unit.emit({
            type: 'COMMENTED',
            appId: version.app.key,
            versionId: version.key,
            payload: { side: 'DEVELOPER' },
          }),
        );
        if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const seen: Seen[] = [];
    let after = zero;
    let cuts = 0;
    while (seen.length < total + 1) {
      let raw: WebSocket | undefined;
      const socket = socketOf(ada, { onSocket: (made) => (raw = made) });
      const enough = seen.length + 2;
      try {
        for await (const { data } of socket.iterate<{ event: Seen }>({
          query: VERSION_EVENTS,
          variables: { id: version.id, after },
        })) {
          if (data == null) throw new Error('no data');
          seen.push(data.event);
          after = data.event.cursor;
          if (seen.length === total + 1) break;
          if (seen.length >= enough && cuts < 50) {
            cuts += 1;
            raw?.terminate();
            break;
          }
        }
      } catch (error) {
        // A cut connection ends its iteration with its close event.
        if (error instanceof Error) throw error;
      }
    }
    await writing;
    expect(cuts).toBe(50);
    const { events } = await app.services.events.read({ filter: { versionId: version.key }, limit: 1000 });
    expect(seen.map(({ cursor }) => cursor)).toEqual(events.map(({ cursor }) => cursor));
  });

  it('refuses a cursor of another epoch with CURSOR_RESET, and one that is none', async () => {
    const version = await (await newApp()).upload();
    const socket = socketOf(ada);
    expect(await codesOf(socket, VERSION_EVENTS, { id: version.id, after: 'abcdef0123456789.4' })).toEqual([
      'CURSOR_RESET',
    ]);
    expect(await codesOf(socket, VERSION_EVENTS, { id: version.id, after: 'garbage' })).toEqual(['BAD_REQUEST']);
    expect(await codesOf(socket, VERSION_EVENTS, { id: version.id, after: `${zero}999999` })).toEqual([
      'CURSOR_INVALID',
    ]);
    // The socket is still good for others.
    expect(await codesOf(socket, '{ __typename }')).toEqual({ __typename: 'Query' });
  });

  it('does not exist for a stranger, a visitor, or a reviewer before submission', async () => {
    const version = await (await newApp()).upload();
    const bob = await seed.developer('Bob');
    for (const client of [bob, app.client(), rita]) {
      expect(await codesOf(socketOf(client), VERSION_EVENTS, { id: version.id })).toEqual(['NOT_FOUND']);
    }
    expect(await codesOf(socketOf(ada), VERSION_EVENTS, { id: 'garbage' })).toEqual(['BAD_REQUEST']);
  });
});

describe('appEvents', () => {
  it('shows a reviewer only what was submitted, and a member all', async () => {
    const notes = await newApp();
    const draft = await notes.upload();
    const submitted = await notes.upload();
    await submitted.submitted();
    const last = (event: Seen) => event.type === 'CHECKS_PASSED';
    const all = await until(socketOf(ada), APP_EVENTS, { id: notes.id, after: zero }, last);
    const some = await until(socketOf(rita), APP_EVENTS, { id: notes.id, after: zero }, last);
    expect(all.some((event) => event.version?.id === draft.id)).toBe(true);
    // What is about the app itself, such as its keys, has no version.
    expect(new Set(some.flatMap((event) => event.version?.id ?? []))).toEqual(new Set([submitted.id]));
  });

  it('stops showing a member who was removed while they watch', async () => {
    const notes = await newApp();
    const head = await app.services.events.head();
    const version = await notes.upload();
    const bob = await seed.developer('Bob');
    const membership = { appId: notes.key, developerId: Buffer.from(bob.id, 'base64').toString().split(':')[1] ?? '' };
    await app.services.work(async ({ tx }) => {
      await tx.appMember.create({ data: { ...membership, role: 'VIEWER', createdAt: new Date() } });
    });
    const seen: string[] = [];
    const iterator = socketOf(bob).iterate<{ event: Seen }>({
      query: APP_EVENTS,
      variables: { id: notes.id, after: head },
    });
    const first = await iterator.next();
    seen.push(first.value?.data?.event.type ?? '');
    await app.services.work(async ({ tx }) => {
      await tx.appMember.deleteMany({ where: membership });
    });
    void (async () => {
      for await (const each of { [Symbol.asyncIterator]: () => iterator }) seen.push(each.data?.event.type ?? 'errors');
    })();
    const adaSees = until(socketOf(ada), APP_EVENTS, { id: notes.id, after: zero }, (e) => e.type === 'CHECKS_PASSED');
    await version.submitted();
    await adaSees;
    expect(seen).toEqual(['UPLOADED']);
  });
});

describe('reviewQueueEvents', () => {
  it('are for reviewers', async () => {
    expect(await codesOf(socketOf(ada), QUEUE_EVENTS)).toEqual(['FORBIDDEN']);
    expect(await codesOf(socketOf(app.client()), QUEUE_EVENTS)).toEqual(['FORBIDDEN']);
  });

  it('tell of what enters and leaves the queue', async () => {
    const version = await (await newApp(await seed.developer('Newcomer'))).upload();
    const watching = until(
      socketOf(rita),
      QUEUE_EVENTS,
      { after: await app.services.events.head() },
      ({ type }) => type === 'APPROVED',
    );
    await version.approved(rita);
    expect((await watching).map(({ type }) => type)).toEqual(['QUEUED', 'CLAIMED', 'APPROVED']);
  });
});

describe('a socket', () => {
  async function closing(client: Client, act: () => Promise<unknown>): Promise<{ code: number; tookMs: number }> {
    const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
    const socket = socketOf(client, { onClosed: resolve });
    socket.subscribe({ query: '{ __typename }' }, { next: () => {}, error: () => {}, complete: () => {} });
    const stop = socket.subscribe(
      { query: 'subscription { viewerEvents { cursor } }' },
      { next: () => {}, error: () => {}, complete: () => {} },
    );
    expect(await codesOf(socket, '{ viewer { credential { kind } } }')).toMatchObject({ viewer: { credential: {} } });
    const startedMs = performance.now();
    await act();
    const { code } = await promise;
    stop();
    return { code, tookMs: performance.now() - startedMs };
  }

  it('closes with 4401 within 5 s when its session is revoked from elsewhere', async () => {
    const session = await seed.signIn(ada.email);
    const { viewer } = await ada
      .as(session)
      .query<{ viewer: { sessions: { id: string; current: boolean }[] } }>('{ viewer { sessions { id current } } }');
    const sessionId = viewer.sessions.find(({ current }) => current)?.id;
    const closed = await closing(ada.as(session), () => ada.done('revokeSession', { sessionId }));
    expect(closed.code).toBe(4401);
    expect(closed.tookMs).toBeLessThan(5_000);
  });

  it('closes with 4403 within 5 s when the roles of its account change', async () => {
    const ruth = await seed.reviewer('Ruth');
    const grace = await seed.admin();
    const closed = await closing(ruth, () =>
      grace.done('setRoles', { developerId: ruth.id, reviewer: false, admin: false }),
    );
    expect(closed.code).toBe(4403);
    expect(closed.tookMs).toBeLessThan(5_000);
  });

  it('closes with 4401 when its API key is revoked, and is not opened with a wrong one', async () => {
    const made = await ada.done<{ secret: string; apiKey: { id: string } }>(
      'createApiKey',
      { name: 'CI', scopes: ['APPS_READ'] },
      'secret apiKey { id }',
    );
    const closed = await closing(ada.as({ bearer: made.secret }), () =>
      ada.done('revokeApiKey', { apiKeyId: made.apiKey.id }),
    );
    expect(closed.code).toBe(4401);
    const { promise, resolve } = Promise.withResolvers<{ code: number }>();
    const socket = socketOf(ada.as({ bearer: `${made.secret}` }), { onClosed: resolve });
    socket.subscribe({ query: '{ __typename }' }, { next: () => {}, error: () => {}, complete: () => {} });
    expect((await promise).code).toBe(4401);
  });

  it('runs queries, and no mutation', async () => {
    const socket = socketOf(ada);
    expect(await codesOf(socket, '{ viewer { developer { email } } }')).toEqual({
      viewer: { developer: { email: ada.email } },
    });
    expect(await codesOf(socket, 'mutation { signOut { __typename } }')).toEqual(['BAD_REQUEST']);
    expect(await codesOf(socket, '{ viewer { developer { email } } }')).toMatchObject({ viewer: {} });
  });

  it('is refused to pages of a foreign origin, and no cookie counts without ours', async () => {
    const upgrade = (headers: Record<string, string>, path = '/graphql') => {
      const { promise, resolve } = Promise.withResolvers<number>();
      const socket = new WebSocket(`${app.url.replace('http', 'ws')}${path}`, 'graphql-transport-ws', { headers });
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
      socket.on('open', () => {
        resolve(101);
        socket.terminate();
      });
      socket.on('error', () => {});
      return promise;
    };
    expect(await upgrade({ origin: 'https://evil.example', cookie: ada.session.cookie ?? '' })).toBe(403);
    expect(await upgrade({ origin: 'null' })).toBe(403);
    expect(await upgrade({ origin: app.url }, '/elsewhere')).toBe(404);
    expect(await upgrade({ origin: app.url })).toBe(101);
    const noOrigin = socketOf(ada, { origin: null });
    expect(await codesOf(noOrigin, '{ viewer { developer { email } } }')).toEqual({ viewer: null });
  });

  it('keeps the limits of depth, cost, aliases and tokens, for queries and subscriptions', async () => {
    const socket = socketOf(ada);
    const deep = `{ viewer { ${'apps { nodes { versions { nodes { app { '.repeat(3)}id${' } } } } }'.repeat(3)} } }`;
    expect(await codesOf(socket, deep)).toEqual(['QUERY_TOO_DEEP']);
    const aliases = `{ ${Array.from({ length: 16 }, (_, n) => `a${n}: __typename`).join(' ')} }`;
    expect(await codesOf(socket, aliases)).toEqual(['QUERY_TOO_MANY_ALIASES']);
    const tokens = `{ ${'__typename '.repeat(2100)} }`;
    expect(await codesOf(socket, tokens)).toEqual(['QUERY_TOO_LARGE']);
    const costly = '{ viewer { apps(first: 100) { nodes { versions(first: 100) { nodes { id } } } } } }';
    expect(await codesOf(socket, costly)).toEqual(['QUERY_TOO_COSTLY']);
    const version = await (await newApp()).upload();
    const costlySubscription = `subscription($id: ID!) { versionEvents(versionId: $id) {
      app { versions(first: 100) { nodes { findings(first: 100) { nodes { id } } } } } } }`;
    expect(await codesOf(socket, costlySubscription, { id: version.id })).toEqual(['QUERY_TOO_COSTLY']);
    expect(await codesOf(socket, '{ nope }')).toEqual(['BAD_REQUEST']);
  });

  it('ends when a message is larger than 256 KiB', async () => {
    const { promise, resolve } = Promise.withResolvers<{ code: number }>();
    const socket = socketOf(ada, { onClosed: resolve });
    socket.subscribe(
      { query: '{ __typename }', variables: { filler: 'x'.repeat(300_000) } },
      { next: () => {}, error: () => {}, complete: () => {} },
    );
    expect((await promise).code).toBe(1009);
  });
});
