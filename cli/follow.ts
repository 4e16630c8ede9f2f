/** Owns following a version live: first what happened, then what happens, over lost connections without gap or repeat. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from './client.ts';
import { CliError } from './errors.ts';
import { type EventFieldsFragment, VersionEventsDocument, VersionTimelineDocument } from './generated/operations.ts';
import type { Output } from './output.ts';
import { dim, t } from './text.ts';

export type VersionEvent = EventFieldsFragment;

const PAGE = 200;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 15_000;
/** Tries without a single event before the person is told that it does not work. */
const MAX_TRIES = 8;

export interface FollowOptions {
  readonly client: Client;
  readonly versionId: string;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Events of a version from the first on, live from where the log ends; runs until the signal or the caller stops it. */
export async function* followVersion(options: FollowOptions): AsyncGenerator<VersionEvent> {
  const { signal, output } = options;
  let cursor: string | null = null;
  for (const event of await timeline(options.client, options.versionId)) {
    yield event;
    cursor = event.cursor;
  }
  for (let tries = 0; !signal.aborted; tries += 1) {
    try {
      const variables = { versionId: options.versionId, after: cursor };
      for await (const { versionEvents } of options.client.subscribe(VersionEventsDocument, variables, signal)) {
        tries = 0;
        cursor = versionEvents.cursor;
        yield versionEvents;
      }
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      // The server was restored from a backup: its log is another one, and only what comes next can be told.
      if (error.code === 'CURSOR_RESET') cursor = null;
      else if (error.code !== 'NETWORK' || tries + 1 >= MAX_TRIES) throw error;
    }
    if (signal.aborted) return;
    if (tries === 1) output.note(dim(t`The live connection broke; trying again.`));
    await pause(Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** tries), signal);
  }
}

async function timeline(client: Client, id: string): Promise<VersionEvent[]> {
  const events: VersionEvent[] = [];
  for (;;) {
    const after = events.at(-1)?.cursor ?? null;
    const { version } = await client.request(VersionTimelineDocument, { id, after });
    const page = version?.events ?? [];
    events.push(...page);
    if (page.length < PAGE) return events;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

export interface StopSignal {
  readonly signal: AbortSignal;
  /** Throws when Ctrl-C or the deadline ended the following before it was over. */
  check(packageId: string): void;
  /** Takes the handler and the timer back. */
  dispose(): void;
}

/** A signal that Ctrl-C or a deadline aborts. */
export function stopSignal(timeoutSeconds: number | null): StopSignal {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once('SIGINT', stop);
  let late = false;
  const timer =
    timeoutSeconds === null
      ? null
      : setTimeout(() => {
          late = true;
          controller.abort();
        }, timeoutSeconds * 1000);
  return {
    signal: controller.signal,
    check(packageId) {
      if (!controller.signal.aborted) return;
      const next = `mosis status ${packageId} --watch`;
      if (late) throw new CliError('WAIT_TIMEOUT', 'Nothing was decided in that time.', { next });
      throw new CliError('CANCELLED', 'Stopped watching; the version goes on at the server.', { next });
    },
    dispose: () => {
      process.off('SIGINT', stop);
      if (timer !== null) clearTimeout(timer);
    },
  };
}
