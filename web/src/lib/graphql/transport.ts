// Carries subscriptions over graphql-ws and resumes each one from the last cursor it saw; never interprets an event beyond that.
import { type Client, createClient } from 'graphql-ws';
import { connection } from '#lib/graphql/connection.svelte.ts';
import { cursorOf } from '#lib/graphql/cursor.ts';

const PING_MS = 12_000;
const PONG_MS = 6_000;
const MAX_WAIT_MS = 15_000;
/** The socket's session ended, or its rights changed. */
const SESSION_CODES: readonly number[] = [4401, 4403];

type Request = { query?: string | undefined; variables?: Record<string, unknown> | undefined };
type Sink = { next: (value: never) => void; error: (error: unknown) => void; complete: () => void };
export type LiveTransport = {
  forward: (request: Request) => { subscribe: (sink: Sink) => { unsubscribe: () => void } };
  /** Closes the socket and opens it again, as another person or with other rights. */
  restart: () => void;
};

/** `onSessionChanged` is called when the server closed the socket because of who the viewer is. */
export function createTransport(onSessionChanged: () => void): LiveTransport {
  const socket = openSocket(onSessionChanged);

  return {
    restart: () => socket.terminate(),
    forward: (request) => ({
      subscribe(sink) {
        let cursor = request.variables?.after ?? null;
        // graphql-ws writes the variables out anew at each (re)connection, and so reads the newest cursor.
        const variables = { ...request.variables };
        if (variables.after !== undefined)
          Object.defineProperty(variables, 'after', { enumerable: true, get: () => cursor });
        const unsubscribe = socket.subscribe(
          { query: request.query ?? '', variables },
          {
            next(value) {
              cursor = cursorOf(value.data) ?? cursor;
              connection.received();
              sink.next(value as never);
            },
            error: (error) => sink.error(error),
            complete: () => sink.complete(),
          },
        );
        return { unsubscribe };
      },
    }),
  };
}

function openSocket(onSessionChanged: () => void): Client {
  const url = new URL('/graphql', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  let pongTimer: ReturnType<typeof setTimeout> | undefined;

  const socket = createClient({
    url: url.href,
    lazy: true,
    lazyCloseTimeout: 30_000,
    keepAlive: PING_MS,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: waitBeforeRetry,
    on: {
      connecting: () => connection.connecting(),
      connected: () => connection.connected(),
      ping(received) {
        if (received) return;
        clearTimeout(pongTimer);
        pongTimer = setTimeout(() => socket.terminate(), PONG_MS);
      },
      pong(received) {
        if (received) clearTimeout(pongTimer);
      },
      closed(event) {
        clearTimeout(pongTimer);
        const code = typeof event === 'object' && event !== null && 'code' in event ? Number(event.code) : 0;
        if (code === 1000) connection.released();
        else connection.lost();
        if (SESSION_CODES.includes(code)) onSessionChanged();
      },
    },
  });
  return socket;
}

/** Waits longer after each failure, with jitter, but not past the moment the machine is online again. */
function waitBeforeRetry(retries: number): Promise<void> {
  const ceilingMs = Math.min(MAX_WAIT_MS, 400 * 2 ** retries);
  const waitMs = ceilingMs / 2 + Math.random() * (ceilingMs / 2);
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, waitMs);
    window.addEventListener('online', done);
  });
}
