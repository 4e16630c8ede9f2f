/** Owns the adding of columns to files of an earlier release: SQLite has no `ADD COLUMN IF NOT EXISTS`. */
import type Database from 'better-sqlite3';

/** Adds a column where the table lacks it. The names and the definition are constants of ours, never input. */
export function addColumn(db: Database.Database, table: string, column: string, definition: string): void {
  const there = db.prepare<[string, string], { n: number }>(
    'SELECT count(*) AS n FROM pragma_table_info(?) WHERE name = ?',
  );
  if (there.get(table, column)?.n === 0) db.exec(`ALTER TABLE ${table} ADD COLUMN ${column} ${definition}`);
}
