// Owns the making of the PostgreSQL schema from the SQLite one; `node prisma/postgres/generate.ts` writes it.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const SOURCE = join(import.meta.dirname, '..', 'schema.prisma');
const TARGET = join(import.meta.dirname, 'schema.prisma');

const HEADER = '// Generated from prisma/schema.prisma by prisma/postgres/generate.ts; do not edit.\n';

/**
 * The same models for PostgreSQL: provider and output differ, and the Pothos generator is left out (the GraphQL types
 * are the same). Throws when the source does not have what is to be replaced.
 */
export function toPostgresSchema(source: string): string {
  let schema = replaceOnce(source, /provider = "sqlite"/, 'provider = "postgresql"');
  schema = replaceOnce(schema, /"\.\.\/server\/generated\/prisma"/, '"../../server/generated/postgres"');
  schema = replaceOnce(schema, /\ngenerator pothos \{[^}]*\}\n/, '');
  return HEADER + schema;
}

/** The committed PostgreSQL schema, and what it should be. */
export async function readPostgresSchemas(): Promise<{ committed: string; fresh: string }> {
  const [committed, source] = await Promise.all([readFile(TARGET, 'utf8'), readFile(SOURCE, 'utf8')]);
  return { committed, fresh: toPostgresSchema(source) };
}

function replaceOnce(text: string, pattern: RegExp, replacement: string): string {
  if (!pattern.test(text)) throw new Error(`prisma/schema.prisma has nothing that matches ${pattern}`);
  return text.replace(pattern, () => replacement);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await writeFile(TARGET, toPostgresSchema(await readFile(SOURCE, 'utf8')));
  console.log('Wrote prisma/postgres/schema.prisma.');
}
