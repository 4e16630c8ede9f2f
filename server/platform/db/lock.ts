// Owns the rule that one process at a time uses a data folder. It must not know what is in the folder.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import RawDatabase from 'better-sqlite3';
import { z } from 'zod';

const HOLDER = z.object({ pid: z.number().int(), startedAt: z.string(), address: z.string().optional() });

/** Who uses a data folder. */
export type LockHolder = {
  pid: number;
  /** ISO 8601. */
  startedAt: string;
  /** Where the process answers, if it does. */
  address?: string | undefined;
};

export type FolderLock = {
  /** Replaces what others read about this process, such as its address once it listens. */
  describe(holder: LockHolder): void;
  /** Lets others use the folder; a second call does nothing. */
  release(): void;
};

/** Another living process uses the data folder. */
export class FolderInUse extends Error {
  readonly holder: LockHolder | null;

  constructor(folder: string, holder: LockHolder | null) {
    const who = holder ? `process ${holder.pid}, since ${holder.startedAt}` : 'another process';
    super(`The data folder ${folder} is in use by ${who}: stop it first, or set another DATA_DIR`);
    this.name = 'FolderInUse';
    this.holder = holder;
  }
}

/**
 * Takes the folder for this process (making it if it is missing), until `release` or the end of the process, however it
 * ends. Throws FolderInUse. The lock is the operating system's own, held through SQLite on the empty file `lock`: a dead
 * process leaves none behind, and process numbers, which containers reuse, decide nothing.
 */
export function lockFolder(folder: string, holder: LockHolder): FolderLock {
  mkdirSync(folder, { recursive: true });
  const database = new RawDatabase(join(folder, 'lock'), { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) throw new FolderInUse(folder, readHolder(folder));
    throw error;
  }
  const infoPath = join(folder, 'lock.json');
  const describe = (now: LockHolder) => writeFileSync(infoPath, JSON.stringify(now), { mode: 0o600 });
  describe(holder);
  return {
    describe,
    release() {
      if (!database.open) return;
      rmSync(infoPath, { force: true });
      database.close();
    },
  };
}

/** What the folder's user, or its last one if that was killed, wrote about itself; null if nobody did. */
export function readHolder(folder: string): LockHolder | null {
  try {
    const parsed = HOLDER.safeParse(JSON.parse(readFileSync(join(folder, 'lock.json'), 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    // Missing, or half written by a process that was killed: either way nobody to name.
    return null;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof RawDatabase.SqliteError && error.code.startsWith('SQLITE_BUSY');
}
