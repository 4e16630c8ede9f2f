/** Owns the world of the store tests: a real database with apps written through the one writer, read by the real queries. */
import { randomUUID } from 'node:crypto';
import { createSqliteStoreQueries } from '../../server/store/queries-sqlite.ts';
import { createStore, type Store, type StoreListInput } from '../../server/store/service.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const START_MS = Date.parse('2026-01-05T12:00:00.000Z');

export interface AppSetup {
  readonly packageId?: string;
  readonly name: string;
  readonly summary?: string;
  readonly description?: string;
  readonly category?: string;
  readonly tags?: readonly string[];
  readonly permissions?: readonly string[];
  readonly status?: string;
}

export interface StoreWorld extends TestDatabase {
  readonly store: Store;
  /** An app with one version, published a minute after the one before unless its status says otherwise; its package id. */
  app(setup: AppSetup): Promise<string>;
  /** Names on a page. */
  names(input: StoreListInput): string[];
  /** Names of all pages, one page after another. */
  all(input: StoreListInput): string[];
}

/** A world of its own; `dispose` it. */
export async function createStoreWorld(): Promise<StoreWorld> {
  const database = await createTestDatabase();
  const { prisma } = database.db;
  const store = createStore(createSqliteStoreQueries(database.db.raw));
  const developerId = randomUUID();
  const at = new Date(START_MS);
  await prisma.developer.create({
    data: { id: developerId, email: 'ada@example.com', name: 'Ada', createdAt: at, updatedAt: at },
  });
  let made = 0;

  async function app(setup: AppSetup): Promise<string> {
    made += 1;
    const {
      packageId = `com.example.app${made}`,
      name,
      summary = '',
      description = '',
      category = null,
      tags = [],
    } = setup;
    const publishedAt = new Date(START_MS + made * 60_000);
    const status = setup.status ?? 'PUBLISHED';
    const ids = { app: randomUUID(), version: randomUUID() };
    await prisma.app.create({
      data: {
        id: ids.app,
        developerId,
        packageId,
        name,
        summary,
        description,
        category,
        tags: [...tags],
        tagText: tags.join(' '),
        createdAt: at,
        updatedAt: at,
        versions: {
          create: {
            id: ids.version,
            versionCode: 3,
            claimedCode: 3,
            versionName: '1.2.3',
            state: 'PUBLISHED',
            packageSize: 1234,
            packageSha256: 'ab'.repeat(32),
            unpackedSize: 5000,
            manifest: { icons: { '64': 'icons/64.png' } },
            permissions: [...(setup.permissions ?? [])],
            minMosisVersion: '1.0.0',
            signature: '{}',
            signerKeyId: 'SHA256:key',
            platformSignature: 'SHA256:platform.sig',
            reviewReasons: [],
            uploadedById: developerId,
            createdAt: at,
            updatedAt: at,
            publishedAt,
          },
        },
      },
    });
    // As publishing does it: the app's row changes after the version is there.
    await prisma.app.update({
      where: { id: ids.app },
      data: { status, latestVersionId: ids.version, firstPublishedAt: publishedAt, lastPublishedAt: publishedAt },
    });
    return packageId;
  }

  const names = (input: StoreListInput): string[] => store.list(input).items.map((item) => item.app.name);
  function all(input: StoreListInput): string[] {
    const found: string[] = [];
    for (let after: string | null = null; ; ) {
      const page = store.list({ ...input, after });
      found.push(...page.items.map((item) => item.app.name));
      if (!page.hasNextPage) return found;
      after = page.items.at(-1)?.cursor ?? null;
    }
  }
  return { ...database, store, app, names, all };
}
