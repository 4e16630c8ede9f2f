/** Owns the thread that samples of devices are read in: it answers one question after the other until it is ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ReleaseQuestion, type ReleaseSample, readReleaseSample } from './release-sample-read.ts';

export interface ReleaseSampleData {
  /** `DATA_DIR/telemetry`. */
  readonly dir: string;
}
export type ReleaseSampleReply = { readonly sample: ReleaseSample } | { readonly failure: string };

const port = parentPort;
if (port !== null) {
  // Given by release-sample.ts.
  const { dir } = workerData as ReleaseSampleData;
  port.on('message', (question: ReleaseQuestion) => port.postMessage(answer(dir, question)));
}

function answer(dir: string, question: ReleaseQuestion): ReleaseSampleReply {
  try {
    return { sample: readReleaseSample(dir, question) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}
