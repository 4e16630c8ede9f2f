/** Owns the question whether a failed attempt at a job was its last, so that its subject must be told now. */
import { type ClaimedJob, type JobContext, JobFenced, WorkerStopped } from '../jobs/types.ts';

/**
 * Whether nobody will try the job again after this failure. Not when another worker holds it, and not when this one stops:
 * then the job goes back to the queue.
 */
export function isLastFailure(error: unknown, job: ClaimedJob, context: JobContext): boolean {
  if (error instanceof JobFenced || context.signal.reason instanceof WorkerStopped) return false;
  return context.attempt >= job.maxAttempts;
}
