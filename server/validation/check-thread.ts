/** Owns the life of one check thread: its start, one step of work at a time, and its end by force. It chooses no work. */
import { Worker } from 'node:worker_threads';
import type { ThreadAnswer, ThreadRequest, ThreadResult } from './messages.ts';

/** How a step ended. */
export type StepOutcome =
  | { readonly type: 'done'; readonly result: ThreadResult; readonly durationMs: number }
  /** The step threw; the thread lives. */
  | { readonly type: 'threw'; readonly message: string; readonly durationMs: number }
  /** The thread is gone. `begun`: the step had begun, so that the step is to blame. */
  | { readonly type: 'lost'; readonly message: string; readonly durationMs: number; readonly begun: boolean };

export interface StepOptions {
  readonly request: ThreadRequest;
  /** Counted from the moment the thread is ready; after it the thread is ended. */
  readonly budgetMs: number;
  /** Called when the thread takes the step up. */
  readonly onBegin: () => void;
}

export interface CheckThread {
  /** Runs one step; the next one only after this has ended. Never rejects. */
  run(options: StepOptions): Promise<StepOutcome>;
  /** Says something that has no answer. */
  tell(request: ThreadRequest): void;
  /** Ends the thread, also from within an endless loop. */
  end(): Promise<void>;
  /** Resolves with the reason once the thread is gone. */
  readonly gone: Promise<string>;
}

/** The heap of one thread: the largest tree that a Lua file within the format's bounds may need, and as much again. */
const MAX_HEAP_MB = 512;
/** Loading the checks takes a third of a second; on a machine where it takes this long nothing works. */
const START_MS = 30_000;

/** Starts a thread. `registry` is the address of a module with other checks than the format's, for tests. */
export function startCheckThread({ registry }: { readonly registry: string | null }): CheckThread {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { registry },
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  // Timers of the steps keep the process alive; an idle thread does not.
  worker.unref();
  const gone = new Promise<string>((resolve) => {
    worker.on('error', (error) => resolve(error instanceof Error ? error.message : String(error)));
    worker.on('exit', () => resolve('the thread ended'));
  });
  let listen: (answer: ThreadAnswer) => void = () => undefined;
  const ready = new Promise<'ready'>((resolve) => {
    worker.on('message', (answer: ThreadAnswer) => {
      if (answer.type === 'ready') resolve('ready');
      else listen(answer);
    });
  });

  /** What comes first: the thing waited for, the end of the thread, or the end of the time; then the thread is ended. */
  async function within<Result>(waited: Promise<Result>, limitMs: number): Promise<Result | { readonly lost: string }> {
    const { promise: over, resolve: expire } = Promise.withResolvers<{ lost: string }>();
    const lost = `no result within ${limitMs} ms`;
    // An answer that came while this thread was busy is read before the time is called.
    const timer = setTimeout(() => setImmediate(() => expire({ lost })), limitMs);
    const ended = gone.then((reason) => ({ lost: reason }));
    const first = await Promise.race([waited, ended, over]).finally(() => clearTimeout(timer));
    if (typeof first === 'object' && first !== null && 'lost' in first) await worker.terminate();
    return first;
  }

  return {
    gone,
    async run({ request, budgetMs, onBegin }) {
      const started = await within(ready, START_MS);
      if (started !== 'ready') return { type: 'lost', message: started.lost, durationMs: 0, begun: false };
      const beganMs = performance.now();
      const answered = new Promise<Exclude<ThreadAnswer, { type: 'ready' }>>((resolve) => {
        listen = (answer) => {
          if (answer.type !== 'ready') resolve(answer);
        };
      });
      onBegin();
      worker.postMessage(request);
      const answer = await within(answered, budgetMs);
      if (!('lost' in answer)) return answer;
      return { type: 'lost', message: answer.lost, durationMs: performance.now() - beganMs, begun: true };
    },
    tell: (request) => worker.postMessage(request),
    async end() {
      await worker.terminate();
    },
  };
}
