/** Owns the one pending change of what is installed: written before it begins, removed after it ended, finished at start. */
import { join } from 'node:path';
import { z } from 'zod';
import { exists, readIfThere, removeFile, removeTree, replaceFile } from './durable.ts';
import { DeviceError } from './errors.ts';
import { whereRoom } from './space.ts';
import { namesIn, type Storage } from './storage.ts';
import { Change, performChange, undoChange } from './swap.ts';

/** Called before each step that a power cut could separate from the next; a device shows progress by it. */
export type OnStep = (step: string) => void;

export interface Journal {
  /**
   * Writes the change down and carries it out. A kill in between leaves it to `recover`; a failure (no room, no permission)
   * takes back what was done and throws, and what was installed before still is.
   */
  carryOut(change: Change): Promise<void>;
  /** Finishes what a kill interrupted and clears leftovers. Says what it finished, or null. */
  recover(): Promise<Change | null>;
  /** Removes what was staged for a change that will not happen; while one is pending, nothing. */
  clear(): Promise<void>;
}

export function createJournal(storage: Storage, onStep: OnStep): Journal {
  const path = join(storage.folders.state, 'journal.json');
  const perform = async (change: Change) => {
    try {
      await performChange(storage, change, onStep);
    } catch (error) {
      // Where even this fails, the journal stays, and the next start goes on from wherever things are.
      if (await undoChange(storage, change, onStep)) await end();
      throw error;
    }
    onStep('clear-journal');
    await end();
    onStep('done');
  };
  const end = async () => {
    await removeFile(path);
    await clearStaging(storage);
  };
  return {
    async carryOut(change) {
      onStep('write-journal');
      await replaceFile(path, `${JSON.stringify(Change.parse(change))}\n`);
      await perform(change);
    },
    async recover() {
      const bytes = await readIfThere(path);
      if (bytes === null) {
        await clearStaging(storage);
        return null;
      }
      const change = parseChange(bytes.toString('utf8'), path);
      await perform(change);
      return change;
    },
    async clear() {
      if (!(await exists(path))) await clearStaging(storage);
    },
  };
}

function parseChange(text: string, path: string): Change {
  try {
    return Change.parse(JSON.parse(text));
  } catch (cause) {
    if (!(cause instanceof z.ZodError || cause instanceof SyntaxError)) throw cause;
    throw new DeviceError('STATE_BROKEN', `${path} does not hold what this device wrote there.`, { cause });
  }
}

/** What is staged without a journal entry is half extracted, or was replaced: garbage either way. What cannot go now goes at a later start. */
async function clearStaging(storage: Storage): Promise<void> {
  for (const name of await namesIn(storage.folders.staging))
    await whereRoom(() => removeTree(join(storage.folders.staging, name)));
}
