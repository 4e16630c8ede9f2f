/** The whole way of a version, told through the public API. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed, type Seed } from '../support/seed.ts';

let app: TestApp;
let seed: Seed;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
});
afterAll(() => app.close());

it('goes from a package to the store: upload, checks, a reviewer, publication', async () => {
  const ada = await seed.developer('Ada');
  const rita = await seed.reviewer('Rita');
  const notes = await ada.app('com.example.notes');
  const version = await notes.upload({ version_code: 1 });
  expect(await version.state()).toBe('DRAFT');
  expect(await version.submitted()).toBe('IN_REVIEW');
  await rita.approve(version, 'Nice.');
  expect(await version.state()).toBe('APPROVED');
  await ada.done('publishVersion', { versionId: version.id });
  const { storeApp } = await app
    .client()
    .query<{ storeApp: object }>(
      '{ storeApp(packageId: "com.example.notes") { version { versionCode downloadUrl } } }',
    );
  expect(storeApp).toMatchObject({ version: { versionCode: 1 } });
  const types = await version.events();
  expect(types.filter((type) => !['CHECK_STARTED', 'CHECK_FINISHED', 'FINDING'].includes(type))).toEqual([
    'UPLOADED',
    'SUBMITTED',
    'CHECKS_PASSED',
    'QUEUED',
    'CLAIMED',
    'APPROVED',
    'PUBLISHED',
  ]);
});
