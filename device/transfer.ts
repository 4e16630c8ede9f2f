/**
 * Owns bringing bytes into a file that goes on where it broke off: which tries count, and appending a body that must not stall. What the
 * bytes are, and whether an answer is the rest of them, its callers say.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { DeviceError, storageError } from './errors.ts';
import { MAX_ATTEMPTS, type Network, networkError, retryAfterMs, waitBefore } from './http.ts';

/** A try that ended early. */
export interface Again {
  readonly error: DeviceError;
  /** What the server asked to wait, or null. */
  readonly waitMs: number | null;
  /** Bytes that are there now. */
  readonly have: number;
}

/** A download that brings less than this in five minutes is given up for now: others wait behind it. */
export const LEAST_PACE = Object.freeze({ bytes: 64 * 1024, everyMs: 300_000 });

/** Whether what arrives keeps the least pace, window by window; `nowMs` is monotonic. */
export function createPace(fromBytes: number, nowMs: () => number = () => performance.now()) {
  let since = { ms: nowMs(), bytes: fromBytes };
  return {
    /** Throws NETWORK where `bytes`, all that are there now, are too few more for the time. */
    require(bytes: number): void {
      const ms = nowMs();
      if (ms - since.ms < LEAST_PACE.everyMs) return;
      if (bytes - since.bytes < LEAST_PACE.bytes)
        throw new DeviceError('NETWORK', 'The download is too slow to wait for; it goes on from here at the next try.');
      since = { ms, bytes };
    },
  };
}

/** Repeats `step` until it says what it ended with, or throws the error of the last of too many tries that brought nothing. */
export async function goOn<End extends string>(
  network: Network,
  step: () => Promise<Again | End>,
  nowMs?: () => number,
): Promise<End> {
  const pace = createPace(0, nowMs);
  let attempt = 0;
  let reached = 0;
  for (;;) {
    const outcome = await step();
    if (typeof outcome === 'string') return outcome;
    pace.require(outcome.have);
    // Only tries that bring nothing count: a long download over a bad link is not given up while it moves.
    attempt = outcome.have > reached ? 0 : attempt + 1;
    reached = Math.max(reached, outcome.have);
    if (attempt >= MAX_ATTEMPTS) throw outcome.error;
    await waitBefore(network, Math.max(0, attempt - 1), outcome.waitMs);
  }
}

/** What comes of an answer that asks to slow down; its body is not read. */
export async function slowDown(network: Network, response: Response, have: number): Promise<Again> {
  await response.body?.cancel();
  const error = new DeviceError('RATE_LIMITED', `The server asks to slow down (${response.status}).`);
  return { error, waitMs: retryAfterMs(response, network.clock()), have };
}

/** A body that brings no byte for this long counts as broken off. */
const STALL_MS = 30_000;

export interface Arriving {
  readonly response: Response;
  readonly url: string;
  /** The file to append to, which has `have` bytes of `sizeBytes`. */
  readonly path: string;
  readonly have: number;
  readonly sizeBytes: number;
  /** Ends the request when its body stalls. */
  readonly stall: AbortController;
  readonly onProgress: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/**
 * Appends a body to its file and syncs it: `done` with exactly `sizeBytes`, `more` at the first byte over them. Throws DISK_FULL or
 * STORAGE_FAILED.
 */
export async function append(arriving: Arriving): Promise<Again | 'done' | 'more'> {
  const { response, url, sizeBytes, onProgress } = arriving;
  const file = await open(arriving.path, 'a', 0o644);
  let size = arriving.have;
  const pace = createPace(size);
  const stalled = () => arriving.stall.abort(new Error('no byte within 30 s'));
  let timer = setTimeout(stalled, STALL_MS);
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > sizeBytes) return 'more';
      clearTimeout(timer);
      timer = setTimeout(stalled, STALL_MS);
      await writeAll(file, chunk);
      pace.require(size);
      onProgress?.(size, sizeBytes);
    }
  } catch (error) {
    if (error instanceof DeviceError) throw error;
    return { error: networkError(url, error), waitMs: null, have: size };
  } finally {
    clearTimeout(timer);
    await file.sync();
    await file.close();
  }
  if (size === sizeBytes) return 'done';
  const error = new DeviceError('NETWORK', `The download broke off at byte ${size} of ${sizeBytes}.`);
  return { error, waitMs: null, have: size };
}

/** Writes a whole chunk. Throws DISK_FULL or STORAGE_FAILED. */
async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  let written = 0;
  try {
    while (written < chunk.byteLength) written += (await file.write(chunk, written)).bytesWritten;
  } catch (error) {
    // Told apart from a link that broke, which is tried again.
    throw storageError(error);
  }
}

/** The value of a note beside a partial file, or undefined for what is no JSON. */
export function parseNote(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
