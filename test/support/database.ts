// Owns the throwaway core databases of the tests: a real SQLite file each, migrated once per test process and copied.
import { rmSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyMigrations } from '../../prisma/migrate.ts';
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

/** Copies an empty, migrated database to `path`; migrating takes place once per process. */
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

async function makeTemplate(): Promise<string> {
  const folder = await makeFolder();
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'template.db');
  await applyMigrations({ databasePath: path });
  return path;
}
