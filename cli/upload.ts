/** Owns getting a package's bytes to the server by tus, going on where an earlier run broke off, and waiting for the verdict. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DetailedError, Upload } from 'tus-js-client';
import { z } from 'zod';
import { type Client, payloadOf } from './client.ts';
import type { Context } from './context.ts';
import { configFolder } from './credentials.ts';
import { CliError, EXIT, systemCode } from './errors.ts';
import { writeFileAtomic } from './files.ts';
import {
  RenewUploadDocument,
  StartUploadDocument,
  UploadStateDocument,
  type UploadStateQuery,
} from './generated/operations.ts';
import type { Progress } from './output.ts';
import { dim, t } from './text.ts';

/** Bytes of one PATCH: what a broken link costs at most. */
const CHUNK_BYTES = 4 * 1024 * 1024;
const RETRY_DELAYS_MS = [500, 1_000, 3_000, 5_000, 10_000, 20_000];
const VERDICT_TIMEOUT_MS = 5 * 60_000;
const FIRST_POLL_MS = 200;
const MAX_POLL_MS = 2_000;

export interface PackageToUpload {
  readonly appId: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly releaseNotes: string | undefined;
}

export type UploadVerdict = NonNullable<UploadStateQuery['upload']>;

/** Uploads and waits: gives the upload as ACCEPTED or REFUSED. */
export async function uploadPackage(context: Context, client: Client, pack: PackageToUpload): Promise<UploadVerdict> {
  const pending = createPending(context, client.serverUrl);
  const open = (await resume(client, await pending.find(pack), pack)) ?? (await start(client, pack));
  await pending.remember(pack, open.id);
  const bar = context.output.progress('upload', pack.bytes.length);
  try {
    await transfer(client, { open, pack, bar });
  } finally {
    bar.end();
  }
  const verdict = await waitForVerdict(client, open.id);
  await pending.forget(pack);
  return verdict;
}

interface OpenUpload {
  readonly id: string;
  readonly url: string;
  readonly token: string;
}

async function start(client: Client, { appId, bytes, sha256, releaseNotes }: PackageToUpload): Promise<OpenUpload> {
  const input = {
    appId,
    size: bytes.length,
    sha256,
    via: 'CLI' as const,
    ...(releaseNotes === undefined ? {} : { releaseNotes }),
  };
  const { startUpload } = await client.request(StartUploadDocument, { input });
  const { upload, token } = payloadOf(startUpload, 'StartUploadPayload', client);
  return { id: upload.id, url: upload.url, token };
}

/** Codes that say that an upload is gone, so that a new one is begun. */
const GONE = new Set(['NOT_FOUND', 'UPLOAD_EXPIRED', 'CONFLICT', 'STATE_CONFLICT', 'VALIDATION', 'BAD_REQUEST']);

async function resume(
  client: Client,
  uploadId: string | null,
  { sha256 }: PackageToUpload,
): Promise<OpenUpload | null> {
  if (uploadId === null) return null;
  try {
    const { renewUpload } = await client.request(RenewUploadDocument, { input: { uploadId } });
    const { upload, token } = payloadOf(renewUpload, 'RenewUploadPayload', client);
    return upload.sha256 === sha256 && upload.state !== 'REFUSED' ? { id: upload.id, url: upload.url, token } : null;
  } catch (error) {
    if (error instanceof CliError && GONE.has(error.code)) return null;
    throw error;
  }
}

interface Transfer {
  readonly open: OpenUpload;
  readonly pack: PackageToUpload;
  readonly bar: Progress;
}

function transfer(client: Client, { open, pack, bar }: Transfer): Promise<void> {
  let token = open.token;
  return new Promise((resolve, reject) => {
    const upload = new Upload(Buffer.from(pack.bytes), {
      uploadUrl: open.url,
      chunkSize: CHUNK_BYTES,
      retryDelays: RETRY_DELAYS_MS,
      onProgress: (sent) => bar.update(sent),
      onBeforeRequest: (request) => request.setHeader('Authorization', `Bearer ${token}`),
      // A token lives an hour; a slow line gets a new one and goes on.
      onAfterResponse: async (_, response) => {
        if (response.getStatus() !== 401) return;
        const { renewUpload } = await client.request(RenewUploadDocument, { input: { uploadId: open.id } });
        token = payloadOf(renewUpload, 'RenewUploadPayload', client).token;
      },
      onShouldRetry: (error) => {
        const status = error instanceof DetailedError ? (error.originalResponse?.getStatus() ?? 0) : 0;
        return status === 0 || status === 401 || status === 409 || status === 423 || status === 429 || status >= 500;
      },
      onSuccess: () => {
        bar.update(pack.bytes.length);
        resolve();
      },
      onError: (error) => reject(uploadError(error)),
    });
    upload.start();
  });
}

function uploadError(error: Error): CliError {
  if (error instanceof CliError) return error;
  const response = error instanceof DetailedError ? error.originalResponse : null;
  const next = 'mosis publish (goes on where the upload broke off)';
  if (response === null)
    return new CliError('NETWORK', 'The upload broke off and could not be resumed.', { next, cause: error });
  const body = response.getBody().slice(0, 300).trim();
  const message = `The server refused the upload (${response.getStatus()})${body === '' ? '' : `: ${body}`}.`;
  return new CliError('UPLOAD_REFUSED', message, { exit: EXIT.failed, next, cause: error });
}

async function waitForVerdict(client: Client, id: string): Promise<UploadVerdict> {
  const until = performance.now() + VERDICT_TIMEOUT_MS;
  for (let waitMs = FIRST_POLL_MS; performance.now() < until; waitMs = Math.min(MAX_POLL_MS, waitMs * 1.5)) {
    const { upload } = await client.request(UploadStateDocument, { id });
    if (upload === null)
      throw new CliError('UPLOAD_EXPIRED', 'The upload is no longer there.', { next: 'mosis publish' });
    if (upload.state === 'ACCEPTED' || upload.state === 'REFUSED') return upload;
    await delay(waitMs);
  }
  throw new CliError('TIMEOUT', 'The server took the bytes, but has not judged them within five minutes.', {
    next: 'mosis publish',
  });
}

const PendingFile = z.record(z.string(), z.string());

/** Uploads that were begun and not finished, by server, app and hash. Losing this file costs a repeated upload, no more. */
function createPending(context: Context, serverUrl: string) {
  const path = join(configFolder(context.env), 'uploads.json');
  const keyOf = ({ appId, sha256 }: PackageToUpload) => `${serverUrl} ${appId} ${sha256}`;
  const read = async (): Promise<Record<string, string>> => {
    try {
      return PendingFile.catch({}).parse(JSON.parse(await readFile(path, 'utf8')));
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return {};
      throw error;
    }
  };
  const write = (pending: Record<string, string>) =>
    writeFileAtomic(path, `${JSON.stringify(pending)}\n`, { mode: 0o600, folderMode: 0o700 });
  return {
    find: async (pack: PackageToUpload) => {
      const id = (await read())[keyOf(pack)] ?? null;
      if (id !== null) context.output.note(dim(t`Going on with an upload that was begun earlier.`));
      return id;
    },
    remember: async (pack: PackageToUpload, id: string) => write({ ...(await read()), [keyOf(pack)]: id }),
    forget: async (pack: PackageToUpload) => {
      const { [keyOf(pack)]: _, ...rest } = await read();
      await write(rest);
    },
  };
}
