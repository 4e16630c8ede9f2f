/** Owns what a customer of the threads is to whoever waits for its result. */
import type { Customer } from './thread-pool.ts';

/** The inspection did not come to an end: it was interrupted, or the file could not be read. To be tried again. */
export class InspectionBroken extends Error {
  override readonly name = 'InspectionBroken';
}

export interface Session<Result> extends Customer {
  /** Rejects with InspectionBroken, or with what it was cancelled with. */
  readonly result: Promise<Result>;
  /** Rejects `result`; nothing is told any more. */
  cancel(error: Error): void;
}
