// Owns the words of the job queue: what a job, its handler and its states are.

import type { Tx } from '../platform/db/database.ts';
import type { JsonValue } from '../platform/json.ts';

export const JOB_STATES = ['READY', 'RUNNING', 'DONE', 'DEAD'] as const;

export type JobState = (typeof JOB_STATES)[number];

/** A job to be written in the transaction that needs its work done. */
export type NewJob = {
  /** Which handler does it. */
  kind: string;
  /** Jobs with the same key are the same job, for ever: the second is not written. */
  key: string;
  /** What the handler needs, small; it parses it as it would any input. */
  payload: JsonValue;
  /** Not before; default now. */
  runAt?: Date;
  /** Tries before it is dead; default 5. */
  maxAttempts?: number;
};

/** A job as a worker holds it. `attempt` counts from 1 and fences late results. */
export type ClaimedJob = {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly payload: unknown;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly workerId: string;
};

/** What a handler works with. */
export type JobContext = {
  readonly attempt: number;
  /** Aborts when the worker stops, the lease is lost or the time is up: end soon, write nothing more. */
  readonly signal: AbortSignal;
  /** Extends the lease now (a timer does so anyway while the handler runs). Throws JobFenced if it is lost. */
  heartbeat(): Promise<void>;
  /** Stores what is shown as progress. Throws JobFenced if the lease is lost. */
  progress(value: JsonValue): Promise<void>;
  /**
   * Throws JobFenced unless this attempt still holds the job; call it first in every transaction that writes a result,
   * so that a late result is refused.
   */
  fence(tx: Tx): Promise<void>;
  /** Fences and ends the job in the handler's own transaction, so that its result and its end commit together. */
  complete(tx: Tx): Promise<void>;
};

/** Does the work of one kind of job, at least once. Returning ends the job; throwing has it tried again later. */
export type JobHandler = (job: ClaimedJob, context: JobContext) => Promise<void>;

export type JobKind = {
  handler: JobHandler;
  /** Jobs of the kind at once in this process; default 1. */
  concurrency?: number;
  /** After this the signal aborts and the attempt has failed; default 10 minutes. */
  maxRunMs?: number;
};

/** This attempt does not hold the job any more: another worker took it over, or it was ended. Not a failure of the job. */
export class JobFenced extends Error {
  constructor(job: { id: string; attempt: number }) {
    super(`Attempt ${job.attempt} of job ${job.id} was taken over`);
    this.name = 'JobFenced';
  }
}

/** The job can never succeed: no further attempt is made. */
export class JobHopeless extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'JobHopeless';
  }
}

/** Why a signal aborted when the worker stops: the job goes back to the queue. */
export class WorkerStopped extends Error {
  constructor() {
    super('The worker stops');
    this.name = 'WorkerStopped';
  }
}
