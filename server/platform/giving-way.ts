/** Owns how long work on the event loop goes on before whoever else waits has a turn. It knows no work. */
import { setImmediate as breathe } from 'node:timers/promises';

/** Between two pieces of work this may pass without a turn for others. */
const AT_MOST_MS = 8;

/** What long work awaits between its pieces: others have a turn there when the last one was `afterMs` ago, on a monotonic clock. */
export function createGivingWay(afterMs = AT_MOST_MS): () => Promise<void> {
  let sinceMs = performance.now();
  return async () => {
    if (performance.now() - sinceMs < afterMs) return;
    await breathe();
    sinceMs = performance.now();
  };
}
