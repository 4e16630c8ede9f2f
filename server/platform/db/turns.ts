// Owns a first-come, first-served queue of one; it must not know what it guards.

/** A queue of one. */
export type Turns = {
  /** Waits for the turn and returns what ends it; ending it twice does nothing. */
  take(): Promise<() => void>;
};

/** A queue in which nobody waits yet. */
export function createTurns(): Turns {
  let last: Promise<void> = Promise.resolve();
  return {
    async take() {
      const before = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      last = promise;
      await before;
      return resolve;
    },
  };
}
