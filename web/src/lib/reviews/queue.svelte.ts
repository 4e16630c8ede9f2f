// The review queue as far as it has been paged: refreshed as a whole, from its first page on, so that no row is missed or doubled.
import { createContext } from 'svelte';
import { t } from '#lib/messages/messages.ts';

/** One page as the server gives it. */
export type QueuePage<Row> = { rows: readonly Row[]; endCursor: string | null; hasNext: boolean };
export type FetchPage<Row> = (after: string | null) => Promise<QueuePage<Row>>;

export class QueueList<Row extends { id: string }> {
  readonly #fetch: () => FetchPage<Row>;
  #rows = $state.raw<readonly Row[]>();
  #error = $state.raw<string>();
  #fetching = $state(false);
  #hasNext = $state(false);
  #endCursor: string | null = null;
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
      const fetch = this.#fetch();
      const seen = new Map<string, Row>();
      let page: QueuePage<Row> = { rows: [], endCursor: null, hasNext: true };
      for (let count = 0; count < this.#pages && page.hasNext; count++) {
        page = await fetch(page.endCursor);
        if (run !== this.#run) return;
        for (const row of page.rows) seen.set(row.id, row);
      }
      this.#rows = [...seen.values()];
      this.#endCursor = page.endCursor;
      this.#hasNext = page.hasNext && this.#endCursor !== null;
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
