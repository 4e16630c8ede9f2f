/** Owns GraphQL over HTTP: what may come in (JSON, one operation, our origins), who asks, and how the answer leaves. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { DomainError } from '../errors.ts';
import { readBody } from '../http/body.ts';
import { problemDocument, statusOf } from '../http/problem.ts';
import type { RouteContext, RouteHandler } from '../http/router.ts';
import type { ViewerResolver } from '../http/viewer.ts';
import type { GraphContext } from './context.ts';
import { BATCH_LIMIT, BODY_TIMEOUT_MS, EXECUTION_TIMEOUT_MS, MAX_BODY_BYTES } from './limits.ts';
import type { GraphqlParams, PublicCache } from './public-cache.ts';
import type { GraphqlServer } from './yoga.ts';

export interface GraphqlHttpOptions {
  readonly yoga: GraphqlServer;
  readonly publicUrl: string;
  /** Origins beside our own whose pages may call without cookies. */
  readonly allowedOrigins: readonly string[];
  readonly viewers: ViewerResolver;
  /** Null switches the cache off. */
  readonly cache: PublicCache | null;
  readonly graphiql: boolean;
  readonly contextOf: (base: Pick<GraphContext, 'viewer' | 'caller' | 'cookies' | 'log'>) => GraphContext;
}

const JSON_TYPE = /^application\/(?:graphql\+)?json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;
const ANSWER_TYPE = 'application/graphql-response+json; charset=utf-8';
const PASSED_HEADERS = ['content-type', 'accept'] as const;
/** Levels of JSON in a body; deeper values end the stack of whoever walks them, and no input type is nearly as deep. */
const MAX_JSON_DEPTH = 64;

/** The handler of `/graphql`. Refusals before execution are GraphQL answers with one coded error. */
export function createGraphqlHandler(options: GraphqlHttpOptions): RouteHandler {
  return async (request, response, context) => {
    try {
      await answer(request, response, context);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code === 'INTERNAL') throw error;
      sendRefusal(response, error);
    }
  };

  async function answer(request: IncomingMessage, response: ServerResponse, context: RouteContext): Promise<void> {
    const sameSite = checkOrigin(request, response, options);
    if (request.method === 'OPTIONS') {
      response.writeHead(204, { Allow: 'GET, POST, OPTIONS' }).end();
      return;
    }
    if (request.method !== 'POST' && request.method !== 'GET') {
      response.setHeader('Allow', 'GET, POST');
      throw new DomainError(
        'METHOD_NOT_ALLOWED',
        `${request.method} is not possible here; send POST with a JSON body.`,
      );
    }
    const body = request.method === 'POST' ? await readJsonBody(request) : null;
    if (body === null) checkSearchParams(context.url.searchParams);
    const anonymous = request.headers.authorization === undefined && request.headers.cookie === undefined;
    const cacheable = anonymous && body !== null && options.cache !== null;
    const cacheKey = cacheable ? options.cache.keyOf(body.params, request.headers.accept ?? '') : null;
    const cached = cacheKey === null ? undefined : options.cache?.get(cacheKey);
    if (cached !== undefined) {
      send(response, 200, cached.type, cached.bytes);
      return;
    }
    const generation = options.cache?.generation() ?? 0;
    const result = await execute(request, context, body, sameSite);
    const bytes = Buffer.from(await result.answer.arrayBuffer());
    for (const cookie of result.cookies) response.appendHeader('Set-Cookie', cookie);
    const type = result.answer.headers.get('content-type') ?? ANSWER_TYPE;
    const allow = result.answer.headers.get('allow');
    if (allow !== null) response.setHeader('Allow', allow);
    if (cacheKey !== null && result.answer.status === 200 && !bytes.includes('"errors":')) {
      options.cache?.set(cacheKey, { type, bytes }, generation);
    }
    if (type.startsWith('text/html')) response.setHeader('Content-Security-Policy', "frame-ancestors 'none'");
    send(response, result.answer.status, type, bytes);
  }

  async function execute(
    request: IncomingMessage,
    route: RouteContext,
    body: { text: string } | null,
    sameSite: boolean,
  ): Promise<{ answer: Response; cookies: string[] }> {
    const cookies: string[] = [];
    const userAgent = request.headers['user-agent']?.slice(0, 256) ?? null;
    const viewer = await options.viewers.resolve({
      cookie: sameSite ? request.headers.cookie : undefined,
      authorization: request.headers.authorization,
      address: route.address,
      userAgent,
      onRefreshedCookie: (cookie) => cookies.push(cookie),
    });
    const context = options.contextOf({
      viewer,
      caller: { requestId: route.requestId, ip: route.address, userAgent, transport: 'http' },
      cookies: { set: (cookie) => cookies.push(cookie) },
      log: route.log,
    });
    const headers = new Headers();
    for (const name of PASSED_HEADERS) {
      const value = request.headers[name];
      if (value !== undefined) headers.set(name, value);
    }
    const init = { method: request.method ?? 'GET', headers, ...(body === null ? {} : { body: body.text }) };
    const url = `${options.publicUrl}${route.url.pathname}${route.url.search}`;
    const answer = await withinTime(Promise.resolve(options.yoga.fetch(url, init, context)));
    return { answer, cookies };
  }
}

/** Whether cookies count; throws for a page of a foreign origin, and answers the fixed CORS list. */
function checkOrigin(request: IncomingMessage, response: ServerResponse, options: GraphqlHttpOptions): boolean {
  const { origin } = request.headers;
  response.setHeader('Vary', 'Origin');
  if (origin === undefined) return request.headers['sec-fetch-site'] === 'same-origin';
  if (origin === options.publicUrl) return true;
  if (options.allowedOrigins.includes(origin)) {
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Allow-Headers', 'Authorization, Content-Type');
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST');
    response.setHeader('Access-Control-Max-Age', '600');
    return false;
  }
  throw new DomainError(
    'ORIGIN_REFUSED',
    `Pages of ${origin.slice(0, 200)} may not call this server. Open it as ${options.publicUrl}, or set PUBLIC_URL to the address you use.`,
  );
}

async function readJsonBody(request: IncomingMessage): Promise<{ text: string; params: GraphqlParams }> {
  const type = request.headers['content-type'] ?? '';
  if (!JSON_TYPE.test(type)) {
    throw new DomainError(
      'UNSUPPORTED_MEDIA_TYPE',
      'Send the operation as application/json in UTF-8; other types are refused.',
    );
  }
  if (request.headers['content-encoding'] !== undefined) {
    throw new DomainError('UNSUPPORTED_MEDIA_TYPE', 'Send the operation without a Content-Encoding.');
  }
  const bytes = await readBody(request, { maxBytes: MAX_BODY_BYTES, timeoutMs: BODY_TIMEOUT_MS });
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DomainError('BAD_REQUEST', 'The body is not JSON.');
  }
  if (Array.isArray(value)) {
    throw new DomainError('BATCH_TOO_LARGE', `Send one operation a request; the limit of a batch is ${BATCH_LIMIT}.`);
  }
  checkDepth(value);
  return { text, params: paramsOf(value) };
}

/** The JSON in the query string of a GET, which Yoga would parse without a catch. */
function checkSearchParams(search: URLSearchParams): void {
  for (const name of ['variables', 'extensions']) {
    const text = search.get(name);
    if (text === null || text === '') continue;
    try {
      checkDepth(JSON.parse(text));
    } catch (error) {
      if (error instanceof DomainError) throw error;
      throw new DomainError('BAD_REQUEST', `\`${name}\` in the address is not JSON.`);
    }
  }
}

/** Throws BAD_REQUEST for a value nested too deeply; level by level, so that it needs no stack itself. */
function checkDepth(value: unknown): void {
  let level = [value].filter(isContainer);
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > MAX_JSON_DEPTH) {
      throw new DomainError('BAD_REQUEST', `The JSON is nested over ${MAX_JSON_DEPTH} levels deep. Send it flatter.`);
    }
    level = level.flatMap((each) => Object.values(each).filter(isContainer));
  }
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;

const bodySchema = z.looseObject({
  query: z.string().nullish(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.record(z.string(), z.unknown()).nullish(),
});

/** The parameters of the standard, in the types it gives them. */
function paramsOf(value: unknown): GraphqlParams {
  const parsed = bodySchema.safeParse(value);
  if (!parsed.success) {
    const name = parsed.error.issues[0]?.path[0];
    throw new DomainError(
      'BAD_REQUEST',
      name === undefined
        ? 'The body must be a JSON object with a `query`.'
        : `\`${String(name)}\` in the body must be ${name === 'query' || name === 'operationName' ? 'a string' : 'an object'}.`,
    );
  }
  const { query, operationName, variables } = parsed.data;
  return { query: query ?? '', operationName: operationName ?? undefined, variables: variables ?? undefined };
}

function withinTime(work: Promise<Response>): Promise<Response> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(
      new DomainError(
        'TIMEOUT',
        `The operation took over ${EXECUTION_TIMEOUT_MS / 1000} s and was given up. Ask for less.`,
      ),
    );
  }, EXECUTION_TIMEOUT_MS);
  return Promise.race([work, promise]).finally(() => clearTimeout(timer));
}

function sendRefusal(response: ServerResponse, error: DomainError): void {
  const problem = problemDocument(error);
  const retry = error.details.retryAfterSeconds;
  if (retry !== undefined) response.setHeader('Retry-After', String(Math.max(1, Math.ceil(retry))));
  if (error.code === 'BODY_TOO_LARGE' || error.code === 'TIMEOUT') response.setHeader('Connection', 'close');
  const body = { errors: [{ message: problem.detail, extensions: { code: error.code } }] };
  send(response, statusOf(error.code), ANSWER_TYPE, Buffer.from(JSON.stringify(body)));
}

function send(response: ServerResponse, status: number, type: string, bytes: Buffer): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': bytes.length, 'Cache-Control': 'no-store' });
  response.end(bytes);
}
