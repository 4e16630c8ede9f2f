// Owns what a core database is to the rest of the server, whatever runs it; it must not name one product.
import type { Prisma, PrismaClient } from '../../generated/prisma/client.ts';

/** A transaction: every read sees one state, every write is there for all or for nobody. */
export type Tx = Prisma.TransactionClient;

/** Where a query may run: the client itself, or a transaction. */
export type Db = PrismaClient | Tx;

/** An open core database. One process opens one data folder, once. */
export type Database = {
  /** Reads outside transactions, and single writes of their own; never await one of those inside a transaction. */
  readonly prisma: PrismaClient;
  /**
   * Runs `fn` in one serialisable write transaction: commits when it returns, rolls back when it throws and passes the
   * error on. Transactions queue; inside one only the database may be awaited. Throws if called inside another.
   * At most 30 s of waiting and 10 s of running.
   */
  transaction<T>(fn: (tx: Tx) => Promise<T>): Promise<T>;
  /** Moves the write-ahead log into the main file, as far as readers allow. */
  checkpoint(): Promise<void>;
  /** Waits for the writes that run, then closes everything. A second call does nothing. */
  close(): Promise<void>;
};
