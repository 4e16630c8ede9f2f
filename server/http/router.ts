/** Owns which handler answers a method and path, request ids, and the last catch of every failure. It knows no feature. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { DomainError } from '../errors.ts';
import type { Log } from '../platform/log.ts';
import { clientAddress } from './address.ts';
import { asDomainError, sendProblem } from './problem.ts';
import { securityHeaders, setHeaders } from './security-headers.ts';

/** What a handler knows of a request beside the request itself. */
export interface RouteContext {
  /** Client address after trusted proxies. */
  readonly address: string;
  readonly requestId: string;
  readonly url: URL;
  /** Values of the `{name}` parts of the path, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** What every answer carries, as names and values in turn: for the handler of a route with `writesHead` to begin its head with. */
  readonly headers: readonly string[];
  readonly log: Log;
  /** For a handler that answers later without a promise, which would cost as much as a small answer: what it would reject with. */
  readonly failed: (error: unknown) => void;
}

export type RouteHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  context: RouteContext,
) => Promise<void> | void;

export interface Route {
  /** Methods it takes, such as `GET`; `*` takes all and answers 405 itself. */
  readonly methods: readonly string[];
  /**
   * `/v1/packages/{packageId}/{versionCode}/package.mosis`; what follows a `}` must end the part, as in `{sha256}.package.mosis`;
   * a last part `{name...}` takes the rest of the path.
   */
  readonly path: string;
  readonly handler: RouteHandler;
  /**
   * The handler writes `context.headers` with its own, as one list: setting them one by one costs as much as a small answer. Only
   * for paths without `{name}`.
   */
  readonly writesHead?: boolean;
}

export interface RouterOptions {
  readonly routes: readonly Route[];
  /** Answers what no route takes: the portal. */
  readonly fallback: RouteHandler;
  readonly publicUrl: string;
  readonly trustedProxies: readonly string[];
  readonly newRequestId: () => string;
  readonly log: Log;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** Requests of one connection that wait for the one before them; clients hardly ever send any so. */
const MAX_WAITING = 64;

/** What a parser of URLs would turn into another path than a proxy in front has judged by: a host, backslashes, steps up. */
const OTHER_SPELLING = /^\/\/|^[^?]*\\|^[^?]*\/(?:\.|%2e){1,2}(?:[/?]|$)/i;

interface CompiledRoute extends Route {
  readonly parts: readonly string[];
}

/** URL and logger are made when they are asked for: most requests leave no log line. */
class Context implements RouteContext {
  params: Readonly<Record<string, string>> = {};
  readonly requestId: string;
  /** Asked for at once: a connection that has closed does not know any more. */
  readonly address: string;
  readonly headers: readonly string[];
  /** Logs a fault, and answers. */
  failed: (error: unknown) => void = () => undefined;
  readonly #request: IncomingMessage;
  readonly #options: RouterOptions;
  #url: URL | null = null;
  #log: Log | null = null;

  constructor(request: IncomingMessage, options: RouterOptions, always: readonly string[]) {
    this.#request = request;
    this.#options = options;
    this.requestId = options.newRequestId();
    this.address = clientAddress(request, options.trustedProxies);
    this.headers = [...always, 'X-Request-Id', this.requestId];
  }

  /** Throws BAD_REQUEST. */
  get url(): URL {
    const target = this.#request.url ?? '/';
    if (!OTHER_SPELLING.test(target)) this.#url ??= URL.parse(target, this.#options.publicUrl);
    if (this.#url === null) throw new DomainError('BAD_REQUEST', 'The request target is not a valid path.');
    return this.#url;
  }

  get log(): Log {
    this.#log ??= this.#options.log.child({ requestId: this.requestId });
    return this.#log;
  }
}

/** Makes the request listener of the whole server. A fault is logged with its request id and answered masked. */
export function createRouter(options: RouterOptions): Listener {
  const always = securityHeaders(options.publicUrl);
  const compiled = options.routes.map((route): CompiledRoute => ({ ...route, parts: route.path.slice(1).split('/') }));
  const byFirstPart = Map.groupBy(compiled, (route) => route.parts[0] ?? '');
  // What is asked for in the one spelling of its path needs no parsing.
  const byPath = Map.groupBy(
    compiled.filter(({ path }) => !path.includes('{')),
    (route) => route.path,
  );

  return inTurn((request, response) => {
    const context = new Context(request, options, always);
    if (options.log.isLevelEnabled('debug')) logAtEnd(request, response, context);
    const exact = byPath.get(request.url ?? '')?.find((route) => takes(route, request));
    if (exact?.writesHead !== true) setHeaders(response, context.headers);
    const failed = (error: unknown): void => {
      if (response.destroyed) return;
      const failure = asDomainError(error, context.requestId);
      if (failure.code === 'INTERNAL') context.log.error({ err: error, path: pathOf(request) }, 'fault');
      if (exact?.writesHead === true && !response.headersSent) setHeaders(response, context.headers);
      sendProblem(response, failure);
    };
    context.failed = failed;
    const handler = exact?.handler ?? answer;
    try {
      handler(request, response, context)?.catch(failed);
    } catch (error) {
      failed(error);
    }
  });

  function answer(request: IncomingMessage, response: ServerResponse, context: Context): Promise<void> | void {
    const parts = context.url.pathname.slice(1).split('/');
    const allowed: string[] = [];
    for (const route of byFirstPart.get(parts[0] ?? '') ?? []) {
      const params = match(route.parts, parts);
      if (params === null) continue;
      if (takes(route, request)) {
        context.params = params;
        return route.handler(request, response, context);
      }
      allowed.push(...route.methods);
    }
    if (allowed.length > 0) {
      response.setHeader('Allow', allowed.join(', '));
      throw new DomainError(
        'METHOD_NOT_ALLOWED',
        `${request.method} is not possible here; use ${allowed.join(' or ')}.`,
      );
    }
    return options.fallback(request, response, context);
  }
}

/**
 * Handles the requests of one connection one after the other, whatever their sender does not wait for: Node begins them all at once, and
 * thousands of answers that nobody reads would wait in memory. A connection with too many requests waiting is cut.
 */
function inTurn(handle: Listener): Listener {
  const waiting = new WeakMap<Socket, number>();
  return (request, response) => {
    // Only the answer whose turn it is has the socket.
    if (response.socket !== null) return handle(request, response);
    const { socket } = request;
    const before = waiting.get(socket) ?? 0;
    if (before >= MAX_WAITING) {
      socket.destroy();
      return;
    }
    waiting.set(socket, before + 1);
    response.once('socket', () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
      handle(request, response);
    });
  };
}

function takes({ methods }: Route, { method }: IncomingMessage): boolean {
  return methods.includes(method ?? '') || methods.includes('*');
}

function logAtEnd(request: IncomingMessage, response: ServerResponse, context: RouteContext): void {
  const startedMs = performance.now();
  response.on('close', () => {
    const { method } = request;
    const ms = performance.now() - startedMs;
    context.log.debug({ method, path: pathOf(request), status: response.statusCode, ms }, 'request');
  });
}

const pathOf = (request: IncomingMessage): string | undefined => request.url?.split('?', 1)[0];

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    if (expected.endsWith('...}')) {
      params[expected.slice(1, -4)] = decode(parts.slice(index).join('/'));
      return params;
    }
    const part = parts[index];
    if (part === undefined) return null;
    if (expected.startsWith('{')) {
      const nameEnd = expected.indexOf('}');
      const ending = expected.slice(nameEnd + 1);
      if (!part.endsWith(ending)) return null;
      params[expected.slice(1, nameEnd)] = decode(part.slice(0, part.length - ending.length));
    } else if (expected !== part) return null;
  }
  return pattern.length === parts.length ? params : null;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new DomainError('BAD_REQUEST', 'The path has a percent sign that is no escape.');
  }
}
