/** Owns giving memory back to the system once the process has nothing to do. It knows no feature. */
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** The loop counts as idle when it worked for less of the time. */
const IDLE_SHARE = 0.03;
const LOOK_MS = 5_000;
/** A heap that has grown by less is left alone. */
const WORTH_BYTES = 16 * 1024 * 1024;

/**
 * Looks every `lookMs`: where the event loop was idle all the time since the last look and the heap has grown since the last
 * collection, V8 collects all that start-up or load has left behind, and gives the pages back. By itself it does so only while it
 * allocates, so an idle server would keep some 25 MB for ever. A collection holds the loop for 0.1 to 0.2 s, which is why nothing but
 * idleness brings one. Without Node's `--expose-gc` nothing happens. Returns what ends it; it keeps no process alive.
 */
export function giveMemoryBack({ lookMs = LOOK_MS, collect = globalThis.gc } = {}): () => void {
  if (collect === undefined) return () => undefined;
  let last = performance.eventLoopUtilization();
  let keptBytes = 0;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    if (utilization > IDLE_SHARE || getHeapStatistics().total_heap_size < keptBytes + WORTH_BYTES) return;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    keptBytes = getHeapStatistics().total_heap_size;
    // The collection itself was work.
    last = performance.eventLoopUtilization();
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}
