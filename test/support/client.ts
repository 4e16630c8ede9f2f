/** Owns a client of the public API for tests: GraphQL over HTTP and sockets, cookies as a browser sends them, tus uploads. */
import { createClient as createSocketClient, type Client as SocketClient } from 'graphql-ws';
import { Upload } from 'tus-js-client';
import { WebSocket } from 'ws';

/** What proves who is asking. */
export interface Session {
  /** The Cookie header; sent with our own Origin, as a browser does. */
  readonly cookie?: string;
  /** An API key or a CLI session, for Authorization. */
  readonly bearer?: string;
}

export interface GraphqlFailure {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string; readonly [key: string]: unknown };
}

/** One answer over HTTP, whatever it says. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly data: Record<string, unknown> | null | undefined;
  readonly errors: readonly GraphqlFailure[] | undefined;
  readonly text: string;
}

/** The payload or the problem of a mutation. */
export interface Outcome {
  readonly __typename: string;
  readonly code?: string;
  readonly message?: string;
  readonly currentState?: string | null;
  readonly fields?: readonly { readonly path: string; readonly message: string }[];
}

type Variables = Record<string, unknown>;

export interface Client {
  readonly url: string;
  readonly session: Session;
  /** The same client for somebody. */
  as(session: Session): Client;
  /** Sends a document and gives the answer as it came; `headers` are added. */
  send(query: string, variables?: Variables, headers?: Record<string, string>): Promise<Answer>;
  /** The data of a query; throws where there are errors. */
  query<Data = Record<string, unknown>>(query: string, variables?: Variables): Promise<Data>;
  /** The result of a document with one mutation; throws where the answer has top-level errors. */
  mutate<Result = Outcome>(query: string, variables?: Variables): Promise<Result>;
  /** Runs one mutation by its name, with its problems selected: `act('submitVersion', { versionId }, 'version { state }')`. */
  act<Payload = object>(name: string, input: Variables, selection?: string): Promise<Outcome & Payload>;
  /** As `act`, but throws for a problem. */
  done<Payload = object>(name: string, input: Variables, selection?: string): Promise<Outcome & Payload>;
  /** A graphql-ws client of its own; dispose it. `origin` is ours unless said otherwise; null sends none. */
  socket(options?: SocketOptions): SocketClient;
}

export interface SocketOptions {
  readonly origin?: string | null;
  readonly onClosed?: (event: { code: number; reason: string }) => void;
  readonly retryAttempts?: number;
  readonly onSocket?: (socket: WebSocket) => void;
}

/** A client of the server at `url`. */
export function createClient(url: string, session: Session = {}): Client {
  const proof = headersOf(url, session);

  async function send(query: string, variables: Variables = {}, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...proof,
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
    });
    return readAnswer(response);
  }

  async function data(query: string, variables?: Variables): Promise<Record<string, unknown>> {
    const answer = await send(query, variables);
    if (answer.errors !== undefined || answer.data == null) throw new Error(`${answer.status} ${answer.text}`);
    return answer.data;
  }

  const client: Client = {
    url,
    session,
    as: (other) => createClient(url, other),
    send,
    query: async <Data>(query: string, variables?: Variables) => (await data(query, variables)) as Data,
    mutate: async <Result>(query: string, variables?: Variables) =>
      Object.values(await data(query, variables))[0] as Result,
    act: (name, input, selection = '__typename') => client.mutate(mutationOf(name, selection), { input }),
    async done<Payload>(name: string, input: Variables, selection?: string) {
      const outcome = await client.act<Payload>(name, input, selection);
      if (outcome.code !== undefined) throw new Error(`${name}: ${outcome.code} ${outcome.message}`);
      return outcome;
    },
    socket: (options = {}) => openSocket(url, session, options),
  };
  return client;
}

/** What a browser page of the server's own origin, or a program with a key, sends. */
function headersOf(url: string, { cookie, bearer }: Session): Record<string, string> {
  if (bearer !== undefined) return { authorization: `Bearer ${bearer}` };
  return { origin: url, ...(cookie === undefined ? {} : { cookie }) };
}

/** Reads an answer of `/graphql`. */
export async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const body: { data?: Record<string, unknown>; errors?: GraphqlFailure[] } =
    text.startsWith('{') && text.endsWith('}') ? JSON.parse(text) : {};
  return { status: response.status, headers: response.headers, data: body.data, errors: body.errors, text };
}

function mutationOf(name: string, selection: string): string {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  return `mutation($input: ${type}Input!) { ${name}(input: $input) { __typename
    ... on ${type}Payload { ${selection} }
    ... on Error { code message }
    ... on ConflictError { currentState }
    ... on ValidationError { fields { path message } } } }`;
}

function openSocket(url: string, { cookie, bearer }: Session, options: SocketOptions): SocketClient {
  const { origin = url, onClosed, onSocket, retryAttempts = 0 } = options;
  class OriginSocket extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols, {
        headers: { ...(origin === null ? {} : { origin }), ...(cookie === undefined ? {} : { cookie }) },
      });
      onSocket?.(this);
    }
  }
  return createSocketClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: OriginSocket,
    lazy: true,
    retryAttempts,
    retryWait: async () => {},
    shouldRetry: () => retryAttempts > 0,
    ...(bearer === undefined ? {} : { connectionParams: { authorization: `Bearer ${bearer}` } }),
    on: { closed: (event) => onClosed?.(event as { code: number; reason: string }) },
  });
}

/** The Cookie header that a browser makes of the answer's Set-Cookie. Throws where none was set. */
export function cookieOf(answer: Answer): string {
  const cookie = answer.headers.getSetCookie()[0]?.split(';', 1)[0];
  if (cookie === undefined) throw new Error(`no cookie was set: ${answer.text}`);
  return cookie;
}

/** Where bytes go and what opens it. */
export interface UploadTarget {
  readonly url: string;
  readonly token: string;
}

/** Sends all bytes as the portal and the CLI do, resuming where the server says. Rejects with what tus-js-client rejects with. */
export function tusUpload({ url, token }: UploadTarget, bytes: Uint8Array, chunkSize = Infinity): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const upload = new Upload(Buffer.from(bytes), {
    uploadUrl: url,
    headers: { Authorization: `Bearer ${token}` },
    retryDelays: null,
    chunkSize,
    onError: reject,
    onSuccess: () => resolve(),
  });
  upload.start();
  return promise;
}

/** One PATCH at `offset`, by hand. */
export function tusPatch({ url, token }: UploadTarget, bytes: Uint8Array, offset = 0): Promise<Response> {
  return fetch(url, {
    method: 'PATCH',
    headers: {
      'tus-resumable': '1.0.0',
      'upload-offset': String(offset),
      'content-type': 'application/offset+octet-stream',
      authorization: `Bearer ${token}`,
    },
    body: Buffer.from(bytes),
  });
}

/** One HEAD, by hand. */
export function tusHead({ url, token }: UploadTarget): Promise<Response> {
  return fetch(url, { method: 'HEAD', headers: { 'tus-resumable': '1.0.0', authorization: `Bearer ${token}` } });
}
