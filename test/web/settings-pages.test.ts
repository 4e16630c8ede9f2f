/** Settings in a real browser: a webhook from its creation to a repeated delivery, and the review policy changed and put back. */
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../notifications/receiver.ts';
import type { Developer } from '../support/seed.ts';
import { type Stage, startStage } from './stage.ts';

let stage: Stage;
let receiver: Receiver;
let ada: Developer;
/** What the receiver answers with. */
let status = 200;

beforeAll(async () => {
  stage = await startStage();
  receiver = await startReceiver((response) => {
    response.statusCode = status;
    response.end(status === 200 ? 'thanks' : 'the table is gone');
  });
  ada = await stage.seed.developer('Ada');
}, 10 * 60_000);
afterAll(async () => {
  await receiver?.close();
  await stage?.close();
});
beforeEach(() => stage.errors.splice(0));
afterEach(() => expect(stage.errors).toEqual([]));

it('makes a webhook, shows its secret once, delivers, tells of a failure and sends it again from the log', async () => {
  const page = await stage.open('/settings/notifications', ada);
  await page.getByRole('button', { name: 'Add a webhook' }).click();
  await page.getByLabel('Address').fill(`${receiver.url}/hook`);
  await page.getByLabel('Only these').check();
  await page.getByRole('button', { name: 'Create webhook' }).click();
  await page.getByText('Choose at least one event.').waitFor();
  await page.getByRole('dialog').getByLabel('A version was submitted').check();
  await page.getByRole('button', { name: 'Create webhook' }).click();
  const secret = await page
    .getByRole('dialog')
    .locator('code', { hasText: /^whsec_/ })
    .innerText();
  await page.getByRole('button', { name: 'I have stored it' }).click();
  await page.getByRole('link', { name: `${receiver.url}/hook` }).click();
  await page.getByText('No deliveries yet').waitFor();
  expect(await page.getByText(secret).count()).toBe(0);

  status = 500;
  await page.getByRole('button', { name: 'Send a test' }).first().click();
  const test = await receiver.got(({ body }) => body.type === 'TEST');
  const failed = page.locator('[data-delivery=FAILED]');
  await failed.locator('summary').click();
  await failed.getByText('the table is gone').waitFor();
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const told = `${String(test.headers['webhook-id'])}.${String(test.headers['webhook-timestamp'])}.${test.raw}`;
  expect(test.headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(told).digest('base64')}`);

  status = 200;
  await failed.getByRole('button', { name: 'Send again' }).click();
  const again = await receiver.got(({ body }) => body.replayOf !== null);
  expect(again.body.replayOf).toBe(test.body.id);
  await page.locator('[data-delivery=DELIVERED]').getByText('Repeats an earlier one').waitFor();

  const app = await ada.app('com.example.hooked');
  await (await app.upload()).submitted();
  await receiver.got(({ body }) => body.type === 'SUBMITTED');
  await page.getByLabel('State').click();
  await page.getByRole('option', { name: 'Failed' }).click();
  await page.waitForURL(/state=FAILED/);
  await page.locator('[data-delivery=DELIVERED]').first().waitFor({ state: 'detached' });
  expect(await page.locator('[data-delivery]').count()).toBe(1);

  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('You paused it.').waitFor();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No webhooks').waitFor();
});

it('keeps which events are mailed', async () => {
  const page = await stage.open('/settings/notifications', ada);
  await page.getByLabel('A version was submitted').check();
  await page.getByLabel('A version went live').uncheck();
  await page.getByRole('button', { name: 'Save choices' }).click();
  await page.getByText('Saved.').waitFor();
  const { viewer } = await ada.query<{ viewer: { mailEvents: string[] } }>('{ viewer { mailEvents } }');
  expect(viewer.mailEvents).toContain('SUBMITTED');
  expect(viewer.mailEvents).not.toContain('PUBLISHED');
});

it('saves a change of the policy after showing it, keeps who made it, and puts back what was before', async () => {
  const page = await stage.open('/admin?tab=policy', await stage.seed.admin());
  const hours = page.getByLabel('Hours to a decision');
  await hours.fill('36');
  await page.getByRole('button', { name: 'Save policy' }).click();
  const dialog = page.getByRole('dialog', { name: 'Save this policy?' });
  expect(await dialog.locator('del').innerText()).toContain('24');
  expect(await dialog.locator('ins').innerText()).toContain('36');
  await dialog.getByRole('button', { name: 'Save' }).click();
  const history = page.getByRole('region', { name: 'History' });
  await history.getByText('Grace').waitFor();
  expect(await policy()).toMatchObject({ serviceLevelHours: 36 });

  await history.getByRole('button', { name: 'Hours to a decision' }).click();
  await page.getByRole('button', { name: 'Put back what was before' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Put back what was before' }).click();
  await expect.poll(() => hours.inputValue()).toBe('24');
  expect(await policy()).toMatchObject({ serviceLevelHours: 24 });
  await expect.poll(() => history.getByRole('row').count()).toBe(3);
});

it('names the platform where no account acted, and pages through the audit log by its address', async () => {
  const page = await stage.open('/admin?tab=audit', await stage.seed.admin());
  await page.getByRole('cell', { name: 'the platform' }).first().waitFor();
  for (let count = 0; count < 50; count += 1) await ada.done('updateProfile', { name: `Ada ${count}` });
  await page.reload();
  await page.getByRole('link', { name: 'Next page' }).click();
  await page.waitForURL(/audit-after=/);
  await page.getByRole('link', { name: 'First page' }).click();
  await page.waitForURL((url) => !url.searchParams.has('audit-after'));
});

async function policy(): Promise<unknown> {
  const admin = await stage.seed.admin();
  return (await admin.query<{ reviewPolicy: unknown }>('{ reviewPolicy { serviceLevelHours } }')).reviewPolicy;
}
