/**
 * Owns the removal of files that the store has let go of. To unlink gigabytes at once would hold the file system's journal,
 * and with it every sync of new batches; so they are cut off piece by piece, by Node's own threads, and then unlinked.
 */
import { open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Month } from './store.ts';

const PIECE_BYTES = 64 * 1024 * 1024;
/** What a file of a month is called until it is gone. */
export const DROPPED = '.dropped';

/** A month whose raw rows are given up, and how large they were. */
export interface DroppedMonth {
  readonly month: Month;
  readonly bytes: number;
}

export interface Disposal {
  /** Begins to remove what waits in the folder, and goes on where a kill ended it. Resolves when all is gone; does nothing more while it runs. */
  run(): Promise<void>;
  /** Ends it after the piece in hand; the rest waits for the next start. */
  stop(): Promise<void>;
}

/** Removes the folder's dropped files. `note` is told of each before it goes: again where a kill came between. */
export function createDisposal(
  dir: string,
  note: (dropped: DroppedMonth) => Promise<void>,
  pieceBytes = PIECE_BYTES,
): Disposal {
  let stopping = false;
  let running: Promise<void> | null = null;

  return {
    run() {
      running ??= removeAll().finally(() => {
        running = null;
      });
      return running;
    },
    async stop() {
      stopping = true;
      await running?.catch(() => undefined);
      stopping = false;
    },
  };

  async function removeAll(): Promise<void> {
    for (const name of await readdir(dir)) {
      if (stopping) return;
      if (name.endsWith(`.db${DROPPED}`)) await remove(name);
    }
  }

  async function remove(name: string): Promise<void> {
    const path = join(dir, name);
    const file = await open(path, 'r+');
    try {
      const { size } = await file.stat();
      await note({ month: name.slice(0, 7), bytes: size });
      for (let left = size - pieceBytes; left > 0; left -= pieceBytes) {
        if (stopping) return;
        await file.truncate(left);
      }
    } finally {
      await file.close();
    }
    await unlink(path);
  }
}
