/** Settings of the platform and a file of counts in a real browser: the automatic pause, how long packages and telemetry are kept, and telemetry to take away. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Person } from '../support/seed.ts';
import { type Stage, startStage } from './stage.ts';

let stage: Stage;
let grace: Person;

beforeAll(async () => {
  stage = await startStage();
  grace = await stage.seed.admin();
}, 10 * 60_000);
afterAll(() => stage?.close());
beforeEach(() => stage.errors.splice(0));
afterEach(() => expect(stage.errors).toEqual([]));

const guard = async () =>
  (
    await grace.query<{ rolloutGuardPolicy: Record<string, unknown> }>(
      '{ rolloutGuardPolicy { enabled minDevices marginPoints confidence } }',
    )
  ).rolloutGuardPolicy;
const retention = async () =>
  (
    await grace.query<{ packageRetentionPolicy: Record<string, unknown> }>(
      '{ packageRetentionPolicy { supersededDays neverPublishedDays rejectedDays } }',
    )
  ).packageRetentionPolicy;
const telemetry = async () =>
  (
    await grace.query<{ telemetryRetentionPolicy: Record<string, unknown> }>(
      '{ telemetryRetentionPolicy { rawDays aggregateDays } }',
    )
  ).telemetryRetentionPolicy;

/** Presses Save, and Save again under what it says would change. */
async function save(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Save rules' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
}

it('changes the rules of the automatic pause, keeps who did, and puts them back', async () => {
  const page = await stage.open('/admin?tab=policy&setting=pause', grace);
  await page.getByLabel('Devices of each version').fill('200');
  await page.getByLabel('Confidence in per cent').fill('99.9');
  await page.getByText('2 changes').waitFor();
  await page.getByRole('button', { name: 'Save rules' }).click();
  const dialog = page.getByRole('dialog', { name: 'Save these rules?' });
  expect(await dialog.locator('ins').allInnerTexts()).toEqual([
    expect.stringContaining('200'),
    expect.stringContaining('99.9 %'),
  ]);
  await dialog.getByRole('button', { name: 'Save' }).click();
  const history = page.getByRole('region', { name: 'History' });
  await history.getByText('Grace').waitFor();
  expect(await guard()).toMatchObject({ minDevices: 200, confidence: 0.999 });

  await history.getByRole('button', { name: 'Devices of each version' }).click();
  await page.getByRole('button', { name: 'Put back what was before' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Put back what was before' }).click();
  await expect.poll(() => page.getByLabel('Devices of each version').inputValue()).toBe('50');
  expect(await guard()).toMatchObject({ minDevices: 50, confidence: 0.99 });
});

it('holds numbers to their bounds before anything is sent', async () => {
  const page = await stage.open('/admin?tab=policy&setting=pause', grace);
  const days = page.getByLabel('Days of watching');
  await days.fill('15');
  await page.getByRole('button', { name: 'Save rules' }).click();
  expect(await days.evaluate((input: HTMLInputElement) => input.validity.rangeOverflow)).toBe(true);
  expect(await page.getByRole('dialog').count()).toBe(0);
});

it('refuses rules that somebody else changed meanwhile, keeps what was typed and shows it against theirs', async () => {
  const page = await stage.open('/admin?tab=policy&setting=pause', grace);
  await page.getByLabel('Margin in percentage points').fill('2.5');
  await grace.done('updateRolloutGuardPolicy', { enabled: false });
  await save(page);
  await page.getByRole('alert').getByText('Somebody changed these settings').waitFor();
  expect(await page.getByLabel('Margin in percentage points').inputValue()).toBe('2.5');
  await page.getByText('2 changes').waitFor();
  await page.getByLabel('Pause rollouts that surely crash more').uncheck();
  await save(page);
  await expect.poll(guard).toMatchObject({ enabled: false, marginPoints: 2.5 });
});

it('keeps packages for ever or for days, with a history of its own', async () => {
  const page = await stage.open('/admin?tab=policy&setting=retention', grace);
  await page.getByText('Never changed').waitFor();
  await page.getByLabel('Remove packages that a newer version replaced').check();
  await page.getByLabel('Days after it was replaced').fill('365');
  await page.getByRole('button', { name: 'Save rules' }).click();
  const dialog = page.getByRole('dialog');
  expect(await dialog.locator('del').innerText()).toContain('for ever');
  expect(await dialog.locator('ins').innerText()).toContain('365 days');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('region', { name: 'History' }).getByText('Grace').waitFor();
  expect(await retention()).toEqual({ supersededDays: 365, neverPublishedDays: null, rejectedDays: null });

  await page.getByLabel('Remove packages that a newer version replaced').uncheck();
  await save(page);
  await expect.poll(async () => (await retention()).supersededDays).toBeNull();
});

it('says what fewer days of telemetry remove before they are saved, and warns of more nowhere', async () => {
  const page = await stage.open('/admin?tab=policy&setting=telemetry', grace);
  await page.getByText('Never changed').waitFor();
  const raw = page.getByLabel('Days that single reports are kept');
  const warning = page.getByText('This cannot be undone.');
  await raw.fill('200');
  await page.getByText('1 change').waitFor();
  expect(await warning.count()).toBe(0);
  await save(page);
  await expect.poll(telemetry).toMatchObject({ rawDays: 200, aggregateDays: null });

  await page.getByText('Nothing changed').waitFor();
  await raw.fill('120');
  await page.getByLabel('Remove old counts').check();
  await page.getByLabel('Days after what was counted').fill('400');
  const said = await warning.innerText();
  expect(said).toContain('ended more than 120 days ago');
  expect(said).toContain('more than 400 days ago');
  await page.getByRole('button', { name: 'Save rules' }).click();
  const dialog = page.getByRole('dialog', { name: 'Save these rules?' });
  await dialog.getByText('Nothing brings it back').waitFor();
  expect(await dialog.locator('del').allInnerTexts()).toEqual([
    expect.stringContaining('200 days'),
    expect.stringContaining('for ever'),
  ]);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect.poll(telemetry).toMatchObject({ rawDays: 120, aggregateDays: 400 });

  const history = page.getByRole('region', { name: 'History' });
  await history.getByRole('button', { name: 'Days that single reports are kept; Days that counts are kept' }).click();
  await page.getByRole('button', { name: 'Put back what was before' }).click();
  await page.getByRole('dialog').getByText('What was removed does not come back.').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Put back what was before' }).click();
  await expect.poll(telemetry).toMatchObject({ rawDays: 200, aggregateDays: null });
});

it('shows at its field why the server refused a number, until it is put right', async () => {
  const page = await stage.open('/admin?tab=policy&setting=telemetry', grace);
  const raw = page.getByLabel('Days that single reports are kept');
  await raw.fill('400');
  // As a browser would that knows other bounds than the server.
  await raw.evaluate((input: HTMLInputElement) => input.removeAttribute('max'));
  await save(page);
  await page.getByText('must be from 90 to 365').waitFor();
  expect(await raw.getAttribute('aria-invalid')).toBe('true');
  expect(
    await raw.evaluate((input) => document.getElementById(input.getAttribute('aria-describedby') ?? '')?.innerText),
  ).toBe('must be from 90 to 365');
  await raw.fill('300');
  await save(page);
  await expect.poll(telemetry).toMatchObject({ rawDays: 300 });
  await expect.poll(() => raw.getAttribute('aria-invalid')).toBeNull();
});

it('refuses days of telemetry that somebody else changed meanwhile, and warns against what is in force now', async () => {
  await grace.done('updateTelemetryRetention', { rawDays: 150 });
  const page = await stage.open('/admin?tab=policy&setting=telemetry', grace);
  const raw = page.getByLabel('Days that single reports are kept');
  await raw.fill('200');
  await grace.done('updateTelemetryRetention', { rawDays: 300 });
  await save(page);
  await page.getByRole('alert').getByText('Somebody changed these settings').waitFor();
  expect(await raw.inputValue()).toBe('200');
  await page.getByText('This cannot be undone.').waitFor();
  expect(await telemetry()).toMatchObject({ rawDays: 300 });
});

it('saves the counts of the chosen days as CSV and as JSON, and says where there are none', async () => {
  const ada = await stage.seed.developer('Ada');
  const rita = await stage.seed.reviewer('Rita');
  const app = await ada.app('com.example.counted');
  await (await app.upload()).published(rita);
  const page = await stage.open('/apps/com.example.counted?tab=analytics&view=quality&days=7', ada);
  const download = page.getByRole('button', { name: 'Download the counts of these days' });
  await download.click();
  await page.getByRole('menuitem', { name: 'As CSV' }).click();
  await page.getByText('There is nothing to download in this range.').waitFor();

  for (let device = 1; device <= 6; device += 1) await report(device);
  await stage.app.services.telemetry.flush();
  await download.click();
  const [csv] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: 'As CSV' }).click(),
  ]);
  expect(csv.suggestedFilename()).toMatch(/^com\.example\.counted-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/);
  const text = await readFile(await csv.path(), 'utf8');
  expect(text.split('\r\n')[0]).toBe('date,version,type,count,devices');
  expect(text).toMatch(/,app_start,6,6/);
  await page.getByText('1 row downloaded.').waitFor();

  await download.click();
  const [json] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: 'As JSON' }).click(),
  ]);
  expect(json.suggestedFilename()).toMatch(/\.json$/);
  expect(JSON.parse(await readFile(await json.path(), 'utf8'))).toMatchObject([{ type: 'app_start', count: 6 }]);
});

/** A start of the app on one device. */
async function report(device: number): Promise<void> {
  const at = new Date().toISOString();
  const answer = await fetch(`${stage.app.url}/v1/telemetry/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      batch_id: `00000000-0000-4000-8000-${String(device).padStart(12, '0')}`,
      app_id: 'com.example.counted',
      app_version: '1.0.0',
      mosis_version: '1.0.0',
      device_id: device.toString(16).padStart(64, 'd'),
      consent: false,
      sent_at: at,
      events: [{ type: 'app_start', at, data: { launch_ms: 220 } }],
    }),
  });
  expect(answer.ok).toBe(true);
}
