/** Owns what the store is measured beside: a hand-written Fastify REST server on the same SQL, and bare node:http. */
import { createServer } from 'node:http';
import { join } from 'node:path';
import RawDatabase from 'better-sqlite3';
import { fastify } from 'fastify';
import { READER_PRAGMAS } from '../server/platform/db/sqlite-adapter.ts';
import type { StoreApp } from '../server/store/queries.ts';
import { createSqliteStoreQueries } from '../server/store/queries-sqlite.ts';
import { createStore } from '../server/store/service.ts';

const PORT = Number(process.env.PORT);
const BASE = 'https://apps.example.org';

/** The fields that the GraphQL documents of bench/store.ts ask for. */
function page({ tags, version, ...app }: StoreApp): object {
  const path = `${BASE}/v1`;
  return {
    packageId: app.packageId,
    name: app.name,
    summary: app.summary,
    description: app.description,
    category: app.category,
    tags,
    homepage: app.homepage,
    publishedAt: app.publishedAt,
    developerName: app.developerName,
    icon: version.iconSizes.includes('64')
      ? `${path}/assets/${app.packageId}/${version.versionCode}/icon-64.png`
      : null,
    version: {
      versionCode: version.versionCode,
      versionName: version.versionName,
      permissions: version.permissions,
      packageSize: version.packageSize,
      packageSha256: version.packageSha256,
      releaseNotes: version.releaseNotes,
      downloadUrl: `${path}/packages/${app.packageId}/${version.versionCode}/package.mosis`,
    },
  };
}

async function serveRest(): Promise<void> {
  const handle = new RawDatabase(join(process.env.DATA_DIR ?? '', 'core.db'), { readonly: true });
  handle.exec(READER_PRAGMAS);
  const store = createStore(createSqliteStoreQueries(handle));
  const app = fastify();
  app.get('/ready', async () => ({ ready: true }));
  app.get<{ Params: { id: string } }>('/apps/:id', async ({ params }, reply) => {
    const found = store.app(params.id);
    return found === null ? reply.code(404).send({ code: 'NOT_FOUND' }) : page(found);
  });
  app.get<{ Querystring: { search?: string; category?: string } }>('/apps', async ({ query }) => {
    const { items, hasNextPage } = store.list(query);
    const nodes = items.map(({ app: { packageId, name, summary, category, developerName, version } }) => ({
      packageId,
      name,
      summary,
      category,
      developerName,
      version: { versionName: version.versionName },
    }));
    return { nodes, hasNextPage, endCursor: items.at(-1)?.cursor ?? null };
  });
  await app.listen({ port: PORT, host: '127.0.0.1' });
}

function serveBare(): void {
  const body = Buffer.from(JSON.stringify({ data: 'x'.repeat(1_200) }));
  const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
  createServer((_request, response) => void response.writeHead(200, headers).end(body)).listen(PORT, '127.0.0.1');
}

if (process.argv[2] === 'bare') serveBare();
else await serveRest();
