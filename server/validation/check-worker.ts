/** Owns the worker thread's life: started when needed, ended when idle, killed when a package takes too long. It knows no version. */
import { Worker } from 'node:worker_threads';
import type { CheckProgress, Inspection, WorkAnswer, WorkRequest } from './messages.ts';

export interface InspectOptions {
  readonly task: WorkRequest['task'];
  readonly path: string;
  readonly skip?: readonly string[];
  readonly signal?: AbortSignal;
  /** Told of each check's start and end, in order; not awaited. */
  readonly onProgress?: (progress: CheckProgress) => void;
}

/** The worker did not finish: a check overran or the thread died. The package is not to blame for certain. */
export class InspectionBroken extends Error {
  override readonly name = 'InspectionBroken';
}

export interface CheckWorker {
  /** Reads and checks one package; requests queue. Throws InspectionBroken when the thread was lost or timed out. */
  inspect(options: InspectOptions): Promise<Inspection>;
  close(): Promise<void>;
}

export interface CheckWorkerOptions {
  readonly maxPackageBytes: number;
  /** After this the thread is killed; covers reading and all checks. */
  readonly timeoutMs?: number;
  /** An unused thread ends after this, so that an idle server stays small. */
  readonly idleMs?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_IDLE_MS = 20_000;
const MAX_HEAP_MB = 512;

/** One thread, one package at a time. */
export function createCheckWorker({
  maxPackageBytes,
  timeoutMs = DEFAULT_TIMEOUT_MS,
  idleMs = DEFAULT_IDLE_MS,
}: CheckWorkerOptions): CheckWorker {
  let worker: Worker | null = null;
  let idleTimer: NodeJS.Timeout | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let nextId = 0;

  function thread(): Worker {
    clearTimeout(idleTimer);
    if (worker === null) {
      const made = new Worker(new URL('./worker.ts', import.meta.url), {
        resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      });
      made.unref();
      made.on('error', () => forget(made));
      made.on('exit', () => forget(made));
      worker = made;
    }
    return worker;
  }

  function forget(made: Worker): void {
    if (worker === made) worker = null;
  }

  function rest(): void {
    clearTimeout(idleTimer);
    idleTimer = setTimeout(() => void end(), idleMs);
    idleTimer.unref();
  }

  async function end(): Promise<void> {
    const ending = worker;
    worker = null;
    await ending?.terminate();
  }

  function run(options: InspectOptions): Promise<Inspection> {
    options.signal?.throwIfAborted();
    const id = nextId++;
    const current = thread();
    const { promise, resolve, reject } = Promise.withResolvers<Inspection>();
    const timer = setTimeout(() => lose(`no verdict within ${timeoutMs / 1000} s`), timeoutMs);
    const lose = (why: string) => {
      reject(new InspectionBroken(why));
      void end();
    };
    const onMessage = (answer: WorkAnswer) => {
      if (answer.id !== id) return;
      if (answer.type === 'done') resolve(answer.inspection);
      else if (answer.type === 'failed') reject(new InspectionBroken(answer.message));
      else options.onProgress?.(answer);
    };
    const onError = (error: Error) => lose(error.message);
    const onExit = () => lose('the thread ended');
    const onAbort = () => {
      reject(options.signal?.reason instanceof Error ? options.signal.reason : new InspectionBroken('aborted'));
      void end();
    };
    current.on('message', onMessage);
    current.on('error', onError);
    current.on('exit', onExit);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const request: WorkRequest = {
      id,
      task: options.task,
      path: options.path,
      maxPackageBytes,
      skip: options.skip ?? [],
    };
    current.postMessage(request);
    return promise.finally(() => {
      clearTimeout(timer);
      current.off('message', onMessage);
      current.off('error', onError);
      current.off('exit', onExit);
      options.signal?.removeEventListener('abort', onAbort);
      rest();
    });
  }

  return {
    inspect(options) {
      const result = turn.then(() => run(options));
      turn = result.catch(() => undefined);
      return result;
    },
    async close() {
      clearTimeout(idleTimer);
      await end();
    },
  };
}
