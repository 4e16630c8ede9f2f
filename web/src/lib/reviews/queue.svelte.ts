// The review queue as far as it has been paged: refreshed as a whole, from its first page on, so that no row is missed or doubled.
import { createContext } from 'svelte';
import { t } from '#lib/messages/messages.ts';
import { type FetchPage, readPages } from '#lib/reviews/pages.ts';

export class QueueList<Row extends { id: string }> {
  readonly #fetch: () => FetchPage<Row>;
  #rows = $state.raw<readonly Row[]>();
  #error = $state.raw<string>();
  #fetching = $state(false);
  #hasNext = $state(false);
  #pages = 1;
  #run = 0;
  #again = false;
  #refreshing: Promise<void> | undefined;

  /** `fetch` gives the way to ask for one page with the filters of now. */
  constructor(fetch: () => FetchPage<Row>) {
    this.#fetch = fetch;
  }

  /** Undefined before the first answer. */
  get rows(): readonly Row[] | undefined {
    return this.#rows;
  }
  get error(): string | undefined {
    return this.#error;
  }
  get fetching(): boolean {
    return this.#fetching;
  }
  get hasNext(): boolean {
    return this.#hasNext;
  }

  /** Other filters: begins with the first page; the old rows stay in sight until the answer. */
  restart = (): Promise<void> => {
    this.#pages = 1;
    this.#run += 1;
    this.#refreshing = undefined;
    return this.refresh();
  };

  /** Asks for every page again that was shown. Calls made meanwhile share one more round. */
  refresh = (): Promise<void> => {
    if (this.#refreshing) {
      this.#again = true;
      return this.#refreshing;
    }
    const run = this.#run;
    this.#refreshing = this.#rounds(run).finally(() => {
      if (run === this.#run) this.#refreshing = undefined;
    });
    return this.#refreshing;
  };

  /** Adds the next page. */
  more = async (): Promise<void> => {
    if (!this.#hasNext || this.#fetching) return;
    this.#pages += 1;
    await this.refresh();
  };

  async #rounds(run: number): Promise<void> {
    do {
      this.#again = false;
      await this.#load(run);
    } while (this.#again && run === this.#run);
  }

  async #load(run: number): Promise<void> {
    this.#fetching = true;
    try {
      const { rows, hasNext } = await readPages(this.#fetch(), this.#pages);
      if (run !== this.#run) return;
      this.#rows = rows;
      this.#hasNext = hasNext;
      this.#error = undefined;
    } catch (failure) {
      if (run === this.#run) this.#error = failure instanceof Error ? failure.message : t.errors.unreachable;
    } finally {
      if (run === this.#run) this.#fetching = false;
    }
  }
}

/** What the page of one review knows of the queue beside it. */
export type QueueHandle = {
  readonly rows: readonly { id: string; state: string; claimedByViewer: boolean; title: string }[];
  refresh: () => Promise<void>;
  /** Shows every key of the workspace. */
  help: () => void;
};
const [getQueue, setQueue] = createContext<QueueHandle>();

export { getQueue, setQueue };
