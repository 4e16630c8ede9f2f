/** Owns the thread that one sample of devices is read in: it answers its one question and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ReleaseQuestion, type ReleaseSample, readReleaseSample } from './release-sample-read.ts';

export interface ReleaseSampleData {
  readonly dir: string;
  readonly question: ReleaseQuestion;
}

const port = parentPort;
if (port !== null) {
  // Given by release-sample.ts.
  const { dir, question } = workerData as ReleaseSampleData;
  const sample: ReleaseSample = readReleaseSample(dir, question);
  port.postMessage(sample);
}
