import { type ExecutionResult, graphql } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../format/catalogue.ts';
import { PERMISSIONS } from '../../format/permissions.ts';
import { ANONYMOUS } from '../../server/accounts/viewer.ts';
import { schema } from '../../server/graphql/index.ts';
import { createStoreWorld, type StoreWorld } from './world.ts';

let world: StoreWorld;

beforeAll(async () => {
  world = await createStoreWorld();
  await world.app({ name: 'Notes', category: 'PRODUCTIVITY', tags: ['offline'], permissions: ['storage', 'camera'] });
  for (let i = 0; i < 24; i++) await world.app({ name: `Game ${i}`, category: 'GAMES', summary: 'plays' });
  await world.app({ name: 'Secret', status: 'SUSPENDED' });
});
afterAll(() => world.dispose());

async function ask(source: string, variableValues: Record<string, unknown> = {}): Promise<ExecutionResult> {
  const contextValue = {
    services: { store: world.store },
    db: world.db,
    viewer: ANONYMOUS,
    publicUrl: 'https://apps.example.org',
  };
  // As plain JSON: what a client gets.
  return JSON.parse(JSON.stringify(await graphql({ schema, source, variableValues, contextValue })));
}

const EVERYTHING = `id packageId name summary description category tags homepage publishedAt updatedAt developerName icon
  version { versionCode versionName permissions { name title description dangerous } minMosisVersion packageSize packageSha256
    releaseNotes publishedAt downloadUrl signedBy platformSignature }`;

describe('the store in GraphQL', () => {
  it('shows an app to anybody', async () => {
    const { data, errors } = await ask(`{ storeApp(packageId: "com.example.app1") { ${EVERYTHING} } }`);
    expect(errors).toBeUndefined();
    expect(data?.storeApp).toMatchObject({
      name: 'Notes',
      category: 'PRODUCTIVITY',
      tags: ['offline'],
      publishedAt: '2026-01-05T12:01:00.000Z',
      developerName: 'Ada',
      icon: 'https://apps.example.org/v1/assets/com.example.app1/3/icon-64.png',
      version: {
        versionCode: 3,
        permissions: [
          { name: 'storage', dangerous: false },
          { name: 'camera', dangerous: true },
        ],
        downloadUrl: 'https://apps.example.org/v1/packages/com.example.app1/3/package.mosis',
        signedBy: 'SHA256:key',
      },
    });
  });

  it('has no icon where the package has none of the size', async () => {
    const { data } = await ask('{ storeApp(packageId: "com.example.app1") { icon(size: 32) } }');
    expect(data).toEqual({ storeApp: { icon: null } });
  });

  it('answers null for what is not published', async () => {
    expect(await ask('{ storeApp(packageId: "com.example.app26") { name } }')).toEqual({ data: { storeApp: null } });
  });

  it('finds an app again by its global id', async () => {
    const { data } = await ask('{ storeApp(packageId: "com.example.app1") { id } }');
    const app = data?.storeApp as { id: string } | undefined;
    const id = app?.id;
    expect((await ask('query ($id: ID!) { node(id: $id) { ... on StoreApp { name } } }', { id })).data).toEqual({
      node: { name: 'Notes' },
    });
  });

  it('gives pages of twenty, joined by cursors', async () => {
    const LIST = `query ($after: String) { store(category: GAMES, after: $after) {
      nodes { name } edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
    type List = { nodes: { name: string }[]; edges: { cursor: string }[]; pageInfo: Record<string, unknown> };
    const first = (await ask(LIST)).data?.store as List;
    expect(first.nodes).toHaveLength(20);
    expect(first.pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: first.edges[0]?.cursor,
      endCursor: first.edges[19]?.cursor,
    });
    const second = (await ask(LIST, { after: first.pageInfo.endCursor })).data?.store as List;
    expect(second.nodes.map(({ name }) => name)).toEqual(['Game 3', 'Game 2', 'Game 1', 'Game 0']);
    expect(second.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  });

  it('allows a hundred whole apps in one query, and refuses more', async () => {
    const whole = await ask(`{ store(first: 100) { nodes { ${EVERYTHING} } pageInfo { hasNextPage } } }`);
    expect(whole.errors).toBeUndefined();
    expect((await ask('{ store(first: 101) { nodes { name } } }')).errors?.[0]?.message).toContain('from 1 to 100');
    expect((await ask('{ store(last: 3) { nodes { name } } }')).errors?.[0]?.message).toContain('forward');
    const four = `{ ${[1, 2, 3, 4].map((n) => `a${n}: store(first: 100) { nodes { ${EVERYTHING} } }`).join(' ')} }`;
    expect((await ask(four)).errors?.[0]?.extensions?.code).toBe('QUERY_TOO_COSTLY');
  });

  it('lists permissions and finding codes with help', async () => {
    const { data } = await ask(
      '{ permissions { name } findingCatalogue { code severity } finding(code: "MANIFEST_ID") { code severity title why fix bad good section } }',
    );
    expect((data?.permissions as { name: string }[] | undefined)?.map(({ name }) => name)).toEqual([...PERMISSIONS]);
    expect(
      (data?.findingCatalogue as { code: string; severity: string }[] | undefined)?.map(({ code, severity }) => [
        code,
        severity,
      ]),
    ).toEqual([...CATALOGUE.values()].map(({ code, severity }) => [code, severity.toUpperCase()]));
    expect(data?.finding).toMatchObject({ code: 'MANIFEST_ID', severity: 'ERROR' });
    expect((await ask('{ finding(code: "__proto__") { code } }')).data).toEqual({ finding: null });
  });
});
