/** Owns how a device talks HTTP: bounded answers, redirects it checks itself, and backing off when told to. */
import { setTimeout as delay } from 'node:timers/promises';
import { DeviceError } from './errors.ts';

export interface Network {
  readonly serverUrl: string;
  readonly fetch: typeof fetch;
  readonly clock: () => Date;
  /** Waits; tests pass one that does not. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** A number from 0 up to 1, for jitter. */
  readonly random: () => number;
}

/** How often a request is repeated after 429, 503 or a broken link, before the device gives up until it is asked again. */
export const MAX_ATTEMPTS = 6;
/** A server that asks for more patience than this gets it, but not within this call. */
const MAX_WAIT_MS = 60_000;
const FIRST_BACKOFF_MS = 500;
const MAX_REDIRECTS = 3;
/** Until the head of an answer, beside what sending the body may take … */
const HEADERS_TIMEOUT_MS = 30_000;
/** … at the least rate that the server lets a body come at (docs/DEVICE_PROTOCOL.md §7). */
const LEAST_UPLOAD_BYTES_PER_MS = 1;
const BODY_STALL_MS = 30_000;
/** However slowly it drips: whoever waits holds the device's lock. */
const BODY_TIMEOUT_MS = 15 * 60_000;

export const systemSleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  delay(ms, undefined, signal === undefined ? {} : { signal });

/**
 * One request without following redirects. A link that breaks is a NETWORK failure, and so is an answer that does not begin within
 * 30 s and a second for each 1,000 bytes of the body.
 */
export async function request(network: Network, url: string, init: RequestInit = {}): Promise<Response> {
  const timeout = new AbortController();
  const ms = HEADERS_TIMEOUT_MS + Math.ceil(bodyBytes(init.body) / LEAST_UPLOAD_BYTES_PER_MS);
  const timer = setTimeout(() => timeout.abort(new Error(`no answer within ${Math.round(ms / 1000)} s`)), ms);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout.signal]) : timeout.signal;
  try {
    return await network.fetch(url, { ...init, redirect: 'manual', signal });
  } catch (error) {
    throw networkError(url, error);
  } finally {
    clearTimeout(timer);
  }
}

function bodyBytes(body: RequestInit['body']): number {
  if (typeof body === 'string') return Buffer.byteLength(body);
  return body instanceof Uint8Array ? body.byteLength : 0;
}

export function networkError(url: string, error: unknown): DeviceError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new DeviceError('NETWORK', `${new URL(url).origin} cannot be reached: ${why}.`, { cause: error });
}

/** Where a redirect leads: http(s) only, and never from https to http. Null when the answer is none. */
export function redirectTarget(response: Response, from: string): string | null {
  if (![301, 302, 303, 307, 308].includes(response.status)) return null;
  const location = response.headers.get('location');
  if (location === null || !URL.canParse(location, from))
    throw new DeviceError('PROTOCOL', `${from} redirects without saying where to.`);
  const target = new URL(location, from);
  const allowed = target.protocol === 'https:' || (target.protocol === 'http:' && from.startsWith('http:'));
  if (!allowed) throw new DeviceError('PROTOCOL', `${from} redirects to ${target.protocol}, which is refused.`);
  return target.href;
}

/** Follows redirects from a URL to the one that answers, without reading the bodies on the way. */
export async function followRedirects(
  network: Network,
  url: string,
  init: RequestInit,
): Promise<{ response: Response; url: string }> {
  let current = url;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const response = await request(network, current, init);
    const target = redirectTarget(response, current);
    if (target === null) return { response, url: current };
    await response.body?.cancel();
    current = target;
  }
  throw new DeviceError('PROTOCOL', `${url} redirects more than ${MAX_REDIRECTS} times.`);
}

/** Whether an answer asks the device to come back later. */
export function asksToWait(response: Response): boolean {
  return response.status === 429 || response.status === 503;
}

/** Milliseconds that `Retry-After` asks for (seconds or an HTTP date), or null without one. */
export function retryAfterMs(response: Response, now: Date): number | null {
  const value = response.headers.get('retry-after');
  if (value === null) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}

/** Exponential backoff, half of it left to chance, never under what the server asked for. */
export function backoffMs(attempt: number, askedMs: number | null, random: () => number): number {
  const own = FIRST_BACKOFF_MS * 2 ** attempt * (0.5 + random() / 2);
  return Math.max(own, askedMs ?? 0);
}

/** Waits before the next attempt, or throws RATE_LIMITED when the server asks for more than a call may take. */
export async function waitBefore(network: Network, attempt: number, askedMs: number | null): Promise<void> {
  const ms = backoffMs(attempt, askedMs, network.random);
  if (ms > MAX_WAIT_MS)
    throw new DeviceError('RATE_LIMITED', `The server asks to come back in ${Math.ceil(ms / 1000)} s.`);
  await network.sleep(ms);
}

/**
 * The text of an answer of at most `maxBytes`; throws `tooLarge()` at the first byte more. A link that breaks is a NETWORK failure, and
 * so is one that brings no byte for 30 s, or not all of them within 15 minutes.
 */
export async function readText(response: Response, maxBytes: number, tooLarge: () => DeviceError): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = response.body?.getReader();
  const endMs = performance.now() + BODY_TIMEOUT_MS;
  try {
    while (reader !== undefined) {
      const { done, value } = await inTime(reader.read(), Math.min(BODY_STALL_MS, endMs - performance.now()));
      if (done) break;
      size += value.byteLength;
      if (size > maxBytes) throw tooLarge();
      chunks.push(value);
    }
  } catch (error) {
    reader?.cancel().catch(() => undefined);
    throw error instanceof DeviceError ? error : networkError(response.url, error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the answer does not come to its end')), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The JSON of an answer of at most `maxBytes`; anything else is a PROTOCOL failure. */
export async function readJson(response: Response, maxBytes: number): Promise<unknown> {
  const tooLarge = () => new DeviceError('PROTOCOL', `${response.url} answers with more than ${maxBytes} bytes.`);
  const text = await readText(response, maxBytes, tooLarge);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DeviceError('PROTOCOL', `${response.url} answered ${response.status} without JSON.`, { cause });
  }
}

/** The SHA-256 of RFC 9530's `Repr-Digest` in hex, or null when the header does not have one. */
export function reprDigest(header: string | null): string | null {
  const match = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header ?? '');
  return match?.[1] === undefined ? null : Buffer.from(match[1], 'base64').toString('hex');
}
