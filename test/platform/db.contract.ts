// Owns what every core database must keep, whatever runs it; adapters' tests call it with a way to open theirs.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database, Tx } from '../../server/platform/db/database.ts';
import { isForeignKeyViolation, isUniqueViolation } from '../../server/platform/db/errors.ts';

export type OpenedDatabase = { db: Database; dispose(): Promise<void> };

/** Runs the contract over the database that `open` gives: migrated, empty, one for each test. */
export function testDatabaseContract(name: string, open: () => Promise<OpenedDatabase>): void {
  describe(`core database on ${name}`, () => {
    let opened: OpenedDatabase;
    let db: Database;
    beforeEach(async () => {
      opened = await open();
      db = opened.db;
    });
    afterEach(() => opened.dispose());

    it('keeps a write made while another transaction rolls back', async () => {
      const inside = Promise.withResolvers<void>();
      const failing = db.transaction(async (tx) => {
        await putSetting(tx, 'lost', 1);
        inside.resolve();
        await delay(20);
        throw new Error('roll back');
      });
      await inside.promise;
      const outside = putSetting(db.prisma, 'kept', 1);
      await expect(failing).rejects.toThrow('roll back');
      await outside;
      expect(await keys(db)).toEqual(['kept']);
    });

    it('shows nobody an uncommitted write', async () => {
      const inside = Promise.withResolvers<void>();
      const mayEnd = Promise.withResolvers<void>();
      const writing = db.transaction(async (tx) => {
        await putSetting(tx, 'a', 1);
        inside.resolve();
        await mayEnd.promise;
        return tx.setting.count();
      });
      await inside.promise;
      expect(await db.prisma.setting.count()).toBe(0);
      mayEnd.resolve();
      expect(await writing).toBe(1);
      expect(await db.prisma.setting.count()).toBe(1);
    });

    it('completes 1,000 writes at once', async () => {
      await Promise.all(numbers(1_000).map((n) => putSetting(db.prisma, `k${n}`, n)));
      expect(await db.prisma.setting.count()).toBe(1_000);
    });

    it('loses no update of 200 transactions that read and then write', async () => {
      await putSetting(db.prisma, 'counter', 0);
      await Promise.all(
        numbers(200).map(() =>
          db.transaction(async (tx) => {
            const row = await tx.setting.findUniqueOrThrow({ where: { key: 'counter' } });
            await tx.setting.update({ where: { key: 'counter' }, data: { value: Number(row.value) + 1 } });
          }),
        ),
      );
      const row = await db.prisma.setting.findUniqueOrThrow({ where: { key: 'counter' } });
      expect(row.value).toBe(200);
    });

    it('keeps all of 300 writes, transactions and rollbacks that run at once', async () => {
      const outcomes = await Promise.allSettled(
        numbers(300).map((n) => {
          if (n % 3 === 0) return putSetting(db.prisma, `w${n}`, n);
          return db.transaction(async (tx) => {
            await putSetting(tx, `t${n}`, n);
            if (n % 3 === 1) throw new Error('roll back');
          });
        }),
      );
      expect(outcomes.filter((outcome) => outcome.status === 'rejected')).toHaveLength(100);
      const kept = await keys(db);
      expect(kept).toHaveLength(200);
      expect(kept.some((key) => key.startsWith('t') && Number(key.slice(1)) % 3 === 1)).toBe(false);
    });

    it('goes on after a statement of a transaction failed', async () => {
      await putSetting(db.prisma, 'a', 1);
      await expect(db.transaction((tx) => putSetting(tx, 'a', 2))).rejects.toThrow();
      await putSetting(db.prisma, 'b', 1);
      expect(await keys(db)).toEqual(['a', 'b']);
    });

    it('refuses a transaction, or a write, that would wait for the transaction it is called in', async () => {
      await expect(db.transaction(async () => db.transaction(async () => 1))).rejects.toThrow('inside another');
      await expect(db.transaction(async () => putSetting(db.prisma, 'a', 1))).rejects.toThrow('transaction client');
      expect(await keys(db)).toEqual([]);
    });

    it('tells which unique rule a write broke', async () => {
      const app = { tags: [], createdAt: new Date(0), updatedAt: new Date(0) };
      const developer = { email: 'a@b.c', name: 'A', createdAt: new Date(0), updatedAt: new Date(0) };
      await db.prisma.developer.create({ data: { id: 'd1', ...developer } });
      const sameMail = await failure(() => db.prisma.developer.create({ data: { id: 'd2', ...developer } }));
      expect(isUniqueViolation(sameMail)).toBe(true);
      expect(isUniqueViolation(sameMail, ['email'])).toBe(true);
      expect(isUniqueViolation(sameMail, ['id'])).toBe(false);
      const create = (id: string) =>
        db.transaction((tx) => tx.app.create({ data: { ...app, id, developerId: 'd1', packageId: 'p', name: 'P' } }));
      await create('a1');
      expect(isUniqueViolation(await failure(() => create('a2')), ['packageId'])).toBe(true);
      const orphan = await failure(() =>
        db.prisma.app.create({ data: { ...app, id: 'a3', developerId: 'nobody', packageId: 'q', name: 'Q' } }),
      );
      expect(isForeignKeyViolation(orphan)).toBe(true);
      expect(isUniqueViolation(orphan)).toBe(false);
    });
  });
}

function putSetting(db: Tx, key: string, value: number): Promise<unknown> {
  return db.setting.create({ data: { key, value, updatedAt: new Date(0) } });
}

async function keys(db: Database): Promise<string[]> {
  const rows = await db.prisma.setting.findMany({ orderBy: { key: 'asc' } });
  return rows.map((row) => row.key);
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

async function failure(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  throw new Error('expected a failure');
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
