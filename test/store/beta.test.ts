/** The beta version on an app's page: through publications, a pause and a promotion, as a visitor reads it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed, type Developer, type Reviewer } from '../support/seed.ts';

let app: TestApp;
let ada: Developer;
let rita: Reviewer;

beforeAll(async () => {
  app = await startApp({ settings: { reviews: { sampleShare: 0 } } });
  const seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer('Rita');
});
afterAll(() => app?.close());

interface Shown {
  readonly version: { readonly versionCode: number };
  readonly betaVersion: { readonly versionCode: number; readonly versionName: string } | null;
}
const shown = async (packageId: string): Promise<Shown> =>
  (
    await ada.query<{ storeApp: Shown }>(
      'query($id: String!) { storeApp(packageId: $id) { version { versionCode } betaVersion { versionCode versionName } } }',
      { id: packageId },
    )
  ).storeApp;
const rolloutOf = async (versionId: string): Promise<string> => {
  const { version } = await ada.query<{ version: { rollouts: { id: string; track: string }[] } }>(
    'query($id: ID!) { version(id: $id) { rollouts { id track } } }',
    { id: versionId },
  );
  return version.rollouts.find(({ track }) => track === 'BETA')?.id ?? '';
};

it('shows a newer version on beta while it is offered there, and none once everybody on stable gets it', async () => {
  const notes = await ada.app('com.example.notes');
  await (await notes.upload({ version: '1.0.0', version_code: 1 })).published(rita);
  expect(await shown(notes.packageId)).toEqual({ version: { versionCode: 1 }, betaVersion: null });

  const next = await notes.upload({ version: '1.1.0', version_code: 2 });
  await next.approved(rita);
  await ada.done('publishVersion', { versionId: next.id, track: 'BETA', percent: 25 });
  const beta = { versionCode: 2, versionName: '1.1.0' };
  expect(await shown(notes.packageId)).toEqual({ version: { versionCode: 1 }, betaVersion: beta });

  const rolloutId = await rolloutOf(next.id);
  await ada.done('pauseRollout', { rolloutId, reason: 'A look first.' });
  expect((await shown(notes.packageId)).betaVersion).toBeNull();
  await ada.done('resumeRollout', { rolloutId });
  expect((await shown(notes.packageId)).betaVersion).toEqual(beta);

  const last = await notes.upload({ version: '1.2.0', version_code: 3 });
  await last.published(rita);
  expect(await shown(notes.packageId)).toEqual({ version: { versionCode: 3 }, betaVersion: null });
});

it('shows the one version of an app that has only beta as both', async () => {
  const trails = await ada.app('com.example.trails');
  const only = await trails.upload({ version: '0.9.0', version_code: 1 });
  await only.approved(rita);
  await ada.done('publishVersion', { versionId: only.id, track: 'BETA' });
  expect(await shown(trails.packageId)).toEqual({
    version: { versionCode: 1 },
    betaVersion: { versionCode: 1, versionName: '0.9.0' },
  });
});
