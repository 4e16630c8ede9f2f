// Owns the reading of database errors, so that services can tell a conflict from a fault on every database.

/**
 * Whether a write failed because a row with the same unique values exists. With `fields` (model field or column names),
 * only if the violated constraint is over exactly these. Knows Prisma's P2002 as SQLite (names columns) and PostgreSQL
 * (names columns or the index) report it.
 */
export function isUniqueViolation(error: unknown, fields?: readonly string[]): boolean {
  if (property(error, 'code') !== 'P2002') return false;
  if (fields === undefined) return true;
  const wanted = fields.map(plain).sort();
  const meta = property(error, 'meta');
  const constraint = property(property(property(meta, 'driverAdapterError'), 'cause'), 'constraint');
  const named = names(property(constraint, 'fields')) ?? names(property(meta, 'target'));
  if (named) return named.map(plain).sort().join() === wanted.join();
  const index = property(constraint, 'index');
  return typeof index === 'string' && indexCovers(index, fields);
}

/** Whether a write failed because a row that it refers to does not exist (or is still referred to). */
export function isForeignKeyViolation(error: unknown): boolean {
  return property(error, 'code') === 'P2003';
}

/** Whether an update or delete by unique key found no row. */
export function isNotFound(error: unknown): boolean {
  return property(error, 'code') === 'P2025';
}

/** Whether a transaction waited or ran too long; nothing of it is in the database. */
export function isOutOfTime(error: unknown): boolean {
  return property(error, 'code') === 'P2028';
}

/** Prisma names an index `<table>_<column>_<column>_key`. */
function indexCovers(index: string, fields: readonly string[]): boolean {
  const columns = fields.map((field) => snake(field)).join('_');
  return index.endsWith(`_${columns}_key`) || index.endsWith(`_${columns}_pkey`);
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function names(value: unknown): string[] | undefined {
  return Array.isArray(value) && value.every((name) => typeof name === 'string') ? value : undefined;
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `appId`, `app_id` and `"app_id"` are the same field. */
function plain(name: string): string {
  return name.replace(/["_]/g, '').toLowerCase();
}
