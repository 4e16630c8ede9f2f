/** Failed updates and the notes about them in a real browser, and what an admin is told of the signed metadata. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Developer, Reviewer } from '../support/seed.ts';
import { type Stage, startStage } from './stage.ts';

const DEVICES = 6;
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

/** A device that runs version 1 tells that the update to version 2 failed. */
async function updateFails(device: number): Promise<void> {
  const at = new Date().toISOString();
  const response = await fetch(`${stage.app.url}/v1/telemetry/events`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      batch_id: `00000000-0000-4000-8000-${device.toString().padStart(12, '0')}`,
      app_id: 'com.example.notes',
      app_version: '1.0.0',
      mosis_version: '1.0.0',
      device_id: device.toString(16).padStart(64, 'd'),
      consent: false,
      sent_at: at,
      events: [{ type: 'app_update_failed', at, data: { from_code: 1, to_code: 2, reason: 'DISK_FULL' } }],
    }),
  });
  expect(response.status).toBe(202);
}

it('shows why updates to a version fail, and writes, changes and removes the note that devices are given', async () => {
  const app = await ada.app('com.example.notes');
  await (await app.upload({ version: '1.0.0', version_code: 1 })).published(rita);
  await (await app.upload({ version: '1.1.0', version_code: 2 })).published(rita);
  for (let device = 0; device < DEVICES; device += 1) await updateFails(device);
  await stage.app.services.telemetry.flush();
  const page = await stage.open('/apps/com.example.notes/versions/2?tab=updates', ada);
  const dialog = page.getByRole('dialog');
  const failures = page.getByRole('region', { name: 'Updates that failed' });
  await failures.getByText('The device had no room').waitFor();
  await failures.getByText(`${DEVICES} devices`).waitFor();

  await failures.getByRole('button', { name: 'Write a note' }).click();
  expect(await dialog.getByLabel('Reason code').inputValue()).toBe('DISK_FULL');
  await dialog.getByRole('button', { name: 'Save note' }).click();
  await dialog.getByText('Write the note first.').waitFor();
  await dialog.getByLabel('Note', { exact: true }).fill('Make 20 MB of room, then try again.');
  await dialog.getByRole('button', { name: 'Save note' }).click();
  const issues = page.getByRole('list', { name: 'Known issues' });
  await issues.getByText('Make 20 MB of room, then try again.').waitFor();

  await issues.getByRole('button', { name: 'Edit' }).click();
  await dialog.getByLabel('Note', { exact: true }).fill('Make 30 MB of room, then try again.');
  await dialog.getByRole('button', { name: 'Save note' }).click();
  await issues.getByText('Make 30 MB of room').waitFor();
  expect(stage.app.rows('SELECT reason, note FROM known_issues')).toEqual([
    { reason: 'DISK_FULL', note: 'Make 30 MB of room, then try again.' },
  ]);

  await issues.getByRole('button', { name: 'Remove' }).click();
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await page.getByText('No notes yet.').waitFor();
  expect(stage.app.rows('SELECT id FROM known_issues')).toEqual([]);
});

it('tells an admin on every page that the root is for development, and what to do on the page of health', async () => {
  const page = await stage.open('/admin', await stage.seed.admin());
  const notice = page.getByRole('complementary', { name: /signed metadata needs you/ });
  await notice.getByText('Development root').waitFor();
  await notice.getByRole('link', { name: 'See what to do' }).click();
  await page.getByText(/mosis-admin root init\.$/).waitFor();
  await page.getByText('1 of 1').waitFor();
  expect(await notice.count()).toBe(0);

  const developer = await stage.open('/apps', ada);
  await developer.getByRole('heading', { name: 'Your apps' }).waitFor();
  expect(await developer.getByText('Development root').count()).toBe(0);
});
