/** Owns giving the event loop its turn within long work on the main thread. */
import { setImmediate } from 'node:timers/promises';

/** Milliseconds of work between two turns of others. */
const SLICE_MS = 4;

export interface Slices {
  /** Resolves at once while the slice lasts, else after everybody else had a turn. Throws what the signal aborted with. */
  pause(): Promise<void>;
}

/** Counts from now. */
export function createSlices(signal?: AbortSignal): Slices {
  let startedMs = performance.now();
  return {
    async pause() {
      if (performance.now() - startedMs < SLICE_MS) return;
      await setImmediate();
      signal?.throwIfAborted();
      startedMs = performance.now();
    },
  };
}
