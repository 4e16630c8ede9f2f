/**
 * Owns the way to a sample of an app's devices for the comparison of two versions: a thread of its own for each, so that neither
 * the writer nor the event loop waits for it.
 */
import { Worker } from 'node:worker_threads';
import type { ReleaseBudget, ReleaseQuestion, ReleaseSample } from './release-sample-read.ts';
import type { ReleaseSampleData } from './release-sample-thread.ts';

/** About a second of reading on a machine of two cores, whatever there is to read. */
const DEFAULT_BUDGET: ReleaseBudget = Object.freeze({ batches: 50_000, events: 500_000, batchesPerDevice: 500 });

/** Megabytes of JavaScript memory that the thread may use. */
const MAX_HEAP_MB = 128;

export type ReleaseSampler = ReturnType<typeof createReleaseSampler>;

/** `dir` is `DATA_DIR/telemetry`. */
export function createReleaseSampler({ dir, budget = DEFAULT_BUDGET }: { dir: string; budget?: ReleaseBudget }) {
  return {
    /** Reads one sample (see `readReleaseSample`). Throws what the files say, and what `signal` aborts with. */
    async sample(question: Omit<ReleaseQuestion, 'budget'>, signal?: AbortSignal): Promise<ReleaseSample> {
      signal?.throwIfAborted();
      const workerData: ReleaseSampleData = { dir, question: { ...question, budget } };
      const { promise, resolve, reject } = Promise.withResolvers<ReleaseSample>();
      // The parent's flags may be a test runner's or a debugger's; the thread needs none.
      const worker = new Worker(new URL('./release-sample-thread.ts', import.meta.url), {
        workerData,
        execArgv: [],
        resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      });
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('The thread that reads the sample ended')));
      const stop = () => reject(signal?.reason);
      signal?.addEventListener('abort', stop);
      try {
        return await promise;
      } finally {
        signal?.removeEventListener('abort', stop);
        await worker.terminate();
      }
    },
  };
}
