/**
 * Owns the way to samples of apps' devices for the comparison of two versions: a thread of its own, so that neither the writer
 * nor the event loop waits for one.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ReleaseBudget, ReleaseQuestion, ReleaseSample } from './release-sample-read.ts';
import type { ReleaseSampleData, ReleaseSampleReply } from './release-sample-thread.ts';

/** One or two seconds of reading on a machine of two cores, whatever there is to read. */
const DEFAULT_BUDGET: ReleaseBudget = Object.freeze({ batches: 50_000, events: 500_000, batchesPerDevice: 500 });

/** Megabytes of JavaScript memory that the thread may use. */
const MAX_HEAP_MB = 128;

const ENDED = 'The thread that reads samples ended';

export interface ReleaseSampler {
  /**
   * Reads a sample (see `readReleaseSample`); one at a time. Throws what the files say, and what `signal` aborts with, after
   * which the sampler is of no more use.
   */
  sample(question: Omit<ReleaseQuestion, 'budget'>, signal?: AbortSignal): Promise<ReleaseSample>;
  /** Ends the thread. */
  close(): Promise<void>;
}

/** Starts the thread; `dir` is `DATA_DIR/telemetry`. Whoever opens a sampler closes it. */
export function openReleaseSampler(dir: string, budget: ReleaseBudget = DEFAULT_BUDGET): ReleaseSampler {
  const workerData: ReleaseSampleData = { dir };
  // The parent's flags may be a test runner's or a debugger's; the thread needs none.
  const worker = new Worker(new URL('./release-sample-thread.ts', import.meta.url), {
    workerData,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  // Whoever waits for an answer hears of it; with nobody waiting it must not end the process.
  worker.on('error', () => undefined);
  let over = false;
  worker.on('exit', () => {
    over = true;
  });
  return {
    async sample(question, signal) {
      signal?.throwIfAborted();
      if (over) throw new Error(ENDED);
      const given = new AbortController();
      const ended = once(worker, 'exit', { signal: given.signal }).then(() => {
        throw new Error(ENDED);
      });
      const abandon = () => given.abort(signal?.reason);
      signal?.addEventListener('abort', abandon);
      try {
        const answered = once(worker, 'message', { signal: given.signal });
        worker.postMessage({ ...question, budget });
        const [reply]: ReleaseSampleReply[] = await Promise.race([answered, ended]);
        if (reply === undefined) throw new Error('The thread that reads samples said nothing');
        if ('failure' in reply) throw new Error(reply.failure);
        return reply.sample;
      } catch (error) {
        if (signal?.aborted !== true) throw error;
        // An answer that nobody waits for any more must not be taken for the next.
        await worker.terminate();
        throw signal.reason;
      } finally {
        signal?.removeEventListener('abort', abandon);
        given.abort();
        ended.catch(() => undefined);
      }
    },
    async close() {
      await worker.terminate();
    },
  };
}
