// Owns applying migrations in a process of its own: the schema engine takes some 50 MB that only its end gives back.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { applyMigrations, MigrationError, pendingMigrations } from './migrate.ts';

const PROGRAM = fileURLToPath(new URL('./migrate-apart.ts', import.meta.url));
const MARK = '--apply-migrations-to';
const outcomeSchema = z.union([
  z.object({ applied: z.array(z.string()) }),
  z.object({ message: z.string(), migration: z.string().optional() }),
]);

/** `applyMigrations` for the file at `databasePath`; starts no process when nothing is pending. Throws MigrationError. */
export async function applyMigrationsApart(databasePath: string): Promise<string[]> {
  if (!(await pendingMigrations(databasePath))) return [];
  const flags = ['--disable-warning=ExperimentalWarning', PROGRAM, MARK, databasePath];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { env: { ...process.env, NODE_OPTIONS: '' } });
  const outcome = outcomeSchema.parse(JSON.parse(stdout));
  if ('applied' in outcome) return outcome.applied;
  throw new MigrationError(outcome.message, { migration: outcome.migration, cause: undefined });
}

/** Only in that process: answers with what was applied, or with the failure in plain words. */
async function run(databasePath: string): Promise<z.input<typeof outcomeSchema>> {
  try {
    return { applied: await applyMigrations({ databasePath }) };
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error;
    return { message: error.message, ...(error.migration === undefined ? {} : { migration: error.migration }) };
  }
}

const [, , mark, databasePath] = process.argv;
if (mark === MARK && databasePath !== undefined) process.stdout.write(JSON.stringify(await run(databasePath)));
