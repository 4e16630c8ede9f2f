// Owns the one-writer rule on SQLite: every write of the process goes through one connection behind one queue, and
// SELECTs outside transactions run on a second, read-only one. It must not know any table.
import { AsyncLocalStorage } from 'node:async_hooks';
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import type {
  IsolationLevel,
  SqlDriverAdapter,
  SqlDriverAdapterFactory,
  SqlQuery,
  SqlResultSet,
  Transaction,
} from '@prisma/driver-adapter-utils';
import { createTurns, type Turns } from './turns.ts';

/** Kibibytes of page cache; small enough for two connections in an idle server under 150 MB. */
const WRITER_CACHE_KIB = 8_192;
const READER_CACHE_KIB = 16_384;
/** The write-ahead log shrinks back to this after a checkpoint. */
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;
/** Nobody else writes; a busy database is a checkpoint or a backup, and the wait blocks the event loop. */
const BUSY_TIMEOUT_MS = 1_000;

const WRITER_PRAGMAS = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -${WRITER_CACHE_KIB};
PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES};`;

/** Settings of every read-only connection to the file. */
export const READER_PRAGMAS = `
PRAGMA query_only = ON;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -${READER_CACHE_KIB};`;

/** Inside a transaction: an outside write awaited here would wait for the transaction, so for itself. */
type Inside = { open: boolean };

/**
 * The adapter factory for one SQLite file. `connect` may be called once: a second writer on the file would block the
 * event loop for its whole busy timeout.
 */
export class OneWriterSqlite implements SqlDriverAdapterFactory {
  readonly provider = 'sqlite';
  readonly adapterName = '@prisma/adapter-better-sqlite3';
  /** Set around the callback of a transaction; see `Inside`. */
  readonly inside = new AsyncLocalStorage<Inside>();
  readonly #factory: PrismaBetterSqlite3;
  #connected = false;

  constructor(path: string) {
    this.#factory = new PrismaBetterSqlite3({ url: `file:${path}`, timeout: BUSY_TIMEOUT_MS });
  }

  async connect(): Promise<SqlDriverAdapter> {
    if (this.#connected) throw new Error('The database already has its one writing connection');
    this.#connected = true;
    const writer = await this.#factory.connect();
    await writer.executeScript(WRITER_PRAGMAS);
    const reader = await this.#factory.connect();
    await reader.executeScript(READER_PRAGMAS);
    return new OneWriterAdapter(writer, reader, this.inside);
  }
}

class OneWriterAdapter implements SqlDriverAdapter {
  readonly provider = 'sqlite';
  readonly adapterName = '@prisma/adapter-better-sqlite3';
  readonly #writer: SqlDriverAdapter;
  readonly #reader: SqlDriverAdapter;
  readonly #inside: AsyncLocalStorage<Inside>;
  readonly #turns: Turns = createTurns();

  constructor(writer: SqlDriverAdapter, reader: SqlDriverAdapter, inside: AsyncLocalStorage<Inside>) {
    this.#writer = writer;
    this.#reader = reader;
    this.#inside = inside;
  }

  queryRaw(query: SqlQuery): Promise<SqlResultSet> {
    if (isSelect(query.sql)) return this.#reader.queryRaw(query);
    return this.#write(() => this.#writer.queryRaw(query));
  }

  executeRaw(query: SqlQuery): Promise<number> {
    return this.#write(() => this.#writer.executeRaw(query));
  }

  executeScript(script: string): Promise<void> {
    return this.#write(() => this.#writer.executeScript(script));
  }

  async startTransaction(isolationLevel?: IsolationLevel): Promise<Transaction> {
    if (isolationLevel !== undefined && isolationLevel !== 'SERIALIZABLE') {
      throw new Error(`SQLite transactions are serialisable, not ${isolationLevel}`);
    }
    this.#refuseInside();
    const release = await this.#turns.take();
    try {
      // IMMEDIATE takes the write lock now: a deferred transaction that read first could fail at its first write.
      await this.#writer.executeScript('BEGIN IMMEDIATE');
    } catch (error) {
      release();
      throw error;
    }
    return new OneWriterTransaction(this.#writer, release);
  }

  async dispose(): Promise<void> {
    const release = await this.#turns.take();
    await this.#reader.dispose();
    await this.#writer.dispose();
    release();
  }

  async #write<T>(run: () => Promise<T>): Promise<T> {
    this.#refuseInside();
    const release = await this.#turns.take();
    try {
      return await run();
    } finally {
      release();
    }
  }

  #refuseInside(): void {
    if (this.#inside.getStore()?.open) {
      throw new Error('A write outside the open transaction would wait for it for ever: use the transaction client');
    }
  }
}

class OneWriterTransaction implements Transaction {
  readonly provider = 'sqlite';
  readonly adapterName = '@prisma/adapter-better-sqlite3';
  /** The caller sends BEGIN, COMMIT and ROLLBACK as SQL, and `commit` or `rollback` after it. */
  readonly options = { usePhantomQuery: false };
  readonly #writer: SqlDriverAdapter;
  readonly #release: () => void;

  constructor(writer: SqlDriverAdapter, release: () => void) {
    this.#writer = writer;
    this.#release = release;
  }

  queryRaw(query: SqlQuery): Promise<SqlResultSet> {
    return this.#writer.queryRaw(query);
  }

  async executeRaw(query: SqlQuery): Promise<number> {
    if (query.sql !== 'COMMIT' && query.sql !== 'ROLLBACK') return this.#writer.executeRaw(query);
    try {
      return await this.#writer.executeRaw(query);
    } catch (error) {
      // A failed commit (a full disk) may leave the transaction open, and a failed rollback means that SQLite has
      // rolled back already; either way the caller may never call commit or rollback below.
      await this.#writer.executeScript('ROLLBACK').catch(() => {});
      this.#release();
      throw error;
    }
  }

  async commit(): Promise<void> {
    this.#release();
  }

  async rollback(): Promise<void> {
    this.#release();
  }

  async createSavepoint(name: string): Promise<void> {
    await this.#writer.executeScript(`SAVEPOINT ${name}`);
  }

  async rollbackToSavepoint(name: string): Promise<void> {
    await this.#writer.executeScript(`ROLLBACK TO ${name}`);
  }

  async releaseSavepoint(name: string): Promise<void> {
    await this.#writer.executeScript(`RELEASE SAVEPOINT ${name}`);
  }
}

/** Anything else than a plain SELECT may write: INSERT … RETURNING and WITH … UPDATE return rows as well. */
function isSelect(text: string): boolean {
  return /^\s*select\b/i.test(text);
}
