/**
 * Owns graphql-ws on `/graphql`: who may open a socket, the same guards as HTTP for every operation on it, and closing
 * it when the session behind it ends. Mutations are refused here by the shared pipeline.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type ExecutionArgs,
  type GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
  OperationTypeNode,
} from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { type Extra, useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { ANONYMOUS, type Viewer } from '../accounts/viewer.ts';
import { DomainError } from '../errors.ts';
import { clientAddress } from '../http/address.ts';
import type { ViewerResolver } from '../http/viewer.ts';
import type { Log } from '../platform/log.ts';
import type { GraphContext } from './context.ts';
import { checkCost, documentError } from './guards.ts';
import { MAX_BODY_BYTES, SOCKETS_PER_ADDRESS, SUBSCRIPTIONS_PER_SOCKET } from './limits.ts';
import { maskError } from './masking.ts';
import type { GraphqlServer } from './yoga.ts';

export interface GraphqlSocketOptions {
  readonly yoga: GraphqlServer;
  readonly schema: GraphQLSchema;
  readonly publicUrl: string;
  readonly allowedOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly viewers: ViewerResolver;
  readonly newRequestId: () => string;
  readonly log: Log;
  readonly contextOf: (base: Pick<GraphContext, 'viewer' | 'caller' | 'cookies' | 'log'>) => GraphContext;
}

/** Close codes: signed out or expired, roles changed, too slow to read. */
const CLOSE_ENDED = 4401;
const CLOSE_CHANGED = 4403;
const CLOSE_SLOW = 4408;
const SWEEP_MS = 2_000;
const MAX_BUFFERED_BYTES = 1024 * 1024;
const NO_COOKIES = { set() {} };

interface SocketState {
  viewer: Viewer;
  readonly address: string;
  readonly requestId: string;
}

export interface GraphqlSocket {
  /** Open sockets. */
  count(): number;
  close(): Promise<void>;
}

/** Takes the upgrades of `/graphql`; `close` ends every socket (1001) and the sweep. */
export function attachGraphqlSocket(server: Server, options: GraphqlSocketOptions): GraphqlSocket {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_BODY_BYTES });
  const states = new Map<WebSocket, SocketState>();
  const perAddress = new Map<string, number>();

  const upgrade = (request: IncomingMessage, duplex: Duplex, head: Buffer): void => {
    // The HTTP server lets go of the connection here: a reset without a listener would end the process.
    duplex.on('error', () => duplex.destroy());
    const address = clientAddress(request, options.trustedProxies);
    const status = refusal(request, address);
    if (status !== null) {
      duplex.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, duplex, head, (socket) => {
      states.set(socket, { viewer: ANONYMOUS, address, requestId: options.newRequestId() });
      perAddress.set(address, (perAddress.get(address) ?? 0) + 1);
      socket.on('close', () => {
        states.delete(socket);
        const left = (perAddress.get(address) ?? 1) - 1;
        if (left <= 0) perAddress.delete(address);
        else perAddress.set(address, left);
      });
      sockets.emit('connection', socket, request);
      // The library would write every broken frame to standard error; `ws` closes such a socket by itself.
      socket.removeAllListeners('error');
      socket.on('error', (error) => options.log.debug({ err: error }, 'a socket broke'));
    });
  };

  function refusal(request: IncomingMessage, address: string): string | null {
    if (request.url?.split('?', 1)[0] !== '/graphql') return '404 Not Found';
    const { origin } = request.headers;
    if (origin !== undefined && origin !== options.publicUrl && !options.allowedOrigins.includes(origin))
      return '403 Forbidden';
    if ((perAddress.get(address) ?? 0) >= SOCKETS_PER_ADDRESS) return '429 Too Many Requests';
    return null;
  }

  const running = useServer<Record<string, unknown>>(
    {
      onConnect: async ({ extra, connectionParams }) => {
        const state = states.get(extra.socket);
        if (state === undefined) return false;
        try {
          state.viewer = await options.viewers.resolve(credentialsOf(extra, connectionParams, state.address));
        } catch (error) {
          if (!(error instanceof DomainError)) throw error;
          extra.socket.close(CLOSE_ENDED, error.code);
        }
        return true;
      },
      onSubscribe: async (context, _id, payload) => {
        if (Object.keys(context.subscriptions).length > SUBSCRIPTIONS_PER_SOCKET) {
          return [
            documentError(
              'LIMIT_REACHED',
              `One socket carries ${SUBSCRIPTIONS_PER_SOCKET} operations at a time. Complete one first.`,
            ),
          ];
        }
        const state = states.get(context.extra.socket);
        if (state === undefined) return [documentError('BAD_REQUEST', 'This socket is closing.')];
        return prepare(payload, context.extra, state);
      },
      onNext: (_context, _id, _payload, args, result) => {
        if (result.errors === undefined) return undefined;
        const { caller, log } = args.contextValue as GraphContext;
        return {
          ...(result.data === undefined ? {} : { data: result.data }),
          errors: result.errors.map((error) => shown(maskError(error, caller.requestId, log))),
        };
      },
      // What a subscription's source throws comes here with the text it was thrown with.
      onError: ({ extra }, _id, _payload, errors) => {
        const requestId = states.get(extra.socket)?.requestId ?? options.newRequestId();
        return errors.map((error) => shown(maskError(error, requestId, options.log)));
      },
      execute: (args) => (args as PreparedArgs).envelopedExecute(args),
      subscribe: (args) => (args as PreparedArgs).envelopedSubscribe(args),
    },
    sockets,
  );

  function credentialsOf(extra: Extra, params: Record<string, unknown> | undefined, address: string) {
    const { origin, cookie } = extra.request.headers;
    const given = params?.authorization;
    return {
      cookie: origin === options.publicUrl && given === undefined ? cookie : undefined,
      authorization: typeof given === 'string' ? given : extra.request.headers.authorization,
      address,
      userAgent: extra.request.headers['user-agent']?.slice(0, 256) ?? null,
    };
  }

  async function prepare(payload: SubscribePayload, extra: Extra, state: SocketState) {
    const context = options.contextOf({
      viewer: state.viewer,
      caller: {
        requestId: state.requestId,
        ip: state.address,
        userAgent: extra.request.headers['user-agent']?.slice(0, 256) ?? null,
        transport: 'socket',
      },
      cookies: NO_COOKIES,
      log: options.log,
    });
    const enveloped = options.yoga.getEnveloped({ ...context, params: payload } as never);
    try {
      const document = enveloped.parse(payload.query);
      const problems = enveloped.validate(options.schema, document);
      if (problems.length > 0)
        return problems.map((problem: GraphQLError) => maskError(problem, state.requestId, options.log));
      const operation = getOperationAST(document, payload.operationName);
      if (operation?.operation === OperationTypeNode.MUTATION) {
        return [documentError('BAD_REQUEST', 'Mutations run over HTTP POST, not over a WebSocket.')];
      }
      const variables = payload.variables ?? {};
      // Here and not in the pipeline: what `execute` throws would close the socket for its other operations too.
      checkCost(options.schema, document, variables, context);
      const args: PreparedArgs = {
        schema: options.schema,
        document,
        operationName: payload.operationName ?? null,
        variableValues: variables,
        contextValue: await enveloped.contextFactory(),
        envelopedExecute: enveloped.execute,
        envelopedSubscribe: enveloped.subscribe,
      };
      return args;
    } catch (error) {
      return [maskError(error, state.requestId, options.log)];
    }
  }

  const sweep = setInterval(() => void closeWhatEnded(), SWEEP_MS);
  sweep.unref();

  async function closeWhatEnded(): Promise<void> {
    for (const [socket, state] of states) {
      if (socket.bufferedAmount > MAX_BUFFERED_BYTES) {
        socket.close(CLOSE_SLOW, 'Too slow; resume from your last cursor');
        setTimeout(() => socket.terminate(), 1_000).unref();
        continue;
      }
      if (state.viewer.kind === 'anonymous') continue;
      try {
        const standing = await options.viewers.standing(state.viewer);
        if (standing === 'ended') socket.close(CLOSE_ENDED, 'Signed out');
        if (standing === 'changed') socket.close(CLOSE_CHANGED, 'Rights changed; connect again');
      } catch (error) {
        options.log.warn({ err: error }, 'could not look up the session of a socket');
      }
    }
  }

  server.on('upgrade', upgrade);
  return {
    count: () => states.size,
    async close() {
      clearInterval(sweep);
      server.off('upgrade', upgrade);
      await running.dispose();
    },
  };
}

/** The error as it goes out; what only HTTP needs stays here. */
function shown(error: GraphQLError): GraphQLFormattedError {
  const { extensions = {}, ...rest } = error.toJSON();
  const { http: _http, ...visible } = extensions;
  return { ...rest, extensions: visible };
}

interface PreparedArgs extends ExecutionArgs {
  readonly envelopedExecute: (args: ExecutionArgs) => ReturnType<typeof import('graphql').execute>;
  readonly envelopedSubscribe: (args: ExecutionArgs) => ReturnType<typeof import('graphql').subscribe>;
}
