import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Tx } from '../../server/platform/db/database.ts';
import { openDatabase } from '../../server/platform/db/sqlite.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testDatabaseContract } from './db.contract.ts';

testDatabaseContract('SQLite', () => createTestDatabase());

describe('SQLite database', () => {
  let test: TestDatabase;

  beforeEach(async () => {
    test = await createTestDatabase({ maxWaitMs: 60, maxTransactionMs: 120 });
  });

  afterEach(() => test.dispose());

  it('syncs each commit (WAL, synchronous=FULL) and enforces foreign keys', async () => {
    const { prisma } = test.db;
    expect(await prisma.$queryRawUnsafe('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(await prisma.$queryRawUnsafe('PRAGMA synchronous')).toEqual([{ synchronous: 2n }]);
    expect(await prisma.$queryRawUnsafe('PRAGMA foreign_keys')).toEqual([{ foreign_keys: 1n }]);
  });

  it('has a raw connection that sees what is committed and cannot write', async () => {
    await put(test.db.prisma, 'a');
    expect(test.db.raw.prepare('SELECT key FROM settings').pluck().all()).toEqual(['a']);
    expect(() => test.db.raw.exec('DELETE FROM settings')).toThrow('readonly');
  });

  it('runs a SELECT beside an open transaction, on the committed state', async () => {
    const counted = await test.db.transaction(async (tx) => {
      await put(tx, 'a');
      return test.db.prisma.$queryRawUnsafe('SELECT count(*) AS n FROM settings');
    });
    expect(counted).toEqual([{ n: 0n }]);
  });

  it('rolls a transaction back that runs over its time, and lets the next one begin', async () => {
    const slow = test.db.transaction(async (tx) => {
      await put(tx, 'slow');
      await new Promise((resolve) => setTimeout(resolve, 200));
      await put(tx, 'late');
    });
    await expect(slow).rejects.toThrow(/expired|closed/);
    await put(test.db.prisma, 'next');
    expect(await keys()).toEqual(['next']);
  });

  it('refuses a transaction that waited too long, and keeps the queue going', async () => {
    const holding = test.db.transaction(async (tx) => {
      await put(tx, 'first');
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    const waiting = test.db.transaction((tx) => put(tx, 'second'));
    await expect(waiting).rejects.toThrow();
    await holding;
    await test.db.transaction((tx) => put(tx, 'third'));
    expect(await keys()).toEqual(['first', 'third']);
  });

  it('goes on after a commit that failed', async () => {
    const failing = test.db.transaction(async (tx) => {
      await tx.$executeRawUnsafe('PRAGMA defer_foreign_keys = ON');
      await tx.$executeRawUnsafe("INSERT INTO app_members VALUES ('nothing', 'nobody', 'OWNER', 0)");
      await put(tx, 'lost');
    });
    await expect(failing).rejects.toThrow();
    await test.db.transaction((tx) => put(tx, 'kept'));
    expect(await keys()).toEqual(['kept']);
  });

  it('goes on after the disk was full', async () => {
    const [pages] = await test.db.prisma.$queryRawUnsafe<{ page_count: bigint }[]>('PRAGMA page_count');
    await test.db.prisma.$queryRawUnsafe(`PRAGMA max_page_count = ${pages?.page_count}`);
    const failing = test.db.transaction((tx) => put(tx, 'large', 'x'.repeat(1_000_000)));
    await expect(failing).rejects.toThrow(/full/);
    await test.db.prisma.$queryRawUnsafe('PRAGMA max_page_count = 1000000');
    await test.db.transaction((tx) => put(tx, 'kept'));
    expect(await keys()).toEqual(['kept']);
  });

  it('keeps what was written when it is opened again, and moves it into the main file at a checkpoint', async () => {
    await put(test.db.prisma, 'a');
    await test.db.checkpoint();
    await test.db.close();
    await test.db.close();
    const again = await openDatabase({ path: test.path });
    expect(await again.prisma.setting.count()).toBe(1);
    await again.close();
  });

  it('does not make a database that is missing', async () => {
    await expect(openDatabase({ path: `${test.path}.missing` })).rejects.toThrow();
  });

  async function keys(): Promise<string[]> {
    const rows = await test.db.prisma.setting.findMany({ orderBy: { key: 'asc' } });
    return rows.map((row) => row.key);
  }
});

function put(db: Tx, key: string, value = 'v'): Promise<unknown> {
  return db.setting.create({ data: { key, value, updatedAt: new Date(0) } });
}
