import { afterAll, beforeAll, expect, it } from 'vitest';
import { PERMISSIONS } from '../../format/permissions.ts';
import { createMetadataRoutes } from '../../server/distribution/metadata/routes.ts';
import type { Route } from '../../server/http/router.ts';
import { telemetryRoutes } from '../../server/telemetry/routes.ts';
import type { Telemetry } from '../../server/telemetry/service.ts';
import { expectDescribed, spec } from './openapi-schema.ts';
import { createDistributionWorld, type DistributionWorld } from './world.ts';

let world: DistributionWorld;

beforeAll(async () => {
  world = await createDistributionWorld();
  await world.version({ packageId: 'com.example.hello', versionCode: 7 });
});
afterAll(() => world.dispose());

it('describes every route for devices, and no other', () => {
  // Only the shape of the routes is asked for: no handler runs.
  const telemetry = telemetryRoutes({} as unknown as Telemetry);
  const metadata = createMetadataRoutes({ db: world.db, rootsDir: '' }).routes;
  const described = Object.entries(spec.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method} ${path}`),
  );
  const served = (routes: readonly Route[]) =>
    routes.flatMap(({ methods, path }) =>
      methods.filter((method) => method !== 'HEAD').map((method) => `${method.toLowerCase()} ${path}`),
    );
  expect(described.toSorted()).toEqual(
    [...served(world.distribution.routes), ...served(metadata), ...served(telemetry)].toSorted(),
  );
});

it('refers only to what it has, and names each operation once', () => {
  const text = JSON.stringify(spec);
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1] ?? '');
  expect(references.length).toBeGreaterThan(10);
  for (const name of references) expect(spec.components.schemas).toHaveProperty(name);
  const ids = [...text.matchAll(/"operationId":"(\w+)"/g)].map((match) => match[1]);
  expect(new Set(ids).size).toBe(ids.length);
});

const PACKAGE = '/v1/packages/{packageId}/{versionCode}/package.mosis';
const BY_HASH = '/v1/packages/{packageId}/{versionCode}/{sha256}.package.mosis';
it.each([
  ['/v1/store/apps/{packageId}/download', '/v1/store/apps/com.example.hello/download', {}, 302],
  ['/v1/store/apps/{packageId}/download', '/v1/store/apps/com.example.hello/download?mosis_version=x', {}, 400],
  ['/v1/store/apps/{packageId}/download', '/v1/store/apps/com.example.none/download', {}, 404],
  [PACKAGE, '/v1/packages/com.example.hello/7/package.mosis', {}, 200],
  [PACKAGE, '/v1/packages/com.example.hello/7/package.mosis', { range: 'bytes=0-9' }, 206],
  [PACKAGE, '/v1/packages/com.example.hello/7/package.mosis', { range: 'bytes=9999999-' }, 416],
  [PACKAGE, '/v1/packages/com.example.hello/7/package.mosis', { 'if-none-match': '*' }, 304],
  [PACKAGE, '/v1/packages/com.example.hello/8/package.mosis', {}, 404],
  [BY_HASH, `/v1/packages/com.example.hello/7/${'0'.repeat(64)}.package.mosis`, {}, 404],
  ['/v1/packages/{packageId}/{versionCode}/signature.sig', '/v1/packages/com.example.hello/7/signature.sig', {}, 200],
  ['/v1/assets/{packageId}/{versionCode}/{file}', '/v1/assets/com.example.hello/7/icon-64.png', {}, 200],
  ['/v1/keys', '/v1/keys', {}, 200],
  ['/schemas/manifest-v1.json', '/schemas/manifest-v1.json', {}, 200],
  ['/openapi.json', '/openapi.json', {}, 200],
])('%s answers %s as described', async (path, target, headers, status) => {
  const response = await world.get(target, headers);
  expect(response.status).toBe(status);
  await expectDescribed('get', path, response);
});

it('is served as it is, and so is the schema of the manifest', async () => {
  expect(await (await world.get('/openapi.json')).json()).toEqual(JSON.parse(JSON.stringify(spec)));
  const schema = (await (await world.get('/schemas/manifest-v1.json')).json()) as Record<string, unknown>;
  expect(schema).toMatchObject({ $id: '/schemas/manifest-v1.json', type: 'object' });
  for (const permission of PERMISSIONS) expect(JSON.stringify(schema)).toContain(`"${permission}"`);
});
