/** Owns getting a package's bytes into `downloads/`: resumed where they broke off, counted and hashed. It judges no content. */
import { createHash } from 'node:crypto';
import { readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type DeltaBase, deltaPaths, downloadByDelta } from './delta.ts';
import { exists, readIfThere, removeFile, replaceFile } from './durable.ts';
import { DeviceError } from './errors.ts';
import { asksToWait, followRedirects, type Network, reprDigest } from './http.ts';
import { namesIn } from './storage.ts';
import { type Again, append, goOn, parseNote, slowDown } from './transfer.ts';

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
  await goOn(options.network, () => transfer(options, path, notePath));
  return await finish(path, notePath, offer);
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

async function transfer(options: DownloadOptions, path: string, notePath: string): Promise<Again | 'done'> {
  const { network, offer } = options;
  const partial = await readPartial(path, notePath, offer.sizeBytes);
  if (partial !== null && partial.sizeBytes === offer.sizeBytes) return 'done';
  const range = partial === null ? {} : { range: `bytes=${partial.sizeBytes}-`, 'if-range': partial.etag };
  // A transfer coding would make the bytes on the wire others than the ones that offset and hash speak of.
  const headers = { 'accept-encoding': 'identity', ...range };
  const have = partial?.sizeBytes ?? 0;
  const stall = new AbortController();
  let answer: { response: Response; url: string };
  try {
    answer = await followRedirects(network, offer.url, { headers, signal: stall.signal });
  } catch (error) {
    if (error instanceof DeviceError && error.code === 'NETWORK') return { error, waitMs: null, have };
    throw error;
  }
  const { response, url } = answer;
  if (asksToWait(response)) return await slowDown(network, response, have);
  if (response.status === 416) {
    await response.body?.cancel();
    await discardDownload(options.folder, offer.sha256);
    const error = new DeviceError('PROTOCOL', 'The server refuses to continue the download.');
    return { error, waitMs: null, have: 0 };
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

async function receive(options: DownloadOptions, receiving: Receiving): Promise<Again | 'done'> {
  const { response, url, path, notePath, stall } = receiving;
  const { offer, folder, onProgress } = options;
  const note = await checkHeaders(receiving, offer);
  const have = response.status === 206 ? receiving.have : 0;
  if (have === 0) {
    await removeFile(path);
    await replaceFile(notePath, JSON.stringify(note));
  }
  try {
    const outcome = await append({ response, url, path, have, sizeBytes: offer.sizeBytes, stall, onProgress });
    if (outcome !== 'more') return outcome;
  } catch (error) {
    await discardDownload(folder, offer.sha256);
    throw error;
  }
  await discardDownload(folder, offer.sha256);
  throw new DeviceError(
    'DOWNLOAD_CORRUPT',
    `The server sends more than the ${offer.sizeBytes} bytes that the signed metadata names.`,
  );
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
  const note = Partial.safeParse(parseNote(noteBytes));
  return note.success && size <= sizeBytes ? { ...note.data, sizeBytes: size } : null;
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
