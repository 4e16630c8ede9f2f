/** The developer's side of a review in a real browser: what a rejection shows, the appeal, approvals live, and reports. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { png } from '../support/packages.ts';
import { type Developer, PASSWORD, type Reviewer } from '../support/seed.ts';
import { type Stage, startStage } from './stage.ts';

const BROKEN = `local M = {}

function M.run(text)
  return load("return " .. text)()
end

return M
`;

let stage: Stage;
let ada: Developer;
let rita: Reviewer;
let rolf: Reviewer;

beforeAll(async () => {
  stage = await startStage({ secondApproval: true });
  rita = await stage.seed.reviewer('Rita');
  rolf = await stage.seed.reviewer('Rolf');
  ada = await stage.seed.developer('Ada');
}, 10 * 60_000);
afterAll(() => stage?.close());
beforeEach(() => stage.errors.splice(0));
afterEach(() => expect(stage.errors).toEqual([]));

it('shows a rejected version what to change by file, the lines that send the next one, and takes an appeal', async () => {
  const notes = await ada.app('com.example.notes');
  const version = await notes.upload({
    version: '1.0.0',
    version_code: 7,
    files: { 'assets/scripts/run.lua': BROKEN, 'assets/scripts/again.lua': BROKEN },
  });
  expect(await version.submitted()).toBe('REJECTED');
  const page = await stage.open('/apps/com.example.notes/versions/7', ada);

  const findings = page.getByRole('region', { name: 'What to change' });
  await findings.waitFor();
  expect(await findings.getByRole('heading', { level: 3 }).allInnerTexts()).toEqual([
    expect.stringContaining('assets/scripts/again.lua'),
    expect.stringContaining('assets/scripts/run.lua'),
  ]);
  expect(await findings.getByText('What to do:').count()).toBeGreaterThan(1);
  expect(await findings.getByRole('link', { name: 'Help page' }).first().getAttribute('href')).toBe(
    '/docs/findings/LUA_DYNAMIC_CODE',
  );
  const next = page.getByRole('region', { name: 'Send the next version' });
  expect(await next.locator('code').allInnerTexts()).toEqual([
    'manifest.json',
    '"version": "1.0.1", "version_code": 8,',
    'npx mosis validate',
    'npx mosis publish --wait',
    'npx mosis status com.example.notes --code 8 --watch',
  ]);

  await findings
    .getByRole('link', { name: /^line 4/ })
    .first()
    .click();
  await page.getByText('local M').first().waitFor();
  await findings.getByRole('button', { name: 'Comment on this finding' }).first().click();
  await page.getByRole('textbox', { name: 'Comment on this finding' }).fill('The text is a constant of ours.');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await findings.getByText('The text is a constant of ours.').waitFor();

  await page.getByRole('button', { name: 'Appeal' }).click();
  await page.getByLabel('Why the decision should change').fill('Nothing from outside gets into that text.');
  await page.getByRole('dialog').getByRole('button', { name: 'Appeal' }).click();
  await page.getByText(/A reviewer looks at it by/).waitFor();
  await rita.reject(version, 'It is code made at run time all the same.');
  await page.getByText('It was appealed already').waitFor();
  expect(await page.getByRole('button', { name: 'Appeal' }).count()).toBe(0);
});

it('counts approvals live where two reviewers have to agree', async () => {
  const camera = await ada.app('com.example.camera');
  const version = await camera.upload({ version: '2.0.0', version_code: 3, permissions: ['storage', 'camera'] });
  expect(await version.submitted()).toBe('IN_REVIEW');
  const page = await stage.open('/apps/com.example.camera/versions/3', ada);
  const next = page.getByRole('region', { name: 'What happens next' });
  await next.getByText('0 of 2 approvals').waitFor();
  await rita.approve(version, 'The camera is used where it says so.');
  await next.getByText('1 of 2 approvals').waitFor();
  await page.getByRole('list', { name: 'Timeline' }).getByText('First of two approvals by a reviewer').waitFor();
  await rolf.approve(version);
  await next.getByText('It is approved.').waitFor();
  await page.getByRole('button', { name: 'Publish' }).waitFor();
});

it('has a visitor sign in to report an app, come back to the form, and see afterwards that it was reported', async () => {
  const games = await ada.app('com.example.games');
  await (await games.upload({ version: '1.0.0', version_code: 1 })).published(rita);
  const petra = await stage.seed.developer('Petra');
  const page = await stage.open('/store/com.example.games');
  await page.getByRole('link', { name: 'Report this app' }).click();
  await page.getByLabel('E-mail').fill(petra.email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).last().click();
  const dialog = page.getByRole('dialog', { name: /^Report / });
  await dialog.getByRole('button', { name: 'Send report' }).click();
  await dialog.getByText('Choose what is wrong.').waitFor();
  await dialog.getByLabel('It deceives people').check();
  await dialog.getByLabel('What happened').fill('It says that it is a game, and is none.');
  await dialog.getByRole('button', { name: 'Send report' }).click();
  await page.getByText(/You reported this app/).waitFor();
  expect(stage.app.rows('SELECT reason, body FROM reports')).toEqual([
    { reason: 'SCAM', body: 'It says that it is a game, and is none.' },
  ]);
});

it('adds screenshots, refuses what is none, and puts them in order by keyboard', async () => {
  const shots = await ada.app('com.example.shots');
  await (await shots.upload({ version: '1.0.0', version_code: 1 })).published(rita);
  const page = await stage.open('/apps/com.example.shots?tab=settings', ada);
  const picture = (name: string, width: number, mimeType = 'image/png') => ({
    name,
    mimeType,
    buffer: Buffer.from(png(width, 300)),
  });
  await page
    .getByLabel('Add screenshots')
    .last()
    .setInputFiles([picture('one.png', 260), picture('two.png', 280), picture('three.jpg', 300, 'image/jpeg')]);
  await page.getByText('three.jpg: It is no PNG.').waitFor();
  await page.getByAltText('Screenshot 2 of 2').waitFor();
  const widths = () =>
    page.getByAltText(/^Screenshot \d of \d$/).evaluateAll((all) => all.map((each) => each.getAttribute('width')));
  expect(await widths()).toEqual(['260', '280']);
  await page.getByRole('button', { name: 'Move screenshot 2 earlier' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(widths).toEqual(['280', '260']);
  await page.getByText('Moved to place 1 of 2.').waitFor({ state: 'attached' });

  const visitor = await stage.open('/store/com.example.shots');
  await visitor.getByRole('region', { name: /^Screenshots of/ }).waitFor();
  await expect
    .poll(() => visitor.getByAltText('Screenshot 1 of 2').evaluate((image) => Reflect.get(image, 'naturalWidth')))
    .toBe(280);

  await page.getByRole('button', { name: 'Delete screenshot 1' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect.poll(widths).toEqual(['260']);
});
