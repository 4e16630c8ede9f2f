// Owns the opening and closing of the core database on SQLite; it must not apply migrations or take the folder's lock.
import RawDatabase, { type Database as RawHandle } from 'better-sqlite3';
import { PrismaClient } from '../../generated/prisma/client.ts';
import type { Database } from './database.ts';
import { OneWriterSqlite, READER_PRAGMAS } from './sqlite-adapter.ts';

const MAX_WAIT_MS = 30_000;
const MAX_TRANSACTION_MS = 10_000;

/** The core database on SQLite. */
export type SqliteDatabase = Database & {
  readonly dialect: 'sqlite';
  /** A read-only connection for prepared SQL; it sees everything committed. Dates are ISO 8601 text with `+00:00`. */
  readonly raw: RawHandle;
};

export type OpenOptions = {
  path: string;
  /** How long a transaction may wait for its turn; default 30 s. */
  maxWaitMs?: number;
  /** How long a transaction may run; default 10 s. */
  maxTransactionMs?: number;
};

/**
 * Opens the migrated database at `path` (see `applyMigrations`, which comes first). WAL, `synchronous=FULL`, foreign
 * keys on. Throws if the file is missing.
 */
export async function openDatabase(options: OpenOptions): Promise<SqliteDatabase> {
  const { path, maxWaitMs = MAX_WAIT_MS, maxTransactionMs = MAX_TRANSACTION_MS } = options;
  const adapter = new OneWriterSqlite(path);
  const prisma = new PrismaClient({
    adapter,
    transactionOptions: { maxWait: maxWaitMs, timeout: maxTransactionMs },
    errorFormat: 'minimal',
  });
  const reader = new RawDatabase(path, { fileMustExist: true });
  reader.exec(READER_PRAGMAS);
  await prisma.$connect();

  let closing: Promise<void> | undefined;
  return {
    dialect: 'sqlite',
    prisma,
    raw: reader,
    transaction(fn) {
      if (adapter.inside.getStore()?.open) {
        throw new Error('A transaction inside another would wait for it for ever: pass the transaction client on');
      }
      return prisma.$transaction(async (tx) => {
        const inside = { open: true };
        try {
          return await adapter.inside.run(inside, () => fn(tx));
        } finally {
          // Work that fn left behind (a timer, a floating promise) may write by itself from here on.
          inside.open = false;
        }
      });
    },
    async checkpoint() {
      await prisma.$executeRawUnsafe('PRAGMA wal_checkpoint(TRUNCATE)');
    },
    close() {
      closing ??= (async () => {
        reader.close();
        await prisma.$disconnect();
      })();
      return closing;
    },
  };
}
