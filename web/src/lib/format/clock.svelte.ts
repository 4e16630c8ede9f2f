// The portal's one ticking clock: views read `nowMs` and are redrawn as time passes.

class Clock {
  #nowMs = $state(Date.now());

  constructor() {
    setInterval(() => {
      if (!document.hidden) this.#nowMs = Date.now();
    }, 1000);
    document.addEventListener('visibilitychange', () => {
      this.#nowMs = Date.now();
    });
  }

  /** Milliseconds since 1970, moved on once a second while the page is visible. */
  get nowMs(): number {
    return this.#nowMs;
  }
}

export const clock = new Clock();
