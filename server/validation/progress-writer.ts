/** Owns the order in which the progress of checks is written: as it was told, what came meanwhile in one go. It writes nothing itself. */
import type { CheckProgress } from './messages.ts';

export interface ProgressWriter {
  /** Takes a start or an end; never throws. Nothing is written after the first failure. */
  push(progress: CheckProgress): void;
  /** Resolves when all that was pushed is written; rejects with the first failure. */
  settled(): Promise<void>;
}

/** `onFailure` is told of the first failure at once, so that the checks can be stopped. */
export function createProgressWriter(
  write: (batch: readonly CheckProgress[]) => Promise<void>,
  onFailure: (error: unknown) => void,
): ProgressWriter {
  let waiting: CheckProgress[] = [];
  let writing: Promise<void> | null = null;
  let failure: { readonly error: unknown } | null = null;

  async function drain(): Promise<void> {
    while (waiting.length > 0 && failure === null) {
      const batch = waiting;
      waiting = [];
      try {
        await write(batch);
      } catch (error) {
        failure = { error };
        onFailure(error);
      }
    }
    writing = null;
  }

  return {
    push(progress) {
      waiting.push(progress);
      // Begun a moment later, so that an end and the start that follows it share one transaction.
      writing ??= Promise.resolve().then(drain);
    },
    async settled() {
      await writing;
      if (failure !== null) throw failure.error;
    },
  };
}
