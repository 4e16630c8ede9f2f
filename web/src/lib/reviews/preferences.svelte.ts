// How a reviewer likes to read, remembered in this browser: the view of a comparison, wrapped lines, the queue in sight.
import { CODE_MODES, type CodeMode } from '#lib/code/modes.ts';

const KEY = 'mosis-review-view';

class Preferences {
  #mode = $state<CodeMode>('diff');
  #wrap = $state(true);
  #queueHidden = $state(false);
  #onlyChanged = $state(true);

  constructor() {
    try {
      const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null');
      if (typeof stored !== 'object' || stored === null) return;
      const given: Partial<Record<string, unknown>> = { ...stored };
      this.#mode = CODE_MODES.find((mode) => mode === given.mode) ?? 'diff';
      this.#wrap = given.wrap !== false;
      this.#queueHidden = given.queueHidden === true;
      this.#onlyChanged = given.onlyChanged !== false;
    } catch {
      // What cannot be read is as if it were never written.
    }
  }

  get mode(): CodeMode {
    return this.#mode;
  }
  set mode(mode: CodeMode) {
    this.#mode = mode;
    this.#save();
  }
  get wrap(): boolean {
    return this.#wrap;
  }
  set wrap(on: boolean) {
    this.#wrap = on;
    this.#save();
  }
  get queueHidden(): boolean {
    return this.#queueHidden;
  }
  set queueHidden(hidden: boolean) {
    this.#queueHidden = hidden;
    this.#save();
  }
  get onlyChanged(): boolean {
    return this.#onlyChanged;
  }
  set onlyChanged(only: boolean) {
    this.#onlyChanged = only;
    this.#save();
  }

  #save(): void {
    const stored = {
      mode: this.#mode,
      wrap: this.#wrap,
      queueHidden: this.#queueHidden,
      onlyChanged: this.#onlyChanged,
    };
    try {
      localStorage.setItem(KEY, JSON.stringify(stored));
    } catch {
      // It then holds for this page only.
    }
  }
}

export const preferences = new Preferences();
