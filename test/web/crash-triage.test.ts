/** Analytics in a real browser: a crash found, opened, resolved and come back, live counts, and what was lost. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { REGRESSIONS_JOB } from '../../server/telemetry/crash-regressions.ts';
import type { AppHandle, Developer, Reviewer } from '../support/seed.ts';
import { type Stage, startStage } from './stage.ts';

const DEVICES = 6;
const STACK = [
  'stack traceback:',
  "\t[C]: in function 'error'",
  "\tassets/scripts/main.lua:3: in upvalue 'open'",
  "\t/opt/mosis/runtime.lua:12: in function 'dispatch'",
].join('\n');

let stage: Stage;
let ada: Developer;
let rita: Reviewer;
let app: AppHandle;
let sent = 0;

beforeAll(async () => {
  stage = await startStage();
  rita = await stage.seed.reviewer('Rita');
  ada = await stage.seed.developer('Ada');
  app = await ada.app('com.example.notes');
  await (await app.upload({ version: '1.0.0', version_code: 1 })).published(rita);
  await (await app.upload({ version: '1.1.0', version_code: 2 })).published(rita);
  for (let device = 0; device < DEVICES; device += 1) await run(device, '1.0.0');
  for (let device = 0; device < 3; device += 1)
    await crash(device, '1.0.0', "attempt to index a nil value (local 'note')");
  await crash(4, '1.0.0', 'not enough memory', { crash_type: 'out_of_memory', stack_trace: '' });
  await stage.app.services.telemetry.flush();
}, 10 * 60_000);
afterAll(() => stage?.close());
beforeEach(() => stage.errors.splice(0));
afterEach(() => expect(stage.errors).toEqual([]));

const deviceId = (device: number) => device.toString(16).padStart(64, 'd');
const newId = () => {
  sent += 1;
  return `00000000-0000-4000-8000-${sent.toString().padStart(12, '0')}`;
};

async function post(path: string, body: object): Promise<void> {
  const response = await fetch(`${stage.app.url}/v1/telemetry/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
}

/** A device runs the app once; it did not agree to usage data. */
function run(device: number, version: string): Promise<void> {
  const at = new Date().toISOString();
  return post('events', {
    batch_id: newId(),
    app_id: app.packageId,
    app_version: version,
    mosis_version: '1.0.0',
    device_id: deviceId(device),
    consent: false,
    sent_at: at,
    events: [
      { type: 'app_start', at, data: { launch_ms: 200 + device } },
      { type: 'screen_view', at, data: { screen: 'main' } },
    ],
  });
}

function crash(device: number, version: string, message: string, changes: object = {}): Promise<void> {
  return post('crash', {
    report_id: newId(),
    app_id: app.packageId,
    app_version: version,
    mosis_version: '1.0.0',
    device_id: deviceId(device),
    timestamp: new Date().toISOString(),
    crash_type: 'lua_error',
    message,
    stack_trace: STACK,
    context: { screen: 'main', memory_mb: 21, uptime_seconds: 60 },
    ...changes,
  });
}

it('counts what comes in while the page is open', async () => {
  const page = await stage.open('/apps/com.example.notes?tab=analytics', ada);
  const live = page.getByRole('region', { name: 'Live' });
  await live.getByText('Waiting for the next report').waitFor();
  await page.getByRole('button', { name: /^app_start/ }).waitFor();
  // The subscription opens after the page; a version is named once five devices reported within one message.
  await expect
    .poll(
      async () => {
        await Promise.all(Array.from({ length: DEVICES }, (_, device) => run(device, '1.1.0')));
        return live.getByText(/events in the last minute · from 1\.1\.0/).count();
      },
      { timeout: 15_000, interval: 500 },
    )
    .toBe(1);
});

it('finds a crash, resolves it in a version, and shows that it came back', async () => {
  const page = await stage.open('/apps/com.example.notes?tab=analytics&view=crashes', ada);
  const list = page.getByRole('list', { name: 'Crashes' });
  await expect.poll(() => list.getByRole('listitem').count(), { timeout: 10_000 }).toBe(2);
  await page.getByLabel('Search title or message').fill('nil value');
  await expect.poll(() => list.getByRole('listitem').count(), { timeout: 10_000 }).toBe(1);
  await page.waitForURL(/search=nil/);
  await list.getByRole('link', { name: /attempt to index a nil value/ }).click();

  await page.getByRole('heading', { name: /attempt to index a nil value/ }).waitFor();
  const stack = page.getByRole('region', { name: 'Stack' });
  const source = stack.getByRole('link', { name: 'assets/scripts/main.lua:3' });
  expect(await source.getAttribute('href')).toBe(
    '/apps/com.example.notes/versions/1?tab=files&file=assets%2Fscripts%2Fmain.lua&line=3',
  );
  expect(await stack.getByText('/opt/mosis/runtime.lua').first().isVisible()).toBe(false);
  await stack.getByText('2 frames of the runtime').click();
  await stack.getByText('/opt/mosis/runtime.lua').first().waitFor();

  await page.getByRole('button', { name: 'Resolve' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Fixed in').click();
  await page.getByRole('option', { name: '1.1.0 (2)' }).click();
  await dialog.getByRole('button', { name: 'Resolve' }).click();
  await page.locator('[data-crash-state=RESOLVED]').waitFor();
  await page.getByText('Resolved in 1.1.0 (2). A crash in that version').waitFor();

  await crash(5, '1.1.0', "attempt to index a nil value (local 'note')");
  await stage.app.services.telemetry.flush();
  await stage.app.services.work(async (unit) => unit.enqueue({ kind: REGRESSIONS_JOB, key: 'test', payload: {} }));
  const jobs = () => stage.app.rows('SELECT state FROM jobs WHERE kind = ? AND key = ?', REGRESSIONS_JOB, 'test');
  await expect.poll(jobs, { timeout: 10_000 }).toEqual([{ state: 'DONE' }]);
  await page.reload();
  await page.locator('[data-crash-state=REGRESSED]').waitFor();
  await page.getByText('It was resolved, and came back in 1.1.0 (2).').waitFor();

  await page.getByRole('button', { name: 'Ignore' }).click();
  await page.locator('[data-crash-state=IGNORED]').waitFor();
  await page.getByRole('button', { name: 'Reopen' }).click();
  await page.locator('[data-crash-state=OPEN]').waitFor();
  await page.getByRole('link', { name: 'All crashes' }).click();
  await page.waitForURL((url) => !url.searchParams.has('crash') && url.searchParams.get('search') === 'nil value');
  await page.getByLabel('State').click();
  await page.getByRole('option', { name: 'Resolved' }).click();
  await page.getByText('No crash matches').waitFor();
});

it('says what was lost and why, and how sure the share of devices without a crash is', async () => {
  const page = await stage.open('/apps/com.example.notes?tab=analytics&view=quality', ada);
  await page.getByText('No consent').waitFor();
  await page.getByText(/people who did not agree to usage data/).waitFor();
  await page.getByRole('tab', { name: 'Release health' }).click();
  const row = page.getByRole('row', { name: /1\.0\.0/ });
  await row
    .getByText(/^\d+(\.\d)? % to \d+(\.\d)? %$/)
    .first()
    .waitFor();
  await page.getByRole('tab', { name: 'Performance' }).click();
  await page.getByRole('heading', { name: 'Launch' }).waitFor();
  await page.getByLabel('Range').click();
  await page.getByRole('option', { name: 'Choose days' }).click();
  await page.waitForURL(/from=\d{4}-\d\d-\d\d&to=/);
  await page.getByLabel('To', { exact: true }).fill('2020-01-01');
  await page.getByText(/Choose a first and a last day/).waitFor();
});
