// Owns the talk with Prisma's schema engine (compiled to WebAssembly) on SQLite; used only to make and to apply
// migrations, before any client opens the database.
import { createHash } from 'node:crypto';
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import type {
  SqlDriverAdapter,
  SqlMigrationAwareDriverAdapterFactory,
  SqlQuery,
  SqlResultSet,
  Transaction,
} from '@prisma/driver-adapter-utils';

/** A factory whose connections can all be closed: the engine keeps an exclusive lock until they are. */
export type MigrationAdapterFactory = SqlMigrationAwareDriverAdapterFactory & {
  disposeAll(): Promise<void>;
  /** The script that last failed and what the database said to it; the engine's own errors hide both. */
  scriptFailure(): ScriptFailure | undefined;
};

export type ScriptFailure = { script: string; error: unknown };

/** A connection factory for the schema engine on a SQLite file (or `:memory:`). */
export function createSqliteMigrationFactory(databasePath: string): MigrationAdapterFactory {
  const inner = new PrismaBetterSqlite3({ url: `file:${databasePath}` });
  const open: SqlDriverAdapter[] = [];
  let failure: ScriptFailure | undefined;
  const keep = (adapter: SqlDriverAdapter) => {
    const wrapped = new MigrationAdapter(adapter, (now) => {
      failure = now;
    });
    open.push(wrapped);
    return wrapped;
  };
  return {
    provider: inner.provider,
    adapterName: inner.adapterName,
    connect: async () => keep(await inner.connect()),
    connectToShadowDb: async () => keep(await inner.connectToShadowDb()),
    scriptFailure: () => failure,
    async disposeAll() {
      for (const adapter of open.splice(0)) await adapter.dispose();
    },
  };
}

/**
 * Adapts the SQLite adapter to what the schema engine sends: whole scripts through `executeRaw`, and identifiers in
 * double quotes where SQLite wants strings. Scripts run in one transaction each, together with the mark that they ran,
 * so that a kill at any instant leaves a migration applied or not applied, never half.
 */
class MigrationAdapter implements SqlDriverAdapter {
  readonly provider;
  readonly adapterName;
  readonly #inner: SqlDriverAdapter;
  readonly #onFailure: (failure: ScriptFailure) => void;
  #disposed = false;

  constructor(inner: SqlDriverAdapter, onFailure: (failure: ScriptFailure) => void) {
    this.#inner = inner;
    this.#onFailure = onFailure;
    this.provider = inner.provider;
    this.adapterName = inner.adapterName;
  }

  queryRaw(query: SqlQuery): Promise<SqlResultSet> {
    // better-sqlite3 is compiled without double-quoted strings (DQS=0); the engine's introspection relies on them.
    return this.#inner.queryRaw({ ...query, sql: query.sql.replace(/(\bname\s*=\s*)"([^"]*)"/g, "$1'$2'") });
  }

  async executeRaw(query: SqlQuery): Promise<number> {
    if (query.args.length > 0) return this.#inner.executeRaw(query);
    await this.executeScript(query.sql);
    return 0;
  }

  async executeScript(script: string): Promise<void> {
    if (!changesSchema(script)) return this.#inner.executeScript(script);
    // Inside a transaction `PRAGMA foreign_keys` does nothing, and table rebuilds need it off.
    await this.#inner.executeScript('PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE;');
    try {
      await this.#inner.executeScript(script);
      await this.#refuseBrokenReferences();
      await this.#markApplied(script);
      await this.#inner.executeScript('COMMIT;');
    } catch (error) {
      this.#onFailure({ script, error });
      await this.#inner.executeScript('ROLLBACK;');
      throw error;
    } finally {
      await this.#inner.executeScript('PRAGMA foreign_keys = ON;');
    }
  }

  async #refuseBrokenReferences(): Promise<void> {
    const broken = await this.#inner.queryRaw(sql('PRAGMA foreign_key_check'));
    const first = broken.rows[0];
    if (first) throw new Error(`The migration leaves rows that refer to missing rows, first in table ${first[0]}`);
  }

  async #markApplied(script: string): Promise<void> {
    const history = await this.#inner.queryRaw(
      sql("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_prisma_migrations'"),
    );
    if (history.rows.length === 0) return;
    const checksum = createHash('sha256').update(script).digest('hex');
    await this.#inner.executeRaw({
      sql: 'UPDATE _prisma_migrations SET finished_at = started_at WHERE checksum = ? AND finished_at IS NULL AND rolled_back_at IS NULL',
      args: [checksum],
      argTypes: [{ scalarType: 'string', arity: 'scalar' }],
    });
  }

  startTransaction(...args: Parameters<SqlDriverAdapter['startTransaction']>): Promise<Transaction> {
    return this.#inner.startTransaction(...args);
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#inner.dispose();
  }
}

/** Builds a query without arguments. */
export function sql(text: string): SqlQuery {
  return { sql: text, args: [], argTypes: [] };
}

function changesSchema(script: string): boolean {
  return !/^\s*(PRAGMA|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b[^;]*;?\s*$/i.test(script);
}
