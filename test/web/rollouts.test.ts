/** Rollouts in a real browser: a version published to some devices, raised, paused, resumed and rolled back, live and without a reload. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Developer, Reviewer } from '../support/seed.ts';
import { type Stage, startStage } from './stage.ts';

let stage: Stage;
let ada: Developer;
let rita: Reviewer;

beforeAll(async () => {
  stage = await startStage();
  rita = await stage.seed.reviewer('Rita');
  ada = await stage.seed.developer('Ada');
}, 10 * 60_000);
afterAll(() => stage?.close());
beforeEach(() => stage.errors.splice(0));
afterEach(() => expect(stage.errors).toEqual([]));

interface RolloutRow {
  readonly state: string;
  readonly basis_points: number;
}
const rolloutOf = (code: number, track = 'STABLE') =>
  stage.app.rows<RolloutRow>(
    `SELECT r.state, r.basis_points FROM rollouts r JOIN app_versions v ON v.id = r.version_id
     WHERE v.version_code = ? AND r.track = ?`,
    code,
    track,
  )[0];

it('publishes to 5 % of stable, raises, pauses, goes on and rolls back, and says each in the timeline', async () => {
  const app = await ada.app('com.example.notes');
  await (await app.upload({ version: '1.0.0', version_code: 1 })).published(rita);
  await (await app.upload({ version: '1.1.0', version_code: 2 })).approved(rita);
  const page = await stage.open('/apps/com.example.notes/versions/2', ada);
  const dialog = page.getByRole('dialog');
  const card = page.getByRole('article', { name: 'Stable, 1.1.0' });
  const timeline = page.getByRole('list', { name: 'Timeline' });

  await page.getByRole('button', { name: 'Publish' }).click();
  await dialog.getByLabel('Share of the devices').fill('0');
  await dialog.getByRole('button', { name: 'Publish' }).click();
  await dialog.getByText('Give a share above 0 and up to 100.').waitFor();
  await dialog.getByRole('button', { name: '5 %', exact: true }).click();
  await dialog.getByText(/^5 % of the devices on stable get it/).waitFor();
  await dialog.getByRole('button', { name: 'Publish' }).click();
  await card.getByText('Rolling out').waitFor();
  expect(rolloutOf(2)).toEqual({ state: 'ACTIVE', basis_points: 500 });
  await timeline.getByText('Rollout to 5 % of stable began by you').waitFor();
  await page.getByText('It is live and goes to 5 % of the devices.').waitFor();

  await card.getByRole('button', { name: 'Raise' }).click();
  await dialog.getByLabel('Share of the devices').fill('4');
  await dialog.getByRole('button', { name: 'Raise' }).click();
  await dialog.getByText('Give more than 5 %; a share is only ever raised.').waitFor();
  await dialog.getByLabel('Share of the devices').fill('12.5');
  await dialog.getByRole('button', { name: 'Raise' }).click();
  await card.getByText('12.5 %').waitFor();
  expect(rolloutOf(2)).toEqual({ state: 'ACTIVE', basis_points: 1_250 });

  await card.getByRole('button', { name: 'Pause' }).click();
  await dialog.getByRole('button', { name: 'Pause rollout' }).click();
  await dialog.getByText('Write a reason first.').waitFor();
  await dialog.getByLabel('Why, for the other members').fill('Notes went missing.');
  await dialog.getByRole('button', { name: 'Pause rollout' }).click();
  await card.getByText('Paused by a member of the app').waitFor();
  await timeline.getByText('Notes went missing.').waitFor();
  expect(await card.getByRole('button', { name: 'Raise' }).count()).toBe(0);

  await card.getByRole('button', { name: 'Resume' }).click();
  await dialog.getByRole('button', { name: 'Resume rollout' }).click();
  await card.getByText('Rolling out').waitFor();

  await card.getByRole('button', { name: 'Roll back' }).click();
  await dialog.getByLabel('Put back the data from before the update').check();
  await dialog.getByText(/What people made since then is lost/).waitFor();
  await dialog.getByLabel('Why, as people read it').fill('It loses notes.');
  await dialog.getByRole('button', { name: 'Roll back' }).click();
  await card.getByText('Halted').waitFor();
  await timeline.getByText('Devices on stable are taken back to version code 1 by you').waitFor();
  expect(stage.app.rows('SELECT from_code, restore_data FROM rollbacks')).toEqual([{ from_code: 2, restore_data: 1 }]);
  expect(rolloutOf(1)).toEqual({ state: 'COMPLETE', basis_points: 10_000 });

  await page.goto(`${stage.app.url}/apps/com.example.notes?tab=releases`);
  await page.getByRole('article', { name: 'Stable, 1.0.0' }).getByText('For everybody').waitFor();
  await page.getByText(/with version code 2 go back to/).waitFor();

  await page.setViewportSize({ width: 390, height: 844 });
  const earlier = page.getByRole('region', { name: 'Earlier' });
  await earlier.getByText('It loses notes.').scrollIntoViewIfNeeded();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
});

it('leads back to the own apps from one that is not there', async () => {
  const page = await stage.open('/apps/com.example.nowhere?tab=releases', ada);
  await page.getByRole('link', { name: 'Go to your apps' }).click();
  await page.getByRole('heading', { name: 'Your apps' }).waitFor();
});

it('shows a pause by the platform with its numbers while the page is open, and that resuming is final', async () => {
  const app = await ada.app('com.example.camera');
  await (await app.upload({ version: '1.0.0', version_code: 11 })).published(rita);
  const version = await app.upload({ version: '1.1.0', version_code: 12 });
  await version.approved(rita);
  await ada.done('publishVersion', { versionId: version.id, percent: 20 });
  const page = await stage.open('/apps/com.example.camera?tab=releases', ada);
  const card = page.getByRole('article', { name: 'Stable, 1.1.0' });
  await card.getByText('Rolling out').waitFor();

  const [row] = stage.app.rows<{ id: string }>(
    'SELECT r.id FROM rollouts r JOIN app_versions v ON v.id = r.version_id WHERE v.version_code = 12',
  );
  const judgement = {
    at: new Date().toISOString(),
    verdict: 'WORSE' as const,
    devices: 212,
    crashFreePercent: 91.3,
    previousVersion: '1.0.0',
    previousDevices: 1_840,
    previousCrashFreePercent: 99.1,
    worseByAtLeast: 3.4,
  };
  await stage.app.services.rollouts.recordGuard(row?.id ?? '', judgement);
  await stage.app.services.rollouts.pauseByGuard(row?.id ?? '', { reason: 'More devices crash.', evidence: {} });
  await card.getByText('Paused by the platform').waitFor();
  await card.getByText(/91.3 % of 212 devices of this version had no crash/).waitFor();
  await card.getByRole('button', { name: 'Resume' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/it does not pause this rollout again/).waitFor();
  await dialog.getByRole('button', { name: 'Resume rollout' }).click();
  await card.getByText('Rolling out').waitFor();
});

it('publishes for beta with a ramp, and promotes to stable what did well there', async () => {
  const app = await ada.app('com.example.games');
  await (await app.upload({ version: '1.0.0', version_code: 21 })).published(rita);
  await (await app.upload({ version: '2.0.0', version_code: 22 })).approved(rita);
  const page = await stage.open('/apps/com.example.games/versions/22', ada);
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Publish' }).click();
  await dialog.getByText('Beta', { exact: true }).click();
  await dialog.getByRole('button', { name: '25 %', exact: true }).click();
  await dialog.getByRole('button', { name: 'Ramp over 1 day' }).click();
  await dialog.getByLabel('Share of step 1').fill('20');
  await dialog.getByRole('button', { name: 'Publish' }).click();
  await dialog.getByText('Step 1: Give more than 25 %; a share is only ever raised.').waitFor();
  await dialog.getByLabel('Share of step 1').fill('50');
  await dialog.getByRole('button', { name: 'Publish' }).click();
  const beta = page.getByRole('article', { name: 'Beta, 2.0.0' });
  await beta.getByText(/^Next:/).waitFor();
  expect(rolloutOf(22, 'BETA')).toEqual({ state: 'ACTIVE', basis_points: 2_500 });
  expect(rolloutOf(22)).toBeUndefined();

  await page.getByRole('button', { name: 'Promote to stable' }).click();
  await dialog.getByRole('button', { name: 'Start rollout' }).click();
  await page.getByRole('article', { name: 'Stable, 2.0.0' }).getByText('For everybody').waitFor();
  expect(rolloutOf(22)).toEqual({ state: 'COMPLETE', basis_points: 10_000 });
  expect(await page.getByRole('button', { name: 'Promote to stable' }).count()).toBe(0);
});
