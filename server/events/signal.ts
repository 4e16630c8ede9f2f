// Owns a flag that one waiter can await: raised by anyone, lowered by the waiter before it looks.

export type Signal = {
  /** Lets the waiter go on, now or at its next wait. */
  raise(): void;
  /** Forgets earlier raises; call before looking, never after. */
  lower(): void;
  /** Resolves when raised since the last `lower`, or when the abort signal fires. */
  raised(): Promise<void>;
  /** Stops listening to the abort signal. */
  close(): void;
};

/** A lowered flag that an abort raises for good. */
export function createSignal(abort: AbortSignal): Signal {
  let up = abort.aborted;
  let waiter: (() => void) | undefined;
  const raise = () => {
    up = true;
    waiter?.();
    waiter = undefined;
  };
  abort.addEventListener('abort', raise);
  return {
    raise,
    lower() {
      up = abort.aborted;
    },
    raised() {
      if (up) return Promise.resolve();
      return new Promise((resolve) => {
        waiter = resolve;
      });
    },
    close() {
      abort.removeEventListener('abort', raise);
    },
  };
}
