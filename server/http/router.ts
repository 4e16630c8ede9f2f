/** Owns which handler answers a method and path, request ids, and the last catch of every failure. It knows no feature. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError } from '../errors.ts';
import type { Log } from '../platform/log.ts';
import { clientAddress } from './address.ts';
import { asDomainError, sendProblem } from './problem.ts';
import { setSecurityHeaders } from './security-headers.ts';

/** What a handler knows of a request beside the request itself. */
export interface RouteContext {
  /** Client address after trusted proxies. */
  readonly address: string;
  readonly requestId: string;
  readonly url: URL;
  /** Values of the `{name}` parts of the path, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly log: Log;
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

interface CompiledRoute extends Route {
  readonly parts: readonly string[];
}

/** Makes the request listener of the whole server. A fault is logged with its request id and answered masked. */
export function createRouter(options: RouterOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const byFirstPart = Map.groupBy(
    options.routes.map((route): CompiledRoute => ({ ...route, parts: route.path.slice(1).split('/') })),
    (route) => route.parts[0] ?? '',
  );
  return (request, response) => {
    const startedMs = performance.now();
    const requestId = options.newRequestId();
    // Made when somebody logs: most requests leave no line.
    let child: Log | null = null;
    const logOf = (): Log => {
      child ??= options.log.child({ requestId });
      return child;
    };
    response.setHeader('X-Request-Id', requestId);
    setSecurityHeaders(response, options.publicUrl);
    if (options.log.isLevelEnabled('debug')) {
      response.on('close', () => {
        const path = request.url?.split('?', 1)[0];
        logOf().debug(
          { method: request.method, path, status: response.statusCode, ms: performance.now() - startedMs },
          'request',
        );
      });
    }
    answer(request, response, { requestId, logOf }).catch((error: unknown) => {
      if (response.destroyed) return;
      const failure = asDomainError(error, requestId);
      if (failure.code === 'INTERNAL') logOf().error({ err: error, path: request.url?.split('?', 1)[0] }, 'fault');
      sendProblem(response, failure);
    });
  };

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    { requestId, logOf }: { requestId: string; logOf: () => Log },
  ): Promise<void> {
    const url = URL.parse(request.url ?? '/', options.publicUrl);
    if (url === null) throw new DomainError('BAD_REQUEST', 'The request target is not a valid path.');
    const address = clientAddress(request, options.trustedProxies);
    const contextWith = (params: Record<string, string>): RouteContext => ({
      requestId,
      address,
      url,
      params,
      get log() {
        return logOf();
      },
    });
    const parts = url.pathname.slice(1).split('/');
    const allowed: string[] = [];
    for (const route of byFirstPart.get(parts[0] ?? '') ?? []) {
      const params = match(route.parts, parts);
      if (params === null) continue;
      if (route.methods.includes('*') || route.methods.includes(request.method ?? '')) {
        await route.handler(request, response, contextWith(params));
        return;
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
    await options.fallback(request, response, contextWith({}));
  }
}

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
