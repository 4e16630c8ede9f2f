/**
 * Owns how often each version was downloaded on each UTC day: counted in memory and added to the database now and then. Who
 * downloads is neither asked nor known. A server that is killed loses what it counted since the last time.
 */
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { Log } from '../platform/log.ts';

export type DownloadKind = 'full' | 'delta';

export interface DownloadCounts {
  /** A download counts, by an answer that `bytes` went out with. */
  add(versionId: string, kind: DownloadKind, bytes: number): void;
  /** Adds what was counted to the database, in one transaction; what cannot be added stays for the next time. */
  flush(): Promise<void>;
  /** Adds the rest, and counts into the database no more. */
  stop(): Promise<void>;
}

interface Count {
  readonly versionId: string;
  readonly day: string;
  full: number;
  delta: number;
  bytes: number;
}

interface CountsOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly flushMs: number;
}

/** Counts held before they are added, however long the database is away. */
const MAX_HELD = 50_000;

export function createDownloadCounts({ db, clock, log, flushMs }: CountsOptions): DownloadCounts {
  let held = new Map<string, Count>();
  let running: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    flush().catch((error: unknown) => log.error({ err: error }, 'downloads could not be added to their counts'));
  }, flushMs);
  timer.unref();

  function merge({ versionId, day, full, delta, bytes }: Count): void {
    const key = `${day} ${versionId}`;
    const known = held.get(key);
    if (known === undefined) {
      if (held.size < MAX_HELD) held.set(key, { versionId, day, full, delta, bytes });
      return;
    }
    known.full += full;
    known.delta += delta;
    known.bytes += bytes;
  }

  async function write(): Promise<void> {
    const counts = [...held.values()];
    if (counts.length === 0) return;
    held = new Map();
    try {
      await db.transaction(async (tx) => {
        for (const { versionId, day, full, delta, bytes } of counts) {
          await tx.downloadCount.upsert({
            where: { versionId_day: { versionId, day } },
            create: { versionId, day, full, delta, bytes },
            update: { full: { increment: full }, delta: { increment: delta }, bytes: { increment: bytes } },
          });
        }
      });
    } catch (error) {
      for (const count of counts) merge(count);
      throw error;
    }
  }

  function flush(): Promise<void> {
    const run = running.then(write);
    running = run.catch(() => undefined);
    return run;
  }

  return {
    add(versionId, kind, bytes) {
      const day = clock.now().toISOString().slice(0, 10);
      merge({ versionId, day, full: kind === 'full' ? 1 : 0, delta: kind === 'delta' ? 1 : 0, bytes });
    },
    flush,
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
