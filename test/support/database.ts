// Owns the throwaway core databases of the tests: a real SQLite file each, copied from one that is migrated once.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyMigrations, MIGRATIONS_DIR } from '../../prisma/migrate.ts';
import { type OpenOptions, openDatabase, type SqliteDatabase } from '../../server/platform/db/sqlite.ts';

export type TestDatabase = {
  db: SqliteDatabase;
  /** The folder of its own that holds `core.db`. */
  folder: string;
  path: string;
  /** Closes the database and removes the folder. */
  dispose(): Promise<void>;
};

let template: Promise<string> | undefined;

/** An empty folder that the caller removes. */
export function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'mosis-test-'));
}

/** Copies an empty, migrated database to `path`; migrating takes place only when the migrations have changed. */
export async function copyMigratedDatabase(path: string): Promise<void> {
  template ??= makeTemplate();
  await copyFile(await template, path);
}

/** A migrated, empty, open database in a folder of its own. */
export async function createTestDatabase(limits: Omit<OpenOptions, 'path'> = {}): Promise<TestDatabase> {
  const folder = await makeFolder();
  const path = join(folder, 'core.db');
  await copyMigratedDatabase(path);
  const db = await openDatabase({ path, ...limits });
  return {
    db,
    folder,
    path,
    async dispose() {
      await db.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One file for each state of the migrations, shared by all test processes and kept for the next run. */
async function makeTemplate(): Promise<string> {
  const hash = createHash('sha256');
  for (const entry of (await readdir(MIGRATIONS_DIR, { recursive: true })).toSorted()) {
    if (entry.endsWith('.sql')) hash.update(entry).update(await readFile(join(MIGRATIONS_DIR, entry)));
  }
  const path = join(tmpdir(), `mosis-template-${hash.digest('hex').slice(0, 16)}.db`);
  if (existsSync(path)) return path;
  const folder = await makeFolder();
  await applyMigrations({ databasePath: join(folder, 'template.db') });
  // Whole or not at all: another process may be making the same.
  await rename(join(folder, 'template.db'), path);
  await rm(folder, { recursive: true });
  return path;
}
