// Owns the applying and the making of migrations: pending ones are applied before a client opens the database, and
// `node prisma/migrate.ts new NAME` writes the next one. It must never run beside an open client.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bindMigrationAwareSqlAdapterFactory, isDriverAdapterError } from '@prisma/driver-adapter-utils';
import type { MigrationDirectory, MigrationList, SchemaEngine, SchemaFilter } from '@prisma/schema-engine-wasm';
import {
  createSqliteMigrationFactory,
  type MigrationAdapterFactory,
  type ScriptFailure,
  sql,
} from './schema-engine.ts';

/** The migrations of the SQLite database that ship with the server. */
export const MIGRATIONS_DIR = join(import.meta.dirname, 'migrations');

const SCHEMA_PATH = join(import.meta.dirname, 'schema.prisma');

/** The full-text index and its shadow tables: made by SQL of our own, unknown to the Prisma schema. */
const FILTERS: SchemaFilter = {
  externalTables: ['app_fts', 'app_fts_config', 'app_fts_data', 'app_fts_docsize', 'app_fts_idx'],
  externalEnums: [],
};

/** A migration could not be applied; `migration` names it when it is known. Nothing of it is in the database. */
export class MigrationError extends Error {
  readonly migration: string | undefined;

  constructor(message: string, options: { migration?: string | undefined; cause: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'MigrationError';
    this.migration = options.migration;
  }
}

export type ApplyOptions = {
  /** The SQLite file; made if it is missing. Ignored when `adapterFactory` is given. */
  databasePath?: string;
  /** Another database to migrate; its connections are closed at the end. */
  adapterFactory?: MigrationAdapterFactory;
  /** Default: `MIGRATIONS_DIR`. */
  migrationsDir?: string;
};

/**
 * Applies the migrations that the database does not have yet, in order, and returns their names.
 * Each runs in a transaction of its own. Throws MigrationError with the name and the database's message; the database
 * then stands at the migration before it. No client may be open on the database.
 */
export async function applyMigrations(options: ApplyOptions): Promise<string[]> {
  const migrationsDir = options.migrationsDir ?? MIGRATIONS_DIR;
  const list = await readMigrations(migrationsDir);
  const factory = options.adapterFactory ?? createSqliteMigrationFactory(requirePath(options.databasePath));
  try {
    if (await isUpToDate(factory, list)) return [];
    const engine = await openEngine(factory, await readFile(SCHEMA_PATH, 'utf8'));
    try {
      const result = await engine.applyMigrations({ migrationsList: list, filters: FILTERS });
      return result.appliedMigrationNames;
    } finally {
      engine.free();
    }
  } catch (error) {
    throw toMigrationError(error, list, factory.scriptFailure());
  } finally {
    await factory.disposeAll();
  }
}

/** Whether the file at `databasePath` lacks a migration (or is not there yet); cheap, for it loads no engine. */
export async function pendingMigrations(databasePath: string): Promise<boolean> {
  const factory = createSqliteMigrationFactory(databasePath);
  try {
    return !(await isUpToDate(factory, await readMigrations(MIGRATIONS_DIR)));
  } finally {
    await factory.disposeAll();
  }
}

/**
 * The SQL that leads from one Prisma schema to another (an empty text if nothing changed).
 * Triggers and the full-text index are not seen: a migration that rebuilds `apps` must make its triggers again.
 */
export async function diffSchemas(from: string | null, to: string): Promise<string> {
  const factory = createSqliteMigrationFactory(':memory:');
  try {
    const engine = await openEngine(factory, to);
    try {
      const files = (content: string) => ({
        tag: 'schemaDatamodel' as const,
        files: [{ path: 'schema.prisma', content }],
      });
      const result = await engine.diff({
        from: from === null ? { tag: 'empty' } : files(from),
        to: files(to),
        script: true,
        exitCode: true,
        filters: FILTERS,
      });
      return result.exitCode === 2 ? (result.stdout ?? '') : '';
    } finally {
      engine.free();
    }
  } finally {
    await factory.disposeAll();
  }
}

/**
 * Writes `<timestamp>_<name>/migration.sql` with the difference between the schema as of the last migration
 * (`migrations/schema.prisma`) and now; returns the folder's name, or null when the schemas are equal.
 */
export async function newMigration(options: {
  name: string;
  at: Date;
  migrationsDir?: string;
  schemaPath?: string;
}): Promise<string | null> {
  if (!/^[a-z][a-z0-9_]{0,60}$/.test(options.name)) {
    throw new Error('A migration name has lower-case letters, digits and underscores, and starts with a letter');
  }
  const migrationsDir = options.migrationsDir ?? MIGRATIONS_DIR;
  const snapshotPath = join(migrationsDir, 'schema.prisma');
  const schema = await readFile(options.schemaPath ?? SCHEMA_PATH, 'utf8');
  const script = await diffSchemas(await readIfPresent(snapshotPath), schema);
  if (script === '') return null;
  const stamp = options.at.toISOString().replace(/\D/g, '').slice(0, 14);
  const folder = `${stamp}_${options.name}`;
  await mkdir(join(migrationsDir, folder));
  await writeFile(join(migrationsDir, folder, 'migration.sql'), script);
  await writeFile(snapshotPath, schema);
  return folder;
}

async function openEngine(factory: MigrationAdapterFactory, schema: string): Promise<SchemaEngine> {
  const { SchemaEngine } = await import('@prisma/schema-engine-wasm');
  const bound = bindMigrationAwareSqlAdapterFactory(factory);
  return SchemaEngine.new({ datamodels: [['schema.prisma', schema]] }, () => {}, bound);
}

/**
 * Whether every migration is applied as it stands in its file; saves loading the engine (some 50 MB) at most starts.
 * A script and the mark that it ran commit together (MigrationAdapter), so a history row without an end is one whose
 * script rolled back: it is marked so, and the engine tries it again.
 */
async function isUpToDate(factory: MigrationAdapterFactory, list: MigrationList): Promise<boolean> {
  const connection = await factory.connect();
  try {
    const tables = await connection.queryRaw(sql("SELECT 1 FROM sqlite_master WHERE name = '_prisma_migrations'"));
    if (tables.rows.length === 0) return false;
    const unfinished = await connection.queryRaw(
      sql('SELECT 1 FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL LIMIT 1'),
    );
    // Seldom: what is written here has the whole database checked for rows that refer to nothing, as after each migration.
    if (unfinished.rows.length > 0) {
      await connection.executeScript(
        'UPDATE _prisma_migrations SET rolled_back_at = started_at WHERE finished_at IS NULL AND rolled_back_at IS NULL',
      );
    }
    const history = await connection.queryRaw(
      sql('SELECT migration_name, checksum FROM _prisma_migrations WHERE rolled_back_at IS NULL'),
    );
    const applied = new Map(history.rows.map((row) => [row[0], row[1]]));
    const files = list.migrationDirectories;
    const unknown = [...applied.keys()].find((name) => !files.some((file) => file.path === name));
    if (unknown !== undefined) {
      const migration = String(unknown);
      const message = `The database has migration ${migration}, which this version does not know: run the newer version that made it, or restore a backup from before it`;
      throw new MigrationError(message, { migration, cause: undefined });
    }
    return applied.size === files.length && files.every((file) => applied.get(file.path) === checksumOf(file));
  } finally {
    await connection.dispose();
  }
}

function checksumOf(directory: MigrationDirectory): string | undefined {
  const { content } = directory.migrationFile;
  return content.tag === 'ok' ? createHash('sha256').update(content.value).digest('hex') : undefined;
}

async function readMigrations(migrationsDir: string): Promise<MigrationList> {
  const entries = await readdir(migrationsDir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const migrationDirectories = await Promise.all(
    names.sort().map(async (name) => ({
      path: name,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok' as const, value: await readFile(join(migrationsDir, name, 'migration.sql'), 'utf8') },
      },
    })),
  );
  const lockfile = await readIfPresent(join(migrationsDir, 'migration_lock.toml'));
  return {
    baseDir: migrationsDir,
    lockfile: { path: 'migration_lock.toml', content: lockfile },
    shadowDbInitScript: '',
    migrationDirectories,
  };
}

function toMigrationError(error: unknown, list: MigrationList, failure: ScriptFailure | undefined): MigrationError {
  if (error instanceof MigrationError) return error;
  const migration = list.migrationDirectories.find(({ migrationFile: { content } }) => {
    return content.tag === 'ok' && content.value === failure?.script;
  })?.path;
  const name = migration === undefined ? 'A migration' : `Migration ${migration}`;
  const reason = messageOf(failure?.error ?? error);
  return new MigrationError(`${name} was not applied, nothing of it was kept: ${reason}`, { migration, cause: error });
}

function messageOf(error: unknown): string {
  if (isDriverAdapterError(error) && error.cause.originalMessage !== undefined) return error.cause.originalMessage;
  return error instanceof Error ? error.message : String(error);
}

function requirePath(databasePath: string | undefined): string {
  if (databasePath === undefined) throw new TypeError('applyMigrations needs databasePath or adapterFactory');
  return databasePath;
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function main(args: string[]): Promise<void> {
  const [command, value] = args;
  if (command === 'new' && value !== undefined) {
    const folder = await newMigration({ name: value, at: new Date() });
    console.log(folder === null ? 'The schema has not changed since the last migration.' : `Wrote ${folder}.`);
  } else if (command === 'apply' && value !== undefined) {
    await mkdir(dirname(value), { recursive: true });
    const applied = await applyMigrations({ databasePath: value });
    console.log(applied.length === 0 ? 'Nothing to apply.' : `Applied ${applied.join(', ')}.`);
  } else if (command === 'diff') {
    const before = await readIfPresent(join(MIGRATIONS_DIR, 'schema.prisma'));
    console.log(await diffSchemas(before, await readFile(SCHEMA_PATH, 'utf8')));
  } else {
    console.error('Usage: node prisma/migrate.ts new NAME | apply DATABASE_FILE | diff');
    process.exitCode = 2;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(process.argv.slice(2));
}
