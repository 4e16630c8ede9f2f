/** Owns getting a package's bytes into `downloads/`: resumed where they broke off, counted and hashed. It judges no content. */
import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type DeltaBase, deltaPaths, downloadByDelta } from './delta.ts';
import { exists, readIfThere, removeFile, replaceFile } from './durable.ts';
import { DeviceError, storageError } from './errors.ts';
import {
  asksToWait,
  followRedirects,
  MAX_ATTEMPTS,
  type Network,
  networkError,
  reprDigest,
  retryAfterMs,
  waitBefore,
} from './http.ts';
import { namesIn } from './storage.ts';

/** What is known of a partial file: only with the same strong ETag may it be continued. */
const Partial = z.object({ etag: z.string().regex(/^"[^"]+"$/) });
type Partial = z.infer<typeof Partial>;

export interface Download {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** A package as the signed metadata names it, and where it is to be had. */
export interface Wanted {
  readonly packageId: string;
  readonly versionCode: number;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly url: string;
}

export interface DownloadOptions {
  readonly network: Network;
  readonly folder: string;
  readonly offer: Wanted;
  /** An earlier package that this device has the file of: the way is a delta then, where the server has one. */
  readonly base?: DeltaBase | null;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Downloads what is wanted. The partial file is named by the promised hash, so an interrupted download goes on in the
 * next call or after a restart, and the bytes of two versions never mix.
 */
export async function downloadPackage(options: DownloadOptions): Promise<Download> {
  const { offer, folder } = options;
  const path = join(folder, `${offer.sha256}.part`);
  const notePath = join(folder, `${offer.sha256}.json`);
  // A full download that was begun goes on.
  if (options.base && !(await exists(path)) && (await downloadByDelta(options, options.base, path)))
    return await finish(path, notePath, offer);
  let attempt = 0;
  let reached = 0;
  for (;;) {
    const outcome = await transfer(options, path, notePath);
    if (outcome.kind === 'done') return await finish(path, notePath, offer);
    // Only tries that bring nothing count: a long download over a bad link is not given up while it moves.
    attempt = outcome.sizeBytes > reached ? 0 : attempt + 1;
    reached = Math.max(reached, outcome.sizeBytes);
    if (attempt >= MAX_ATTEMPTS) throw outcome.error;
    await waitBefore(options.network, Math.max(0, attempt - 1), outcome.waitMs);
  }
}

/** Removes a download that was installed or found wrong. */
export async function discardDownload(folder: string, sha256: string): Promise<void> {
  await removeFile(join(folder, `${sha256}.part`));
  await removeFile(join(folder, `${sha256}.json`));
  const delta = deltaPaths(folder, sha256);
  await removeFile(delta.part);
  await removeFile(delta.note);
}

/** Partial files of versions that nobody asked for any more. */
const STALE_MS = 7 * 86_400_000;

/** Removes downloads that were begun and not touched for a week. */
export async function sweepDownloads(folder: string, now: Date): Promise<void> {
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    if (now.getTime() - (await stat(path)).mtimeMs > STALE_MS) await removeFile(path);
  }
}

type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly error: DeviceError; readonly waitMs: number | null; readonly sizeBytes: number };

/** A body that brings no byte for this long counts as broken off. */
const STALL_MS = 30_000;

async function transfer(options: DownloadOptions, path: string, notePath: string): Promise<Outcome> {
  const { network, offer } = options;
  const partial = await readPartial(path, notePath, offer.sizeBytes);
  if (partial !== null && partial.sizeBytes === offer.sizeBytes) return { kind: 'done' };
  const range = partial === null ? {} : { range: `bytes=${partial.sizeBytes}-`, 'if-range': partial.etag };
  // A transfer coding would make the bytes on the wire others than the ones that offset and hash speak of.
  const headers = { 'accept-encoding': 'identity', ...range };
  const have = partial?.sizeBytes ?? 0;
  const stall = new AbortController();
  let answer: { response: Response; url: string };
  try {
    answer = await followRedirects(network, offer.url, { headers, signal: stall.signal });
  } catch (error) {
    if (error instanceof DeviceError && error.code === 'NETWORK')
      return { kind: 'again', error, waitMs: null, sizeBytes: have };
    throw error;
  }
  const { response, url } = answer;
  if (asksToWait(response)) {
    await response.body?.cancel();
    const error = new DeviceError('RATE_LIMITED', `The server asks to slow down (${response.status}).`);
    return { kind: 'again', error, waitMs: retryAfterMs(response, network.clock()), sizeBytes: have };
  }
  if (response.status === 416) {
    await response.body?.cancel();
    await discardDownload(options.folder, offer.sha256);
    const error = new DeviceError('PROTOCOL', 'The server refuses to continue the download.');
    return { kind: 'again', error, waitMs: null, sizeBytes: 0 };
  }
  return await receive(options, { response, url, path, notePath, have, stall });
}

interface Receiving {
  readonly response: Response;
  readonly url: string;
  readonly path: string;
  readonly notePath: string;
  readonly have: number;
  readonly stall: AbortController;
}

async function receive(options: DownloadOptions, receiving: Receiving): Promise<Outcome> {
  const { response, url, path, notePath } = receiving;
  const { offer, onProgress } = options;
  const note = await checkHeaders(receiving, offer);
  const offset = response.status === 206 ? receiving.have : 0;
  if (offset === 0) {
    await removeFile(path);
    await replaceFile(notePath, JSON.stringify(note));
  }
  const file = await open(path, 'a', 0o644);
  let size = offset;
  const stalled = () => receiving.stall.abort(new Error('no byte within 30 s'));
  let timer = setTimeout(stalled, STALL_MS);
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > offer.sizeBytes)
        throw new DeviceError(
          'DOWNLOAD_CORRUPT',
          `The server sends more than the ${offer.sizeBytes} bytes that the signed metadata names.`,
        );
      clearTimeout(timer);
      timer = setTimeout(stalled, STALL_MS);
      await writeAll(file, chunk);
      onProgress?.(size, offer.sizeBytes);
    }
  } catch (error) {
    if (error instanceof DeviceError) {
      await discardDownload(options.folder, offer.sha256);
      throw error;
    }
    return { kind: 'again', error: networkError(url, error), waitMs: null, sizeBytes: size };
  } finally {
    clearTimeout(timer);
    await file.sync();
    await file.close();
  }
  if (size === offer.sizeBytes) return { kind: 'done' };
  const error = new DeviceError('NETWORK', `The download broke off at byte ${size} of ${offer.sizeBytes}.`);
  return { kind: 'again', error, waitMs: null, sizeBytes: size };
}

/** Writes a whole chunk. Throws DISK_FULL or STORAGE_FAILED. */
export async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  let written = 0;
  try {
    while (written < chunk.byteLength) written += (await file.write(chunk, written)).bytesWritten;
  } catch (error) {
    // Told apart from a link that broke, which is tried again.
    throw storageError(error);
  }
}

/** Refuses an answer before its body is read: status, range, size, digest, signature. */
async function checkHeaders({ response, url, have }: Receiving, offer: Wanted): Promise<Partial> {
  const refuse = async (code: 'PROTOCOL' | 'NOT_FOUND' | 'DOWNLOAD_CORRUPT', why: string) => {
    await response.body?.cancel();
    throw new DeviceError(code, why);
  };
  const { headers, status } = response;
  if (status === 404) await refuse('NOT_FOUND', `The store has nothing to download for ${offer.packageId}.`);
  if (status !== 200 && status !== 206) await refuse('PROTOCOL', `${url} answered ${status}.`);
  const length = Number(headers.get('content-length') ?? Number.NaN);
  if (status === 200 && !Number.isNaN(length) && length !== offer.sizeBytes)
    await refuse('DOWNLOAD_CORRUPT', `The server sends ${length} bytes instead of ${offer.sizeBytes}.`);
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '');
    if (range === null || Number(range[1]) !== have || Number(range[2]) !== offer.sizeBytes)
      await refuse('PROTOCOL', 'The server continues another file than the one that was begun.');
  }
  const digest = reprDigest(headers.get('repr-digest'));
  if (digest !== null && digest !== offer.sha256)
    await refuse('DOWNLOAD_CORRUPT', 'The file behind the download has another hash than the signed metadata names.');
  const note = Partial.safeParse({ etag: headers.get('etag') });
  if (!note.success) await refuse('PROTOCOL', 'The download carries no strong ETag.');
  return Partial.parse(note.data);
}

/** What an earlier try left, or null when there is nothing to go on from. */
async function readPartial(
  path: string,
  notePath: string,
  sizeBytes: number,
): Promise<(Partial & { sizeBytes: number }) | null> {
  const noteBytes = await readIfThere(notePath);
  if (noteBytes === null || !(await exists(path))) return null;
  const { size } = await stat(path);
  if (size === 0) return null;
  if (size > sizeBytes) await truncate(path, 0);
  const note = Partial.safeParse(parseJson(noteBytes.toString('utf8')));
  return note.success && size <= sizeBytes ? { ...note.data, sizeBytes: size } : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function finish(path: string, notePath: string, offer: Wanted): Promise<Download> {
  const bytes = await readFile(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (bytes.length === offer.sizeBytes && sha256 === offer.sha256) return { path, bytes, sha256 };
  await removeFile(path);
  await removeFile(notePath);
  throw new DeviceError(
    'DOWNLOAD_CORRUPT',
    `The download has the hash ${sha256} instead of ${offer.sha256}; it was deleted.`,
  );
}
