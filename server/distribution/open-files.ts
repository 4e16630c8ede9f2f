/** Owns the descriptors of files that downloads read: a bounded number stays open, and each is closed once nobody reads it. */
import { close, open } from 'node:fs';
import { promisify } from 'node:util';

const openDescriptor = promisify(open);
const closeDescriptor = promisify(close);

interface Entry {
  readonly descriptor: Promise<number>;
  readers: number;
  kept: boolean;
}

/** A descriptor on loan; `release` must be called once, and only once reading has ended. */
export interface OpenFile {
  readonly descriptor: number;
  release(): void;
}

export interface OpenFiles {
  /** Opens the file or hands out the descriptor that is open already. Throws what opening throws. */
  acquire(path: string): Promise<OpenFile>;
  /** Descriptors that are open now. */
  count(): number;
  /** Closes what nobody reads; the rest closes when its last reader ends. */
  close(): void;
}

/** Keeps at most `maxKept` descriptors beyond those being read, the longest unused closed first. Files must be immutable. */
export function createOpenFiles(maxKept: number): OpenFiles {
  const kept = new Map<string, Entry>();
  let openNow = 0;

  function end(entry: Entry): void {
    entry.descriptor.then(closeDescriptor).then(
      () => {
        openNow -= 1;
      },
      // The file never opened; whoever waited for it has been told.
      () => {},
    );
  }

  function forget(path: string, entry: Entry): void {
    if (kept.get(path) === entry) kept.delete(path);
    entry.kept = false;
    if (entry.readers === 0) end(entry);
  }

  function release(entry: Entry): void {
    entry.readers -= 1;
    if (entry.readers === 0 && !entry.kept) end(entry);
  }

  function start(path: string): Entry {
    const descriptor = openDescriptor(path, 'r').then((opened) => {
      openNow += 1;
      return opened;
    });
    return { descriptor, readers: 0, kept: true };
  }

  return {
    async acquire(path) {
      const entry = kept.get(path) ?? start(path);
      entry.readers += 1;
      kept.delete(path);
      kept.set(path, entry);
      for (const [oldPath, old] of kept) {
        if (kept.size <= maxKept) break;
        forget(oldPath, old);
      }
      try {
        const descriptor = await entry.descriptor;
        let released = false;
        return {
          descriptor,
          release() {
            if (released) return;
            released = true;
            release(entry);
          },
        };
      } catch (error) {
        if (kept.get(path) === entry) kept.delete(path);
        throw error;
      }
    },
    count: () => openNow,
    close() {
      for (const [path, entry] of kept) forget(path, entry);
    },
  };
}
