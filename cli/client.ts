/** Owns talking GraphQL to a server: queries and mutations over HTTP, subscriptions over graphql-ws. It prints nothing. */
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
import { createClient as createSocketClient, type Client as SocketClient } from 'graphql-ws';
import WebSocket from 'ws';
import { z } from 'zod';
import type { Credential } from './credentials.ts';
import { CliError, EXIT } from './errors.ts';

/** A document of `cli/operations/`: its text, with the types of its data and variables. */
export type Document<Data, Variables> = DocumentTypeDecoration<Data, Variables> & { toString(): string };

/** A request may take this long before it counts as a network failure. */
const REQUEST_TIMEOUT_MS = 30_000;
/** No answer of the server's is longer; more is not read. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

export interface ClientOptions {
  readonly serverUrl: string;
  readonly credential: Credential | null;
  readonly fetch: typeof fetch;
}

export interface Client {
  readonly serverUrl: string;
  readonly credential: Credential | null;
  /** Runs a query or mutation. Throws a CliError for every failure, by network or by server. */
  request<Data, Variables>(document: Document<Data, Variables>, variables: Variables): Promise<Data>;
  /** Follows a subscription until `signal` aborts or the server ends it. Reconnecting is the caller's, who holds the cursor. */
  subscribe<Data, Variables>(
    document: Document<Data, Variables>,
    variables: Variables,
    signal: AbortSignal,
  ): AsyncGenerator<Data>;
}

const GraphqlErrors = z.array(
  z.object({ message: z.string(), extensions: z.object({ code: z.string().optional() }).loose().optional() }).loose(),
);
const Answer = z.object({ data: z.unknown().optional(), errors: GraphqlErrors.optional() });

export function createClient({ serverUrl, credential, fetch }: ClientOptions): Client {
  const endpoint = `${serverUrl}/graphql`;
  const authorization = credential === null ? {} : { authorization: `Bearer ${credential.token}` };
  return {
    serverUrl,
    credential,
    async request<Data, Variables>(document: Document<Data, Variables>, variables: Variables) {
      const response = await send(fetch, endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...authorization },
        body: JSON.stringify({ query: document.toString(), variables }),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      const answer = Answer.safeParse(await readJson(response, endpoint));
      if (!answer.success) throw notMosis(endpoint, response.status);
      throwErrors(answer.data.errors, serverUrl, credential);
      // The document and this server's schema make the type; a server that breaks its schema shows as undefined fields.
      return answer.data.data as Data;
    },
    async *subscribe<Data, Variables>(document: Document<Data, Variables>, variables: Variables, signal: AbortSignal) {
      const socket = createSocket(endpoint, authorization);
      const stop = () => void socket.dispose();
      signal.addEventListener('abort', stop, { once: true });
      try {
        const results = socket.iterate<Data>({
          query: document.toString(),
          variables: Object.fromEntries(Object.entries(variables ?? {})),
        });
        for await (const { data, errors } of results) {
          throwErrors(GraphqlErrors.optional().parse(errors), serverUrl, credential);
          if (data !== undefined && data !== null) yield data;
        }
      } catch (error) {
        if (!signal.aborted) throw socketError(error, { endpoint, serverUrl, credential });
      } finally {
        signal.removeEventListener('abort', stop);
        await socket.dispose();
      }
    },
  };
}

function createSocket(endpoint: string, headers: Record<string, string>): SocketClient {
  class AuthorizedSocket extends WebSocket {
    constructor(address: string, protocols?: string | string[]) {
      super(address, protocols, { headers, handshakeTimeout: 10_000, maxPayload: MAX_ANSWER_BYTES });
    }
  }
  return createSocketClient({
    url: endpoint.replace(/^http/, 'ws'),
    webSocketImpl: AuthorizedSocket,
    connectionParams: headers,
    lazy: true,
    retryAttempts: 0,
    // A dead link is noticed within two of these.
    keepAlive: 15_000,
  });
}

/** The close codes that mean a credential ended (docs/ARCHITECTURE.md, live updates). */
const SIGN_IN_CLOSE_CODES = new Set([4401, 4403]);

interface Peer {
  readonly endpoint: string;
  readonly serverUrl: string;
  readonly credential: Credential | null;
}

function socketError(error: unknown, peer: Peer): unknown {
  if (error instanceof CliError) return error;
  const errors = GraphqlErrors.safeParse(error);
  if (errors.success) {
    try {
      throwErrors(errors.data, peer.serverUrl, peer.credential);
    } catch (failure) {
      return failure;
    }
  }
  const close = z.object({ code: z.number(), reason: z.string() }).safeParse(error);
  if (close.success && SIGN_IN_CLOSE_CODES.has(close.data.code)) return signInNeeded(peer.serverUrl, peer.credential);
  const why = close.success && close.data.reason !== '' ? `: ${close.data.reason}` : '';
  return new CliError('NETWORK', `The live connection to ${peer.serverUrl} ended${why}.`, {
    exit: EXIT.network,
    cause: error,
    next: 'mosis doctor',
  });
}

/** A fetch whose failures are CliErrors with exit code 7. */
export async function send(fetcher: typeof fetch, url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetcher(url, init);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error ? cause.message || cause.name : String(cause);
    throw new CliError('NETWORK', `${new URL(url).origin} cannot be reached: ${why}.`, {
      exit: EXIT.network,
      cause: error,
      next: 'mosis doctor (another server: --url or MOSIS_URL)',
    });
  }
}

/** The JSON of an answer, read up to a bound; undefined when it is none. */
export async function readJson(response: Response, url: string): Promise<unknown> {
  const declared = Number(response.headers.get('content-length') ?? 0);
  if (declared > MAX_ANSWER_BYTES) throw notMosis(url, response.status);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) throw notMosis(url, response.status);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

function notMosis(url: string, status: number): CliError {
  return new CliError('NETWORK', `${url} answered ${status}, and not as a Mosis server does.`, {
    exit: EXIT.network,
    next: 'check the address in --url or MOSIS_URL, then: mosis doctor',
  });
}

function signInNeeded(serverUrl: string, credential: Credential | null): CliError {
  const why =
    credential === null
      ? `You are not signed in at ${serverUrl}.`
      : credential.source === 'environment'
        ? `${serverUrl} does not accept the token in MOSIS_TOKEN (expired, revoked or of another server).`
        : `Your sign-in at ${serverUrl} has ended (expired or revoked).`;
  const next = credential?.source === 'environment' ? 'set MOSIS_TOKEN to a valid token' : 'mosis login';
  return new CliError('UNAUTHENTICATED', why, { exit: EXIT.signIn, next });
}

function throwErrors(
  errors: z.infer<typeof GraphqlErrors> | undefined,
  serverUrl: string,
  credential: Credential | null,
): void {
  const first = errors?.[0];
  if (first === undefined) return;
  const code = first.extensions?.code ?? 'INTERNAL';
  throw failureOf({ code, message: first.message }, { serverUrl, credential });
}

interface ServerFailure {
  readonly code: string;
  readonly message: string;
  readonly retryAfterSeconds?: number | undefined;
  readonly currentState?: string | null | undefined;
  readonly fields?: readonly { readonly path: string; readonly message: string }[] | undefined;
}

const NEXT_OF_CODE: Readonly<Record<string, string>> = {
  SCOPE_MISSING: 'make an API key with that scope in the portal, or: mosis login',
  FORBIDDEN: 'mosis whoami',
  KEY_UNKNOWN: 'mosis keys register',
  KEY_NOT_PINNED: 'mosis keys pin PACKAGE_ID, or sign with a pinned key: mosis sign --key FILE',
  KEY_ENDED: 'mosis keys list, then sign with an active key: mosis sign --key FILE',
  SIGNATURE_MISSING: 'mosis sign',
  ICON_MISSING: 'add icons."64" to manifest.json, then: mosis validate',
  VERSION_CODE_SPENT: 'raise version_code in manifest.json, then: mosis publish',
  PACKAGE_ID_TAKEN: 'choose another id in manifest.json',
  PACKAGE_REFUSED: 'mosis validate',
  UPLOAD_LIMIT: 'wait until an open upload has expired, or finish it with mosis publish',
  INTERNAL: 'try again; if it stays, give the reference to the operator',
};

/** What a server's error code and message become at the terminal. */
export function failureOf(
  failure: ServerFailure,
  { serverUrl, credential }: { serverUrl: string; credential: Credential | null },
): CliError {
  if (failure.code === 'UNAUTHENTICATED') return signInNeeded(serverUrl, credential);
  const wait = failure.retryAfterSeconds;
  const next = wait === undefined ? NEXT_OF_CODE[failure.code] : `wait ${wait} s and run the command again`;
  const details = (failure.fields ?? []).map((field) => `${field.path}: ${field.message}`);
  return new CliError(failure.code, failure.message, { ...(next === undefined ? {} : { next }), details });
}

/** The payload of a mutation's union; any other member is thrown as what it says. */
export function payloadOf<Result extends { __typename?: string }, Name extends NonNullable<Result['__typename']>>(
  result: Result,
  name: Name,
  client: Client,
): Extract<Result, { __typename?: Name }> {
  // Narrowing a generic union by a generic tag is beyond the checker; the tag was compared.
  if (result.__typename === name) return result as Extract<Result, { __typename?: Name }>;
  const failure = Failure.safeParse(result);
  throw failureOf(failure.success ? failure.data : { code: 'INTERNAL', message: 'The server gave no result.' }, client);
}

const Failure = z.object({
  code: z.string(),
  message: z.string(),
  retryAfterSeconds: z.number().optional(),
  currentState: z.string().nullish(),
  fields: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
