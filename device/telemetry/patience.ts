/** Owns when this device may send again after a failure, over restarts too. It sends nothing. */
import { join } from 'node:path';
import { z } from 'zod';
import { readIfThere, removeFile, replaceFile } from '../durable.ts';
import { parseJson } from './layout.ts';

const FIRST_WAIT_MS = 30_000;
const MAX_OWN_WAIT_MS = 3_600_000;
/** A server that asks for more is not believed: a wrong header must not silence a device. */
const MAX_ASKED_WAIT_MS = 86_400_000;

const Waiting = z.object({
  /** Runs in a row in which nothing could be sent. */
  failures: z.int().min(1),
  /** When the wait began, by this device's clock. */
  since: z.iso.datetime(),
  /** What the server asked for, and what the device adds by itself. */
  askedMs: z.int().min(0).max(MAX_ASKED_WAIT_MS),
  ownMs: z.int().min(0).max(MAX_OWN_WAIT_MS),
});
type Waiting = z.infer<typeof Waiting>;

export interface Patience {
  /** Milliseconds until the next try; an urgent one waits only for what the server asked. */
  remainingMs(now: Date, urgent: boolean): Promise<number>;
  /** Notes a failure: exponential backoff with full jitter, on top of what the server asked. Answers the milliseconds to wait. */
  failed(now: Date, askedMs: number | null, random: () => number): Promise<number>;
  /** The server took something. */
  succeeded(): Promise<void>;
}

/** The wait that is kept in `folder`. */
export function createPatience(folder: string): Patience {
  const path = join(folder, 'backoff.json');
  const read = async (): Promise<Waiting | null> => {
    const bytes = await readIfThere(path);
    const waiting = Waiting.safeParse(parseJson(bytes?.toString('utf8') ?? ''));
    return waiting.success ? waiting.data : null;
  };
  const write = (waiting: Waiting) => replaceFile(path, JSON.stringify(waiting), 0o600);
  return {
    async remainingMs(now, urgent) {
      const waiting = await read();
      if (waiting === null) return 0;
      const elapsedMs = now.getTime() - Date.parse(waiting.since);
      // The clock was set back: what has passed is unknown, and the wait must end all the same.
      if (elapsedMs < 0) await write({ ...waiting, since: now.toISOString() });
      const wait = waiting.askedMs + (urgent ? 0 : waiting.ownMs);
      return Math.max(0, wait - Math.max(0, elapsedMs));
    },
    async failed(now, askedMs, random) {
      const failures = ((await read())?.failures ?? 0) + 1;
      const ceilingMs = Math.min(MAX_OWN_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 20));
      const asked = Math.ceil(Math.min(MAX_ASKED_WAIT_MS, askedMs ?? 0));
      const ownMs = Math.floor(random() * ceilingMs);
      await write({ failures, since: now.toISOString(), askedMs: asked, ownMs });
      return asked + ownMs;
    },
    async succeeded() {
      if ((await readIfThere(path)) !== null) await removeFile(path);
    },
  };
}
