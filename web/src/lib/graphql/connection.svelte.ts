// Tells the views whether events arrive now: it keeps the state of the live connection and opens nothing itself.

import type { Phase } from '#lib/graphql/phase.ts';

/** How long a fresh connection counts as catching up when nothing arrives. */
const QUIET_MS = 1200;

class Connection {
  #phase = $state<Phase>('idle');
  #sinceMs = $state(Date.now());
  #wasLive = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  get phase(): Phase {
    return this.#phase;
  }

  /** When the present phase began, in milliseconds since 1970. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  connecting(): void {
    if (this.#phase === 'idle') this.#enter('connecting');
  }

  /** The socket is open: after an interruption, missed events come first. */
  connected(): void {
    if (!this.#wasLive) {
      this.#wasLive = true;
      this.#enter('live');
      return;
    }
    this.#enter('catching-up');
    this.#timer = setTimeout(() => this.#enter('live'), QUIET_MS);
  }

  /** An event came: while catching up, the quiet period starts again. */
  received(): void {
    if (this.#phase !== 'catching-up') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#enter('live'), QUIET_MS);
  }

  lost(): void {
    if (this.#phase !== 'offline') this.#enter('offline');
  }

  /** Nothing on the page needs the connection. */
  released(): void {
    this.#wasLive = false;
    this.#enter('idle');
  }

  #enter(phase: Phase): void {
    clearTimeout(this.#timer);
    this.#phase = phase;
    this.#sinceMs = Date.now();
  }
}

export const connection = new Connection();
