/** Owns talking to a running server as its clients do: GraphQL with a cookie of its own, tus, REST. It knows no demo content. */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const REQUEST_TIMEOUT_MS = 30_000;
const POLL_MS = 60;
const CHUNK_BYTES = 1024 * 1024;

/** A refusal by the server: its code, and the seconds to wait where it said so. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  readonly retryAfterSeconds: number | null;

  constructor(code: string, message: string, retryAfterSeconds: number | null = null) {
    super(`${code}: ${message}`);
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const GraphqlAnswer = z.object({
  data: z.unknown().optional(),
  errors: z
    .array(z.object({ message: z.string(), extensions: z.looseObject({ code: z.string() }).optional() }))
    .optional(),
});
const Failure = z.object({ code: z.string(), message: z.string(), retryAfterSeconds: z.number().optional() });
const PlatformAnswer = z.object({ platform: z.object({ publicUrl: z.string(), setupNeeded: z.boolean() }) });
const StartedUpload = z.object({ token: z.string(), upload: z.object({ id: z.string(), url: z.string() }) });
const UploadAnswer = z.object({
  upload: z
    .object({
      state: z.string(),
      findings: z.array(z.object({ code: z.string(), message: z.string() })),
      version: z.object({ id: z.string() }).nullable(),
    })
    .nullable(),
});

export interface UploadInput {
  readonly appId: string;
  readonly bytes: Uint8Array;
  readonly releaseNotes?: string;
  readonly idempotencyKey?: string;
}

/** One person at one server; signs in by what the mutations set as cookie. */
export interface Client {
  /** The address requests go to, without a trailing slash. */
  readonly url: string;
  /** The address the server gives out. */
  readonly publicUrl: string;
  /** Whether the installation had no admin yet when this connection was made. */
  readonly setupNeeded: boolean;
  /** Runs an operation. Throws ApiError for what the server refuses, and whatever fetch throws. */
  query<Data>(document: string, variables: Record<string, unknown>, answer: z.ZodType<Data>): Promise<Data>;
  /** Runs the mutation `name` with its one `input`; gives the payload, of which `fields` are asked for. */
  mutate<Data>(name: string, input: Record<string, unknown>, fields: string, payload: z.ZodType<Data>): Promise<Data>;
  /** Starts an upload, sends the bytes, and waits for the draft. Throws ApiError PACKAGE_REFUSED with the findings. */
  upload(input: UploadInput): Promise<string>;
  /** Sends bytes to a started upload from the offset that the server has. */
  sendBytes(upload: { readonly url: string; readonly token: string }, bytes: Uint8Array): Promise<void>;
  /** Waits for the verdict about a complete upload; gives the draft's id. */
  draftOf(uploadId: string): Promise<string>;
  /** A client at the same server that is not signed in. */
  anotherPerson(): Client;
}

/** A client without a sign-in. `url` is where the server listens; what it calls itself is asked for. */
export async function connect(url: string): Promise<Client> {
  const base = url.replace(/\/+$/, '');
  // Without an Origin: the server's own is only known afterwards.
  const { platform } = await createClient(base, { publicUrl: '', setupNeeded: false }).query(
    '{ platform { publicUrl setupNeeded } }',
    {},
    PlatformAnswer,
  );
  return createClient(base, platform);
}

function createClient(url: string, platform: z.infer<typeof PlatformAnswer>['platform']): Client {
  const jar = new Map<string, string>();
  const origin = platform.publicUrl;

  async function request(document: string, variables: Record<string, unknown>): Promise<unknown> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        // Cookies count only with the server's own origin.
        ...(origin === '' ? {} : { origin }),
        ...(cookie === '' ? {} : { cookie }),
      },
      body: JSON.stringify({ query: document, variables }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1);
      const at = pair.indexOf('=');
      if (at > 0) jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const { data, errors } = GraphqlAnswer.parse(await response.json());
    const [first] = errors ?? [];
    if (first !== undefined) throw new ApiError(first.extensions?.code ?? 'INTERNAL', first.message);
    return data;
  }

  const client: Client = {
    url,
    ...platform,
    query: async (document, variables, answer) => answer.parse(await request(document, variables)),

    async mutate(name, input, fields, payload) {
      const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
      const document = `mutation ($input: ${type}Input!) { ${name}(input: $input) { __typename
        ... on ${type}Payload { ${fields} }
        ... on Error { code message }
        ... on RateLimitedError { retryAfterSeconds } } }`;
      const data = z
        .record(z.string(), z.looseObject({ __typename: z.string() }))
        .parse(await request(document, { input }));
      const result = data[name];
      if (result?.__typename === `${type}Payload`) return payload.parse(result);
      const failure = Failure.parse(result);
      throw new ApiError(failure.code, failure.message, failure.retryAfterSeconds ?? null);
    },

    async upload({ appId, bytes, releaseNotes = '', idempotencyKey }) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const { upload, token } = await client.mutate(
        'startUpload',
        {
          appId,
          size: bytes.length,
          sha256,
          releaseNotes,
          ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        },
        'token upload { id url }',
        StartedUpload,
      );
      await client.sendBytes({ url: upload.url, token }, bytes);
      return client.draftOf(upload.id);
    },

    async sendBytes({ url: uploadUrl, token }, bytes) {
      const target = `${url}${new URL(uploadUrl).pathname}`;
      const headers = { 'tus-resumable': '1.0.0', authorization: `Bearer ${token}` };
      const head = await fetch(target, { method: 'HEAD', headers, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
      if (!head.ok) throw new ApiError('UPLOAD', `the upload answered ${head.status}`);
      let offset = Number(head.headers.get('upload-offset'));
      while (offset < bytes.length) {
        const response = await fetch(target, {
          method: 'PATCH',
          headers: { ...headers, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
          body: Buffer.from(bytes.subarray(offset, offset + CHUNK_BYTES)),
          signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        });
        if (!response.ok)
          throw new ApiError('UPLOAD', `the upload answered ${response.status}: ${await response.text()}`);
        offset = Number(response.headers.get('upload-offset'));
      }
    },

    async draftOf(uploadId) {
      for (;;) {
        const document = 'query ($id: ID!) { upload(id: $id) { state findings { code message } version { id } } }';
        const { upload } = await client.query(document, { id: uploadId }, UploadAnswer);
        if (upload === null) throw new ApiError('NOT_FOUND', 'The upload is gone.');
        if (upload.version !== null) return upload.version.id;
        if (upload.state === 'REFUSED') {
          const findings = upload.findings.map((found) => `${found.code} ${found.message}`);
          throw new ApiError('PACKAGE_REFUSED', findings.join('; '));
        }
        await delay(POLL_MS);
      }
    },

    anotherPerson: () => createClient(url, platform),
  };
  return client;
}
