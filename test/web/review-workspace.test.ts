/** The reviewer's workspace in a real browser: a whole review by keyboard, two approvals, live arrival, a lost claim, small screens. */
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { ensurePortal, launchBrowser } from '../support/browser.ts';
import { type AppHandle, createSeed, type Developer, type Person, type Reviewer, type Seed } from '../support/seed.ts';

const PORTAL = fileURLToPath(new URL('../../web/build', import.meta.url));
const STEP_MS = 20_000;
const RIGHT_TO_LEFT_OVERRIDE = '\u202e';
const LUA = `local M = {}
local BASE <const> = "https://api.trails.example"
${Array.from({ length: 30 }, (_, line) => `M.step_${line} = ${line}`).join('\n')}

function M.near(place, callback)
  mosis.net.get(BASE .. "/near?place=" .. place, callback)
end

return M
`;
/** The same with another host, an endless loop, and a comment that reads in another order than it stands. */
const CHANGED_LUA = LUA.replace('BASE .. "/near', 'M.base .. "/near')
  .replace('return M', 'function M.watch()\n  while true do\n    M.near("here")\n  end\nend\n\nreturn M')
  .replace('function M.near', `-- only admins ${RIGHT_TO_LEFT_OVERRIDE} may\nfunction M.near`);
const SCRIPT = 'assets/scripts/net.lua';

let app: TestApp;
let seed: Seed;
let browser: Browser;
let rita: Reviewer;
let rolf: Reviewer;
let ada: Developer;
let trails: AppHandle;
const errors: string[] = [];

beforeAll(async () => {
  ensurePortal();
  app = await startApp({
    portalDir: PORTAL,
    settings: { reviews: { sampleShare: 0, secondApproval: true, reportsToReview: 1 } },
  });
  seed = createSeed(app);
  rita = await seed.reviewer('Rita');
  rolf = await seed.reviewer('Rolf');
  ada = await seed.developer('Ada');
  trails = await ada.app('com.example.trails');
  const first = await trails.upload({
    version: '1.0.0',
    permissions: ['network', 'storage'],
    files: { [SCRIPT]: LUA },
  });
  await first.published(rita);
  browser = await launchBrowser();
}, 10 * 60_000);
afterAll(async () => {
  await browser?.close();
  await app?.close();
});
beforeEach(() => errors.splice(0));
afterEach(() => expect(errors).toEqual([]));

/** A browser of this person's own, with the workspace open. */
async function open(person: Person, path = '/reviews', width = 1280): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: width < 640 ? 844 : 800 } });
  const [name = '', value = ''] = (person.session.cookie ?? '').split(';')[0]?.split(/=(.*)/s) ?? [];
  await context.addCookies([{ name, value, url: app.url }]);
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(app.url + path);
  return page;
}

const press = async (page: Page, ...keys: string[]) => {
  for (const key of keys) await page.keyboard.press(key);
};

/** Takes the open review by its key. */
const claim = async (page: Page) => {
  await page.getByRole('button', { name: 'Claim', exact: true }).waitFor();
  await press(page, 'c');
  await page.getByText(/^Yours for/).waitFor();
};

/** A version of `trails` in review, with its review's id. */
async function inReview(version: string, options: Parameters<AppHandle['upload']>[0] = {}) {
  const uploaded = await trails.upload({ version, permissions: ['network', 'storage'], ...options });
  expect(await uploaded.submitted()).toBe('IN_REVIEW');
  const { version: seen } = await rita.query<{ version: { review: { id: string } } }>(
    'query($id: ID!) { version(id: $id) { review { id } } }',
    { id: uploaded.id },
  );
  return { ...uploaded, path: `/reviews/${encodeURIComponent(seen.review.id)}`, reviewId: seen.review.id };
}

/** Names of what can be pressed or filled and has none, within shadow roots too. */
function nameless(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const roots: (Document | ShadowRoot)[] = [document];
    for (const element of document.querySelectorAll('*')) if (element.shadowRoot) roots.push(element.shadowRoot);
    const named = (element: Element): boolean => {
      const labels =
        element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement ? element.labels : null;
      const ids = element.getAttribute('aria-labelledby')?.split(' ') ?? [];
      return [
        element.getAttribute('aria-label'),
        element.getAttribute('alt'),
        element.textContent,
        ...[...(labels ?? [])].map((label) => label.textContent),
        ...ids.map((id) => document.getElementById(id)?.textContent),
      ].some((name) => (name ?? '').trim() !== '');
    };
    return roots
      .flatMap((root) => [...root.querySelectorAll('button, a[href], input, textarea, select, [role="tab"]')])
      .filter((element) => element.checkVisibility() && !named(element))
      .map((element) => element.outerHTML.slice(0, 120));
  });
}

it('takes a reviewer through a whole review by keyboard alone', { timeout: 90_000 }, async () => {
  const version = await inReview('1.1.0', { files: { [SCRIPT]: CHANGED_LUA } });
  const page = await open(rita);
  await page.getByRole('link', { name: /1\.1\.0/ }).waitFor();
  await press(page, 'j');
  await page.getByRole('heading', { level: 1, name: /1\.1\.0/ }).waitFor();
  await claim(page);

  // The changed file, compared with the approved one: what went, what came, and the untouched lines folded.
  await press(page, 'f');
  await page.getByPlaceholder('Filter files').waitFor();
  await page.keyboard.type('net.lua');
  await press(page, 'Enter');
  const code = page.locator(`[data-code="${SCRIPT}"]`);
  await code.locator('.cm-deletedLine', { hasText: 'BASE .. "/near' }).waitFor();
  await code.locator('.cm-changedLine', { hasText: 'M.base .. "/near' }).waitFor();
  await code
    .getByRole('button', { name: /unchanged lines/ })
    .first()
    .waitFor();
  await code.locator('.cm-specialChar', { hasText: 'U+202E' }).waitFor();
  await page.getByText('Text here is made to read in another order than it runs.').waitFor();
  expect(await nameless(page)).toEqual([]);

  // The finding that matters, and words on it.
  const bar = page.getByRole('region', { name: 'Finding' });
  for (let tries = 0; tries < 10; tries++) {
    await press(page, 'n');
    await bar.getByRole('link').first().waitFor();
    if (await bar.getByText('LUA_ENDLESS_LOOP').isVisible()) break;
  }
  await bar.getByText('LUA_ENDLESS_LOOP').waitFor();
  await code.locator('.finding-note.current').waitFor();
  await press(page, 'm');
  await page.keyboard.type('Use a timer here.');
  await press(page, 'Control+Enter');
  await code.locator('.finding-note.current .kept').waitFor();

  // Without words nothing is rejected; with words and a rule it is.
  await press(page, 'r');
  await page.getByText('Write what has to change and why.').waitFor();
  await page.keyboard.type('The app never gives the processor back.');
  await press(page, 'Escape', 'l');
  await page.keyboard.type('QUALITY');
  await page.getByRole('option').first().waitFor();
  await press(page, 'ArrowDown', 'Enter', 'Escape');
  await page.getByRole('list', { name: 'Policy, chosen' }).waitFor();
  await press(page, 'r');
  await page.getByRole('dialog').getByText('One comment on a finding goes along.').waitFor();
  await page.waitForFunction(() => document.activeElement?.matches('[role=dialog] button[type=submit]'));
  await press(page, 'Enter');
  await page.getByText('Rejected.').first().waitFor();

  const { version: seen } = await ada.query<{
    version: { state: string; feedback: string; comments: { body: string; finding: { code: string } }[] };
  }>('query($id: ID!) { version(id: $id) { state feedback comments { body finding { code } } } }', { id: version.id });
  expect(seen).toMatchObject({
    state: 'REJECTED',
    feedback: 'The app never gives the processor back.',
    comments: [{ body: 'Use a timer here.', finding: { code: 'LUA_ENDLESS_LOOP' } }],
  });
  const [review] = app.rows<{ policy_refs: string }>(
    'SELECT policy_refs FROM reviews WHERE version_id = ?',
    version.key,
  );
  expect(review?.policy_refs).toMatch(/^\["QUALITY-/);
  await page.context().close();
});

it('asks two reviewers where the policy does, and says so to both', { timeout: 90_000 }, async () => {
  const version = await inReview('1.2.0', { permissions: ['network', 'storage', 'camera'], files: { [SCRIPT]: LUA } });
  const first = await open(rita, version.path);
  await first.getByText('0 of 2 approvals').first().waitFor();
  await first.getByText('New', { exact: true }).waitFor();
  await claim(first);
  await press(first, 'a');
  await first.getByText('It then waits for the approval of a second reviewer.').waitFor();
  await press(first, 'Enter');
  await first.getByText('Your approval is noted. A second reviewer has to agree.').first().waitFor();
  expect(await version.state()).toBe('IN_REVIEW');

  const second = await open(rolf, version.path);
  await second.getByText('1 of 2 approvals').first().waitFor();
  await claim(second);
  await press(second, 'a');
  await second.getByText('The developer can publish it right away.').waitFor();
  await press(second, 'Enter');
  await second.getByText('Approved.').first().waitFor();
  expect(await version.state()).toBe('APPROVED');
  await first.context().close();
  await second.context().close();
});

it('shows what arrives in the queue without a reload', { timeout: 90_000 }, async () => {
  const page = await open(rolf);
  await page.getByRole('heading', { name: 'The queue is empty' }).waitFor();
  const version = await inReview('1.3.0', { files: { [SCRIPT]: CHANGED_LUA } });
  const row = page.getByRole('link', { name: /1\.3\.0/ });
  await row.waitFor();
  await rita.claim(version);
  await page.getByText('Taken').waitFor();
  await page.goto(`${app.url}/reviews?mine=1`);
  await page.getByText('Nothing in the queue fits these filters.').waitFor();
  await rita.done('releaseReview', {
    reviewId: version.reviewId,
    claimId: await claimOf(rita, version.reviewId),
  });
  await page.context().close();
});

it('says when a claim is lost, and keeps what was written', { timeout: 90_000 }, async () => {
  const version = await inReview('1.4.0', { files: { [SCRIPT]: CHANGED_LUA } });
  const page = await open(rita, version.path);
  await claim(page);
  await press(page, 'e');
  await page.keyboard.type('Almost there.');
  // Given back in another browser of hers, and decided by somebody else.
  await rita.done('releaseReview', {
    reviewId: version.reviewId,
    claimId: await claimOf(rita, version.reviewId),
  });
  await page
    .getByRole('alert')
    .getByText(/The claim lapsed/)
    .waitFor();
  await rolf.reject(version, 'Not yet.');
  await page
    .getByRole('alert')
    .getByText(/Somebody decided it meanwhile/)
    .waitFor();
  await page.getByText('Not yet.').first().waitFor();

  const next = await inReview('1.5.0', { files: { [SCRIPT]: CHANGED_LUA } });
  await page.goto(app.url + next.path);
  await claim(page);
  await press(page, 'e');
  await page.keyboard.type('Half a thought');
  await page.reload();
  await expect.poll(() => page.getByLabel(/^Message to the developer/).inputValue()).toBe('Half a thought');
  await page.context().close();
});

it('is whole on a phone: panes as tabs, nothing wider than the screen', { timeout: 90_000 }, async () => {
  const version = await inReview('1.6.0', { files: { [SCRIPT]: CHANGED_LUA } });
  const page = await open(rolf, '/reviews', 390);
  await page.getByRole('link', { name: /1\.6\.0/ }).click();
  await page.getByRole('tab', { name: /^Files/ }).click();
  await page.getByRole('link', { name: SCRIPT }).click();
  await page.locator(`[data-code="${SCRIPT}"] .cm-changedLine`).first().waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
  await page.getByRole('button', { name: 'Decision', exact: true }).click();
  await page.getByRole('button', { name: 'Claim', exact: true }).click();
  await page.getByRole('button', { name: 'Approve', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
  await page.getByText('Approved.').first().waitFor();
  expect(await version.state()).toBe('APPROVED');
  expect(await nameless(page)).toEqual([]);
  await page.context().close();
});

it('says of a reported app that it stays or is suspended, and decides the report', { timeout: 90_000 }, async () => {
  const vic = await seed.developer('Vic');
  await vic.done('reportApp', { packageId: trails.packageId, reason: 'PRIVACY', body: 'It read my contacts.' });
  const page = await open(rita, '/reviews?kind=REPORT');
  await page.getByRole('link', { name: /1\.0\.0/ }).waitFor();
  await press(page, 'j');
  await page.getByText('People reported the app').waitFor();
  await page.getByRole('tab', { name: /^Reports/ }).click();
  await page.getByText('It read my contacts.').waitFor();
  await page.getByRole('button', { name: 'Uphold' }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('It does.');
  await page.getByRole('dialog').getByRole('button', { name: 'Uphold' }).click();
  await page.getByText('No open reports.').waitFor();
  await claim(page);
  await press(page, 'e');
  await page.keyboard.type('Contacts leave the device.');
  await press(page, 'Escape', 'r');
  await page.getByText(/It leaves the store at once/).waitFor();
  await press(page, 'Enter');
  await page.getByText('Suspended.').first().waitFor();
  expect(app.rows('SELECT state FROM app_versions WHERE version_code = 1')).toEqual([{ state: 'SUSPENDED' }]);
  await page.context().close();
});

async function claimOf(reviewer: Reviewer, reviewId: string): Promise<string> {
  const { node } = await reviewer.query<{ node: { claimId: string } }>(
    'query($id: ID!) { node(id: $id) { ... on Review { claimId } } }',
    { id: reviewId },
  );
  return node.claimId;
}
