/**
 * Owns updates by delta (RFC 9842): the installed packages kept as dictionaries, and getting a wanted package's bytes by a
 * delta from one. It trusts no delta: what comes out is the promised package to the byte, or nothing. It installs nothing.
 */
import { createHash } from 'node:crypto';
import { readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DeltaUnfit, decodeDelta, KNOWS_DELTAS } from '../format/delta.ts';
import type { DownloadOptions } from './download.ts';
import { exists, makeFolder, readIfThere, removeFile, replaceFile, syncFolder, writeSynced } from './durable.ts';
import { DeviceError } from './errors.ts';
import { asksToWait, followRedirects } from './http.ts';
import { namesIn, type Storage } from './storage.ts';
import { type Again, append, goOn, parseNote, slowDown } from './transfer.ts';

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

type Paths = ReturnType<typeof deltaPaths>;

async function discard({ part, note }: Paths): Promise<void> {
  await removeFile(part);
  await removeFile(note);
}

/** `none` where there is no delta for us, or what comes is not the rest of this very one. */
type Step = Again | 'done' | 'none';

/** The bytes of the delta, or null where the server has none for us. */
async function fetchDelta(options: DownloadOptions, base: DeltaBase, paths: Paths): Promise<Buffer | null> {
  const end = await goOn(options.network, () => transfer(options, base, paths));
  return end === 'done' ? await readFile(paths.part) : null;
}

async function transfer(options: DownloadOptions, base: DeltaBase, paths: Paths): Promise<Step> {
  const partial = await readPartial(paths, base);
  if (partial !== null && partial.have === partial.sizeBytes) return 'done';
  const have = partial?.have ?? 0;
  try {
    if (partial === null) {
      // A server without a delta would send the whole package in answer to a GET.
      const head = await ask(options, base, 'HEAD', {});
      if (asksToWait(head.response)) return await slowDown(options.network, head.response, have);
      const note = noteOf(head.response, base, options.offer.sizeBytes);
      if (note === null) return 'none';
      await removeFile(paths.part);
      await replaceFile(paths.note, JSON.stringify(note));
      return await receive(options, base, paths, { ...note, have });
    }
    return await receive(options, base, paths, partial);
  } catch (error) {
    if (error instanceof DeviceError && error.code === 'NETWORK')
      return { error, waitMs: null, have: (await readPartial(paths, base))?.have ?? 0 };
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
  if (asksToWait(response)) return await slowDown(options.network, response, have);
  const { headers } = response;
  const expected = `bytes ${have}-${sizeBytes - 1}/${sizeBytes}`;
  const isRest = response.status === 206 && headers.get('content-range') === expected;
  if (!isRest || headers.get('content-encoding') !== 'dcz' || headers.get('etag') !== etag) {
    await response.body?.cancel();
    return 'none';
  }
  const { onProgress } = options;
  const outcome = await append({ response, url, path: paths.part, have, sizeBytes, stall, onProgress });
  return outcome === 'more' ? 'none' : outcome;
}

async function readPartial(paths: Paths, base: DeltaBase): Promise<(Note & { have: number }) | null> {
  const bytes = await readIfThere(paths.note);
  if (bytes === null) return null;
  const note = Note.safeParse(parseNote(bytes));
  if (!note.success || note.data.base !== base.sha256) return null;
  const have = (await exists(paths.part)) ? (await stat(paths.part)).size : 0;
  return have <= note.data.sizeBytes ? { ...note.data, have } : null;
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
