/**
 * Owns the reading and checking of packages in threads: many packages at once, several checks of one package at once, each check
 * within its time. It knows no version and writes nothing.
 */
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Check } from '../../format/check.ts';
import { CHECKS } from '../../format/checks/registry.ts';
import { lowerLimits } from '../../format/limits.ts';
import { createAdmission, type Place } from './admission.ts';
import { createImageSession } from './image-session.ts';
import type { CheckProgress, ImageResult, Inspection } from './messages.ts';
import { createPackageSession } from './package-session.ts';
import { InspectionBroken, type Session } from './session.ts';
import { createThreadPool } from './thread-pool.ts';

export interface InspectOptions {
  /** `gate` is the format verdict of an upload, `checks` everything; gates go first. */
  readonly task: 'gate' | 'checks';
  /** Absolute path of the package file. */
  readonly path: string;
  /** Checks that need not run again. */
  readonly skip?: readonly string[];
  readonly signal?: AbortSignal;
  /** Told of each check's start and end, in order; not awaited. */
  readonly onProgress?: (progress: CheckProgress) => void;
}

export interface CheckWorker {
  /**
   * Reads and checks one package. A check that throws, overruns its time or takes its thread with it is named in `crashed`, and
   * the others run. Throws InspectionBroken when the file cannot be read or the threads are closed meanwhile, and for a gate
   * also when any check crashed; what the signal was aborted with, once it is.
   */
  inspect(options: InspectOptions): Promise<Inspection>;
  /** Reads a picture in a thread, as urgent as a gate. Throws as `inspect` does for a gate. */
  readImage(options: Pick<InspectOptions, 'path' | 'signal'>): Promise<ImageResult>;
  /** Ends all threads and breaks off what they do. The next inspection starts them again. */
  close(): Promise<void>;
}

export interface CheckWorkerOptions {
  readonly maxPackageBytes: number;
  /** Threads for checks; the gate may use one more. By default one less than there are cores, 1 to 4. */
  readonly threads?: number;
  /** An unused thread ends after this, so that an idle server stays small; default 20 s. */
  readonly idleMs?: number;
  /** Milliseconds that a check may take; budgets.ts unless given. */
  readonly budgetMs?: (check: string) => number;
  /** Bytes of unpacked packages in memory at once; default 224 MiB: the largest package, and another one being read. */
  readonly maxOpenBytes?: number;
  /** Other checks than the format's, for tests: the list, and the address of the module that exports it as CHECKS. */
  readonly registry?: { readonly module: string; readonly checks: readonly Check[] };
}

const DEFAULT_IDLE_MS = 20_000;
const DEFAULT_MAX_OPEN_BYTES = 224 * 1024 * 1024;
const MAX_THREADS = 4;

/** One core stays for the event loop. */
export function defaultThreads(cores = availableParallelism()): number {
  return Math.max(1, Math.min(MAX_THREADS, cores - 1));
}

/** Starts no thread yet. */
export function createCheckWorker(options: CheckWorkerOptions): CheckWorker {
  const { maxPackageBytes, threads = defaultThreads(), idleMs = DEFAULT_IDLE_MS, registry } = options;
  const checks = registry?.checks ?? CHECKS;
  const { maxUnpackedBytes } = lowerLimits({ maxPackageBytes });
  const pool = createThreadPool({ maxThreads: threads, idleMs, registry: registry?.module ?? null });
  const admission = createAdmission({
    maxOpenBytes: options.maxOpenBytes ?? DEFAULT_MAX_OPEN_BYTES,
    maxUnpackedBytes,
  });
  const sessions = new Set<Session<unknown>>();
  let nextKey = 0;

  function newKey(): number {
    nextKey += 1;
    return nextKey;
  }

  function sessionOf({ task, path, skip = [], onProgress }: InspectOptions, onRead: (bytes: number) => void) {
    return createPackageSession({
      key: newKey(),
      task,
      path,
      maxPackageBytes,
      checks: task === 'gate' ? checks.filter(({ kind }) => kind === 'format') : checks,
      skip: new Set(skip),
      onProgress: (progress) => onProgress?.(progress),
      onRead,
      ...(options.budgetMs === undefined ? {} : { budgetMs: options.budgetMs }),
    });
  }

  async function packedBytes(path: string): Promise<number> {
    try {
      return Math.min((await stat(path)).size, maxPackageBytes);
    } catch (error) {
      throw new InspectionBroken('the package file cannot be read', { cause: error });
    }
  }

  /** Waits for room and threads, and for the result. `made` gets what to call once its size in memory is known. */
  async function run<Result>(
    { path, signal }: Pick<InspectOptions, 'path' | 'signal'>,
    made: (onRead: (unpackedBytes: number) => void) => Session<Result>,
  ): Promise<Result> {
    signal?.throwIfAborted();
    const packed = await packedBytes(path);
    signal?.throwIfAborted();
    let place: Place | null = null;
    const session = made((unpackedBytes) => place?.shrink(unpackedBytes));
    const onAbort = () =>
      session.cancel(signal?.reason instanceof Error ? signal.reason : new InspectionBroken('aborted'));
    signal?.addEventListener('abort', onAbort, { once: true });
    sessions.add(session);
    place = admission.enter(packed, session.urgent, () => pool.add(session));
    try {
      return await session.result;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      sessions.delete(session);
      pool.remove(session);
      place.leave();
    }
  }

  return {
    inspect: (given) => run(given, (onRead) => sessionOf(given, onRead)),
    readImage: (given) => run(given, () => createImageSession({ key: newKey(), path: given.path })),
    async close() {
      for (const session of sessions) session.cancel(new InspectionBroken('the threads were closed'));
      await pool.endAll();
    },
  };
}
