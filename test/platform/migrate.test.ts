import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import RawDatabase from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyMigrations, diffSchemas, MIGRATIONS_DIR, MigrationError, newMigration } from '../../prisma/migrate.ts';
import { readPostgresSchemas } from '../../prisma/postgres/generate.ts';
import { makeFolder } from '../support/database.ts';

let folder: string;
let databasePath: string;
let migrationsDir: string;

beforeEach(async () => {
  folder = await makeFolder();
  databasePath = join(folder, 'core.db');
  migrationsDir = join(folder, 'migrations');
  await cp(MIGRATIONS_DIR, migrationsDir, { recursive: true });
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('migrations', () => {
  it('stand for the whole schema', async () => {
    const [schema, snapshot] = await Promise.all([
      readFile(join(MIGRATIONS_DIR, '..', 'schema.prisma'), 'utf8'),
      readFile(join(MIGRATIONS_DIR, 'schema.prisma'), 'utf8'),
    ]);
    expect(await diffSchemas(snapshot, schema), 'run `node prisma/migrate.ts new NAME`').toBe('');
  });

  it('have the PostgreSQL schema at their side, up to date', async () => {
    const { committed, fresh } = await readPostgresSchemas();
    expect(committed, 'run `node prisma/postgres/generate.ts`').toBe(fresh);
  });

  it('make the search index and the triggers that keep it', async () => {
    await applyMigrations({ databasePath });
    const names = query("SELECT name FROM sqlite_master WHERE name LIKE '%fts%' ORDER BY name");
    const expected = ['app_fts', 'app_fts_config', 'app_fts_data', 'app_fts_docsize', 'app_fts_idx'];
    expect(names).toEqual(
      [...expected, 'apps_fts_delete', 'apps_fts_insert', 'apps_fts_update'].map((name) => ({ name })),
    );
  });

  it('keep what search finds in step with the apps', async () => {
    await applyMigrations({ databasePath });
    withDatabase((db) => {
      db.exec("INSERT INTO developers (id, email, name, created_at, updated_at) VALUES ('d', 'e', 'n', 0, 0)");
      const insert =
        db.prepare(`INSERT INTO apps (id, developer_id, package_id, name, summary, tag_text, tags, created_at, updated_at)
        VALUES (?, 'd', ?, ?, ?, ?, '[]', 0, 0)`);
      insert.run('a', 'com.a', 'Weather', 'Tells whether it rains', 'météo outdoor');
      insert.run('b', 'com.b', 'Chess', 'A board game', 'games');
      const find = (text: string) =>
        db
          .prepare('SELECT apps.id FROM app_fts JOIN apps ON apps.row_id = app_fts.rowid WHERE app_fts MATCH ?')
          .pluck()
          .all(text);
      expect([find('rains'), find('meteo'), find('wea*'), find('chess')]).toEqual([['a'], ['a'], ['a'], ['b']]);
      db.exec("UPDATE apps SET name = 'Forecast', summary = '' WHERE id = 'a'; DELETE FROM apps WHERE id = 'b'");
      expect([find('weather'), find('forecast'), find('chess')]).toEqual([[], ['a'], []]);
      db.exec("INSERT INTO app_fts(app_fts, rank) VALUES ('integrity-check', 1)");
    });
  });

  it('do nothing the second time', async () => {
    expect(await applyMigrations({ databasePath })).toHaveLength((await migrations()).length);
    const before = query('SELECT * FROM _prisma_migrations');
    expect(await applyMigrations({ databasePath })).toEqual([]);
    expect(query('SELECT * FROM _prisma_migrations')).toEqual(before);
  });

  it('read no rows but their own where nothing is to be applied: a start is as fast with a large store as with none', async () => {
    await applyMigrations({ databasePath });
    withDatabase((db) => {
      db.pragma('foreign_keys = OFF');
      db.exec("INSERT INTO app_members VALUES ('nobody', 'nobody', 'OWNER', 0)");
    });
    // Whoever went through the rows would have found it.
    expect(await applyMigrations({ databasePath })).toEqual([]);
  });

  it('bring a database at an older migration up to date, with its rows', async () => {
    await applyMigrations({ databasePath, migrationsDir });
    withDatabase((db) => db.exec("INSERT INTO settings VALUES ('k', '1', 0)"));
    await addMigration('29990101000000_more', 'ALTER TABLE settings ADD COLUMN note TEXT;');
    expect(await applyMigrations({ databasePath, migrationsDir })).toEqual(['29990101000000_more']);
    expect(query('SELECT key, note FROM settings')).toEqual([{ key: 'k', note: null }]);
  });

  it('leave nothing of a migration that fails, name it, and apply it once it is mended', async () => {
    const half = 'CREATE TABLE half (id TEXT);\nINSERT INTO nowhere VALUES (1);';
    await addMigration('29990101000000_broken', half);
    const failure = await applyMigrations({ databasePath, migrationsDir }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MigrationError);
    expect(failure).toMatchObject({
      migration: '29990101000000_broken',
      message: expect.stringMatching(/29990101000000_broken was not applied.*no such table: nowhere/s),
    });
    expect(query("SELECT name FROM sqlite_master WHERE name = 'half'")).toEqual([]);

    await addMigration('29990101000000_broken', 'CREATE TABLE half (id TEXT);');
    expect(await applyMigrations({ databasePath, migrationsDir })).toEqual(['29990101000000_broken']);
    expect(query("SELECT name FROM sqlite_master WHERE name = 'half'")).toHaveLength(1);
  });

  it('go on after the process was killed within one', async () => {
    await applyMigrations({ databasePath, migrationsDir });
    await addMigration('29990101000000_more', 'CREATE TABLE more (id TEXT);');
    withDatabase((db) =>
      db.exec(`INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, applied_steps_count)
        VALUES ('x', 'of the file', '29990101000000_more', '2026-01-01T00:00:00.000+00:00', 0)`),
    );
    expect(await applyMigrations({ databasePath, migrationsDir })).toEqual(['29990101000000_more']);
    expect(await applyMigrations({ databasePath, migrationsDir })).toEqual([]);
  });

  it('refuse to leave rows that refer to missing rows', async () => {
    const orphan = `INSERT INTO sessions (id, developer_id, created_at, last_used_at, expires_at, absolute_expires_at, public_id)
      VALUES ('s', 'nobody', 0, 0, 0, 0, 'p');`;
    await addMigration('29990101000000_orphan', orphan);
    await expect(applyMigrations({ databasePath, migrationsDir })).rejects.toThrow(/first in table sessions/);
    expect(query('SELECT * FROM sessions')).toEqual([]);
  });

  it('refuse a database of a newer version', async () => {
    await addMigration('29990101000000_newer', 'CREATE TABLE newer (id TEXT);');
    await applyMigrations({ databasePath, migrationsDir });
    await expect(applyMigrations({ databasePath })).rejects.toThrow(/29990101000000_newer.*does not know/);
  });

  it('are written as the difference from the last one, once', async () => {
    const schemaPath = join(folder, 'schema.prisma');
    const schema = await readFile(join(MIGRATIONS_DIR, '..', 'schema.prisma'), 'utf8');
    await writeFile(schemaPath, `${schema}\nmodel Extra {\n  id String @id\n  @@map("extra")\n}\n`);
    const options = { name: 'extra', at: new Date('2999-01-01T00:00:00Z'), migrationsDir, schemaPath };
    expect(await newMigration(options)).toBe('29990101000000_extra');
    const script = await readFile(join(migrationsDir, '29990101000000_extra', 'migration.sql'), 'utf8');
    expect(script).toContain('CREATE TABLE "extra"');
    expect(script).not.toContain('developers');
    expect(await newMigration({ ...options, name: 'again' })).toBeNull();
    await expect(newMigration({ ...options, name: '../up' })).rejects.toThrow('lower-case');
  });
});

async function migrations(): Promise<string[]> {
  const entries = await readdir(MIGRATIONS_DIR, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function addMigration(name: string, script: string): Promise<void> {
  await mkdir(join(migrationsDir, name), { recursive: true });
  await writeFile(join(migrationsDir, name, 'migration.sql'), script);
}

function withDatabase<T>(fn: (db: RawDatabase.Database) => T): T {
  const db = new RawDatabase(databasePath);
  try {
    return fn(db);
  } finally {
    db.close();
  }
}

function query(text: string): unknown[] {
  return withDatabase((db) => db.prepare(text).all());
}
