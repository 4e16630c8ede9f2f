import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { seedDatabase } from '../../prisma/seed.ts';
import { madeUpPackage } from '../../prisma/seed-packages.ts';
import { openDatabase } from '../../server/platform/db/sqlite.ts';
import { createSqliteStoreQueries } from '../../server/store/queries-sqlite.ts';
import { createStore } from '../../server/store/service.ts';
import { copyMigratedDatabase, makeFolder } from '../support/database.ts';

const SIZE = { developers: 3, apps: 400, versionsPerApp: 3 };
const OPTIONS = { signer: { keyId: 'SHA256:k', publicKey: 'k' }, makePackage: madeUpPackage };

it('seeds apps as the server itself would have written them', async () => {
  const folder = await makeFolder();
  const path = join(folder, 'core.db');
  await copyMigratedDatabase(path);
  seedDatabase(path, SIZE, OPTIONS);
  const db = await openDatabase({ path });

  expect(await db.prisma.app.count()).toBe(SIZE.apps);
  expect(await db.prisma.appVersion.count()).toBe(SIZE.apps * SIZE.versionsPerApp);
  const newest = await db.prisma.app.findFirstOrThrow({
    where: { status: 'PUBLISHED' },
    orderBy: [{ lastPublishedAt: 'desc' }, { rowId: 'desc' }],
    include: { latestVersion: true, members: true },
  });
  expect(newest.latestVersion?.versionCode).toBe(SIZE.versionsPerApp);
  expect(newest.lastPublishedAt).toEqual(newest.latestVersion?.publishedAt);
  expect(newest.members).toMatchObject([{ role: 'OWNER', developerId: newest.developerId }]);

  const store = createStore(createSqliteStoreQueries(db.raw));
  expect(store.list({ first: 1 }).items[0]?.app.packageId).toBe(newest.packageId);
  const count = (sql: string): unknown => db.raw.prepare(sql).pluck().get();
  const facets = 'SELECT facet, last_published_at, row_id FROM';
  expect(count(`SELECT count(*) FROM (${facets} store_facets EXCEPT ${facets} store_facets_of_apps)`)).toBe(0);
  expect(count(`SELECT count(*) FROM (${facets} store_facets_of_apps EXCEPT ${facets} store_facets)`)).toBe(0);
  expect(count("SELECT count(*) FROM store_facets WHERE facet = ''")).toBe(
    await db.prisma.app.count({ where: { status: 'PUBLISHED' } }),
  );

  await db.close();
  expect(() => seedDatabase(path, SIZE, OPTIONS)).toThrow(/empty data folder/);
  await rm(folder, { recursive: true, force: true });
});

it('makes the same apps each time', async () => {
  const names: unknown[] = [];
  for (const round of [1, 2]) {
    const folder = await makeFolder();
    const path = join(folder, 'core.db');
    await copyMigratedDatabase(path);
    seedDatabase(path, { developers: 1, apps: 20 + round, versionsPerApp: 1 }, OPTIONS);
    const db = await openDatabase({ path });
    names.push(
      await db.prisma.app.findMany({
        take: 20,
        orderBy: { rowId: 'asc' },
        select: { name: true, packageId: true, id: true },
      }),
    );
    await db.close();
    await rm(folder, { recursive: true, force: true });
  }
  expect(names[0]).toEqual(names[1]);
});
