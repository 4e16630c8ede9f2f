/**
 * Owns one request to a webhook: it goes to an address that was checked in the moment of connecting, follows nothing, and is bounded
 * in time and in what is read. It knows neither deliveries nor signatures.
 */
import { Resolver } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { Target } from './target.ts';

/** From the first look-up to the last byte that is read. */
export const POST_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 4_096;
const DNS_TIMEOUT_MS = 3_000;
const DNS_TRIES = 2;

/** Every address of a host name. */
export type Resolve = (hostname: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/** What came of a request. `status` is null where no answer came; `error` is null where it was answered in time. */
export interface Answer {
  readonly status: number | null;
  readonly error: string | null;
  /** The first bytes of the answer as text; null where none came. */
  readonly answer: string | null;
}

export interface PostRequest {
  readonly target: Extract<Target, { ok: true }>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Sends one request; resolves with whatever happened, and rejects only when `signal` aborts. */
export type Post = (request: PostRequest) => Promise<Answer>;

interface PostOptions {
  readonly resolve?: Resolve;
  readonly timeoutMs?: number;
  /** Certificates to trust in the place of the system's. */
  readonly ca?: string;
}

/** The host has an address that the target's rule refuses. The address is not told: it may be of somebody's inner network. */
class AddressRefused extends Error {
  constructor(hostname: string) {
    super(`${hostname} has an address that is not public`);
  }
}

/** The name has no address, or nobody says so in time. */
class NotResolved extends Error {}

/** `resolve` defaults to the name servers of the system; names of its own files do not count, but for localhost. */
export function createPost({ resolve = createResolve(), timeoutMs = POST_TIMEOUT_MS, ca }: PostOptions = {}): Post {
  return async ({ target, headers, body, signal }) => {
    const limit = AbortSignal.timeout(timeoutMs);
    const received: Received = { status: null, chunks: [], bytes: 0 };
    try {
      await exchange(target, { headers, body, resolve, ca, received, signal: AbortSignal.any([signal, limit]) });
    } catch (error) {
      signal.throwIfAborted();
      // A status is an answer, however slowly the rest of it drips.
      if (received.status === null) return { status: null, error: reasonOf(error, limit, timeoutMs), answer: null };
    }
    return { status: received.status, error: null, answer: textOf(received.chunks) };
  };
}

interface Received {
  status: number | null;
  readonly chunks: Buffer[];
  bytes: number;
}

interface Exchange {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly resolve: Resolve;
  readonly ca: string | undefined;
  readonly received: Received;
  readonly signal: AbortSignal;
}

/** Sends the request and reads the answer up to its bound; rejects when the signal aborts or the connection fails. */
function exchange({ url, isAllowed }: Extract<Target, { ok: true }>, given: Exchange): Promise<void> {
  const { promise, resolve: done, reject } = Promise.withResolvers<void>();
  const { received, signal } = given;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // No look-up is made for a literal address, so it is checked here.
  if (isIP(host) !== 0 && !isAllowed(host)) throw new AddressRefused(host);
  const isHttps = url.protocol === 'https:';
  const request = (isHttps ? https : http).request(url, {
    method: 'POST',
    // A connection of its own: a kept one would go to an address that was checked at another time.
    agent: false,
    lookup: checkedLookup(given.resolve, isAllowed),
    headers: { ...given.headers, 'Content-Length': String(Buffer.byteLength(given.body)) },
    maxHeaderSize: 16_384,
    signal,
    ...(given.ca === undefined ? {} : { ca: given.ca }),
  });
  request.on('error', reject);
  // All that comes of a 101, which Node closes without an error and which no signal ends any more.
  request.on('close', () => reject(new Error('the connection was closed without an answer')));
  request.on('response', (response) => {
    received.status = response.statusCode ?? null;
    response.on('error', reject);
    response.on('data', (chunk: Buffer) => {
      received.chunks.push(chunk.subarray(0, MAX_ANSWER_BYTES - received.bytes));
      received.bytes += chunk.length;
      if (received.bytes < MAX_ANSWER_BYTES) return;
      done();
      request.destroy();
    });
    response.on('end', done);
    response.on('close', done);
  });
  request.end(given.body);
  return promise;
}

/** Resolves a name and gives only addresses that are allowed; one that is not refuses the whole name. */
function checkedLookup(resolve: Resolve, isAllowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    const wanted = options.family === 6 || options.family === 'IPv6' ? 6 : options.family === 4 ? 4 : 0;
    resolve(hostname)
      .catch((cause: unknown) => {
        throw new NotResolved('the host name could not be resolved', { cause });
      })
      .then((all) => {
        if (all.some(({ address }) => !isAllowed(address))) throw new AddressRefused(hostname);
        const fitting = all.filter(({ family }) => wanted === 0 || family === wanted);
        const [first] = fitting;
        if (first === undefined) throw new NotResolved('the host name could not be resolved');
        if (options.all === true) callback(null, [...fitting]);
        else callback(null, first.address, first.family);
      })
      .catch((error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), '', 0));
  };
}

/**
 * Asks name servers without the threads of `getaddrinfo`: those are few and serve files too, and a name server that
 * answers slowly on purpose would take them all.
 */
function createResolve(): Resolve {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES });
  return async (hostname) => {
    // Only where the target's rule allows loopback.
    if (hostname === 'localhost')
      return [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ];
    const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    if (four.status === 'rejected' && six.status === 'rejected') throw four.reason;
    return [
      ...(four.status === 'fulfilled' ? four.value : []).map((address) => ({ address, family: 4 })),
      ...(six.status === 'fulfilled' ? six.value : []).map((address) => ({ address, family: 6 })),
    ];
  };
}

/** Why no answer came, in one line for the webhook's owner. */
function reasonOf(error: unknown, limit: AbortSignal, timeoutMs: number): string {
  if (limit.aborted) return `no answer within ${timeoutMs / 1000} s`;
  if (error instanceof NotResolved) return error.message;
  const causes = error instanceof AggregateError ? error.errors : [error];
  const first: unknown = causes[0];
  if (!(first instanceof Error)) return 'the request failed';
  const code = 'code' in first && typeof first.code === 'string' ? first.code : null;
  if (code === 'ECONNREFUSED') return 'the connection was refused';
  if (code === 'ECONNRESET') return 'the connection was closed without an answer';
  if (first instanceof AddressRefused) return first.message;
  return (code === null ? first.message : `${first.message} (${code})`).slice(0, 300);
}

/** Text without characters that could not be stored or shown. */
function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks)
    .toString('utf8')
    .replaceAll(/[^\P{Cc}\n\t]/gu, '\ufffd');
}
