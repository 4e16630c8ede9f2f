/**
 * Owns updates by delta (RFC 9842): the installed packages kept as dictionaries, and getting a wanted package's bytes by a
 * delta from one. It trusts no delta: what comes out is the promised package to the byte, or nothing. It installs nothing.
 */
import { createHash } from 'node:crypto';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DeltaUnfit, decodeDelta, KNOWS_DELTAS } from '../format/delta.ts';
import { type DownloadOptions, writeAll } from './download.ts';
import { exists, makeFolder, readIfThere, removeFile, replaceFile, syncFolder, writeSynced } from './durable.ts';
import { DeviceError } from './errors.ts';
import { asksToWait, followRedirects, MAX_ATTEMPTS, networkError, retryAfterMs, waitBefore } from './http.ts';
import { namesIn, type Storage } from './storage.ts';

/** A package that this device has the file of. */
export interface DeltaBase {
  readonly path: string;
  readonly sha256: string;
}

const ENDING = '.mosis';
const basesFolder = (storage: Storage): string => join(storage.folders.state, 'bases');
const basePath = (storage: Storage, packageId: string): string => join(basesFolder(storage), `${packageId}${ENDING}`);

/** The kept file of an installed app, or null. Whether it still is what was installed shows when it is read. */
export async function installedBase(storage: Storage, packageId: string, sha256: string): Promise<DeltaBase | null> {
  const path = basePath(storage, packageId);
  return KNOWS_DELTAS && (await exists(path)) ? { path, sha256 } : null;
}

/**
 * Keeps the file of the package that was just installed, one an app, in place of the one before. After a kill there is the file
 * of another version or none, which costs a full download and nothing else.
 */
export async function keepBase(storage: Storage, packageId: string, downloadPath: string): Promise<void> {
  const folder = basesFolder(storage);
  await makeFolder(folder, 0o700);
  await rename(downloadPath, basePath(storage, packageId));
  await syncFolder(folder);
}

/** Gives up the kept file of an app, which costs the next update a full download. */
export async function dropBase(storage: Storage, packageId: string): Promise<void> {
  if (await exists(basePath(storage, packageId))) await removeFile(basePath(storage, packageId));
}

/** Removes the kept files of apps that are not installed. */
export async function sweepBases(storage: Storage): Promise<void> {
  const installed = await storage.readInstalled();
  for (const name of await namesIn(basesFolder(storage))) {
    if (!name.endsWith(ENDING) || !Object.hasOwn(installed, name.slice(0, -ENDING.length)))
      await removeFile(join(basesFolder(storage), name));
  }
}

/** A delta under way: only with the same strong ETag, and from the same base, may it be continued. */
const Note = z.object({
  etag: z.string().regex(/^"[^"]+"$/),
  base: z.string(),
  sizeBytes: z.int().positive(),
});
type Note = z.infer<typeof Note>;

/** Names of a delta under way, beside those of the full download. */
export function deltaPaths(folder: string, sha256: string): { readonly part: string; readonly note: string } {
  return { part: join(folder, `${sha256}.delta`), note: join(folder, `${sha256}.delta.json`) };
}

/**
 * Writes the wanted package to `target`, made of the base and a delta. False where there is no delta, or it is not what it should
 * be: then the full download is the way. Throws NETWORK or RATE_LIMITED like a full download; what came is kept for the next try.
 */
export async function downloadByDelta(options: DownloadOptions, base: DeltaBase, target: string): Promise<boolean> {
  const dictionary = await readFile(base.path);
  if (sha256Of(dictionary) !== base.sha256) return false;
  const paths = deltaPaths(options.folder, options.offer.sha256);
  const delta = await fetchDelta(options, base, paths);
  if (delta === null) {
    await discard(paths);
    return false;
  }
  try {
    const made = await decodeDelta(delta, dictionary, options.offer.sizeBytes);
    if (sha256Of(made) !== options.offer.sha256) return false;
    await writeSynced(target, made);
    return true;
  } catch (error) {
    if (error instanceof DeltaUnfit) return false;
    throw error;
  } finally {
    await discard(paths);
  }
}

/** A body that brings no byte for this long counts as broken off. */
const STALL_MS = 30_000;

type Paths = ReturnType<typeof deltaPaths>;

async function discard({ part, note }: Paths): Promise<void> {
  await removeFile(part);
  await removeFile(note);
}

type Step =
  | { readonly kind: 'done' }
  | { readonly kind: 'none' }
  | { readonly kind: 'again'; readonly error: DeviceError; readonly waitMs: number | null; readonly have: number };

/** The bytes of the delta, or null where the server has none for us. */
async function fetchDelta(options: DownloadOptions, base: DeltaBase, paths: Paths): Promise<Buffer | null> {
  let attempt = 0;
  let reached = 0;
  for (;;) {
    const step = await transfer(options, base, paths);
    if (step.kind === 'none') return null;
    if (step.kind === 'done') return await readFile(paths.part);
    attempt = step.have > reached ? 0 : attempt + 1;
    reached = Math.max(reached, step.have);
    if (attempt >= MAX_ATTEMPTS) throw step.error;
    await waitBefore(options.network, Math.max(0, attempt - 1), step.waitMs);
  }
}

async function transfer(options: DownloadOptions, base: DeltaBase, paths: Paths): Promise<Step> {
  const partial = await readPartial(paths, base);
  if (partial !== null && partial.have === partial.sizeBytes) return { kind: 'done' };
  const have = partial?.have ?? 0;
  try {
    if (partial === null) {
      // A server without a delta would send the whole package in answer to a GET.
      const head = await ask(options, base, 'HEAD', {});
      if (asksToWait(head.response)) return slowDown(options, head.response, have);
      const note = noteOf(head.response, base, options.offer.sizeBytes);
      if (note === null) return { kind: 'none' };
      await removeFile(paths.part);
      await replaceFile(paths.note, JSON.stringify(note));
      return await receive(options, base, paths, { ...note, have });
    }
    return await receive(options, base, paths, partial);
  } catch (error) {
    if (error instanceof DeviceError && error.code === 'NETWORK')
      return { kind: 'again', error, waitMs: null, have: (await readPartial(paths, base))?.have ?? 0 };
    throw error;
  }
}

function ask(
  { network, offer }: DownloadOptions,
  base: DeltaBase,
  method: string,
  { signal, ...more }: { readonly range?: string; readonly 'if-range'?: string; readonly signal?: AbortSignal },
) {
  const headers = {
    'accept-encoding': 'dcz',
    'available-dictionary': `:${Buffer.from(base.sha256, 'hex').toString('base64')}:`,
    ...more,
  };
  return followRedirects(network, offer.url, { method, headers, ...(signal === undefined ? {} : { signal }) });
}

function slowDown({ network }: DownloadOptions, response: Response, have: number): Step {
  const error = new DeviceError('RATE_LIMITED', `The server asks to slow down (${response.status}).`);
  return { kind: 'again', error, waitMs: retryAfterMs(response, network.clock()), have };
}

/** Null for an answer that is no delta smaller than the package. */
function noteOf({ status, headers }: Response, base: DeltaBase, mostBytes: number): Note | null {
  if (status !== 200 || headers.get('content-encoding') !== 'dcz') return null;
  const note = Note.safeParse({
    etag: headers.get('etag'),
    base: base.sha256,
    sizeBytes: Number(headers.get('content-length') ?? Number.NaN),
  });
  return note.success && note.data.sizeBytes < mostBytes ? note.data : null;
}

/** Takes bytes from where the partial ends; an answer that is not the rest of this very delta ends the attempt at deltas. */
async function receive(
  options: DownloadOptions,
  base: DeltaBase,
  paths: Paths,
  partial: Note & { have: number },
): Promise<Step> {
  const { etag, sizeBytes, have } = partial;
  const stall = new AbortController();
  const more = { range: `bytes=${have}-`, 'if-range': etag, signal: stall.signal };
  const { response, url } = await ask(options, base, 'GET', more);
  if (asksToWait(response)) {
    await response.body?.cancel();
    return slowDown(options, response, have);
  }
  const { headers } = response;
  const expected = `bytes ${have}-${sizeBytes - 1}/${sizeBytes}`;
  const isRest = response.status === 206 && headers.get('content-range') === expected;
  if (!isRest || headers.get('content-encoding') !== 'dcz' || headers.get('etag') !== etag) {
    await response.body?.cancel();
    return { kind: 'none' };
  }
  const file = await open(paths.part, 'a', 0o644);
  let size = have;
  const stalled = () => stall.abort(new Error('no byte within 30 s'));
  let timer = setTimeout(stalled, STALL_MS);
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > sizeBytes) return { kind: 'none' };
      clearTimeout(timer);
      timer = setTimeout(stalled, STALL_MS);
      await writeAll(file, chunk);
      options.onProgress?.(size, sizeBytes);
    }
  } catch (error) {
    if (error instanceof DeviceError) throw error;
    return { kind: 'again', error: networkError(url, error), waitMs: null, have: size };
  } finally {
    clearTimeout(timer);
    await file.sync();
    await file.close();
  }
  if (size === sizeBytes) return { kind: 'done' };
  const error = new DeviceError('NETWORK', `The delta broke off at byte ${size} of ${sizeBytes}.`);
  return { kind: 'again', error, waitMs: null, have: size };
}

async function readPartial(paths: Paths, base: DeltaBase): Promise<(Note & { have: number }) | null> {
  const bytes = await readIfThere(paths.note);
  if (bytes === null) return null;
  const note = Note.safeParse(parseJson(bytes.toString('utf8')));
  if (!note.success || note.data.base !== base.sha256) return null;
  const have = (await exists(paths.part)) ? (await stat(paths.part)).size : 0;
  return have <= note.data.sizeBytes ? { ...note.data, have } : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
