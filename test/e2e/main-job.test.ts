/** The main job from end to end: an empty folder becomes a reviewed, published, installed and reporting app. Everything is real. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ARCHIVE_CHECK_NAME } from '../../format/checks/archive.ts';
import { CHECKS } from '../../format/checks/registry.ts';
import { ensurePortal, launchBrowser } from '../support/browser.ts';
import { openTerminal, type Terminal } from './cli-process.ts';
import { picture, signUp, watchTimeline } from './pages.ts';
import { freePort, type ServerProcess, startServer } from './server-process.ts';

const APP = 'com.example.notes';
const PASSWORD = 'teapot marmalade quorum';
const STEP_MS = 30_000;
const CHECK_NAMES = [ARCHIVE_CHECK_NAME, ...CHECKS.map(({ name }) => name)];

let folder = '';
let server: ServerProcess;
let browser: Browser;
let terminal: Terminal;

beforeAll(async () => {
  ensurePortal();
  folder = await mkdtemp(join(tmpdir(), 'mosis-main-job-'));
  await mkdir(join(folder, 'work'));
  server = await startServer({ dataDir: join(folder, 'data'), port: await freePort() });
  browser = await launchBrowser();
  terminal = openTerminal(join(folder, 'work'), server.url);
}, 10 * 60_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A page in a browser context of its own, as another person's browser. Errors of its scripts end the test. */
async function openBrowser(errors: string[]): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} (${message.location().url})`);
  });
  return page;
}

/** Makes the first admin with the one-time link, and the reviewer by it. */
async function makeReviewer(errors: string[]): Promise<Page> {
  const reviewer = await openBrowser(errors);
  await signUp(reviewer, server.url, { name: 'Rita', email: 'rita@example.org', password: PASSWORD });
  const admin = await openBrowser(errors);
  const link = /http:\S+\/setup\S+/.exec(server.output())?.[0];
  if (link === undefined) throw new Error(`The server printed no set-up link:\n${server.output()}`);
  await admin.goto(link);
  await picture(admin, 'setup');
  await admin.getByLabel('Name').fill('Grace');
  await admin.getByLabel('E-mail').fill('grace@example.org');
  await admin.getByLabel('Password').fill(PASSWORD);
  await admin.getByRole('button', { name: /admin/i }).click();
  await admin.waitForURL((address) => address.pathname !== '/setup');
  const made = await admin.evaluate(async () => {
    const ask = async (query: string, variables: Record<string, unknown> = {}) => {
      const body = JSON.stringify({ query, variables });
      const response = await fetch('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      return response.json();
    };
    const { data } = await ask('{ developers(search: "rita@example.org") { nodes { id } } }');
    const input = { developerId: data.developers.nodes[0].id, reviewer: true, admin: false };
    return ask(
      'mutation ($input: SetRolesInput!) { setRoles(input: $input) { __typename ... on SetRolesPayload { developer { roles } } } }',
      { input },
    );
  });
  expect(made).toMatchObject({ data: { setRoles: { developer: { roles: expect.arrayContaining(['REVIEWER']) } } } });
  await admin.goto(`${server.url}/admin`);
  await admin.getByText('rita@example.org').first().waitFor();
  await picture(admin, 'admin');
  await admin.context().close();
  return reviewer;
}

/** `mosis login`, with the code that it shows typed into the portal. */
async function signInOnTerminal(page: Page): Promise<void> {
  const login = terminal.start(['login', '--no-browser']);
  const [, code = ''] = await login.says(/Type\s+([A-Z0-9]{4}-[A-Z0-9]{4})/);
  await page.goto(`${server.url}/device`);
  await page.getByLabel('Code from the terminal').fill(code);
  await picture(page, 'device-code');
  await page.getByRole('button', { name: 'Look it up' }).click();
  await page.getByRole('heading', { name: 'Let this terminal act for you?' }).waitFor();
  await picture(page, 'device-confirm');
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('Approved.').waitFor();
  const { code: exit, stderr } = await login.ended;
  expect([exit, stderr]).toEqual([0, expect.any(String)]);
}

/** Opens the queue, claims what waits and approves it. */
async function review(reviewer: Page, name: RegExp): Promise<void> {
  await reviewer.goto(`${server.url}/reviews`);
  await reviewer.getByRole('link', { name }).first().click();
  await reviewer.getByRole('button', { name: 'Claim', exact: true }).click();
  await reviewer.getByRole('button', { name: /^Approve/ }).waitFor();
  await picture(reviewer, 'review');
  await reviewer.getByRole('button', { name: /^Approve/ }).click();
  await reviewer.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
  await reviewer.getByText('Approved.').first().waitFor();
}

test('takes one app from a folder to a reviewed, published, installed and reporting app', {
  timeout: 300_000,
}, async () => {
  const errors: string[] = [];
  const developer = await openBrowser(errors);
  await developer.goto(server.url);
  await picture(developer, 'landing');
  await developer.goto(`${server.url}/sign-up`);
  await picture(developer, 'sign-up');
  await signUp(developer, server.url, { name: 'Devi', email: 'devi@example.org', password: PASSWORD });
  await picture(developer, 'dashboard-empty');
  const reviewer = await makeReviewer(errors);

  // The folder, the keys, the package.
  await signInOnTerminal(developer);
  expect(await terminal.json(['whoami'])).toMatchObject({ email: 'devi@example.org' });
  await terminal.run(['init', 'Notes', '--id', APP, '--author', 'Devi', '--email', 'devi@example.org']);
  const app = join(terminal.folder, 'notes');
  await terminal.run(['keys', 'generate', '--no-passphrase']);
  await terminal.run(['keys', 'register']);
  expect(await terminal.json(['validate'], app)).toMatchObject({ accepted: true });
  await terminal.run(['build'], app);
  const [built = ''] = (await readdir(join(app, 'dist'))).filter((name) => name.endsWith('.mosis'));
  await terminal.run(['sign', join('dist', built)], app);

  // The submission, followed in the terminal and in the portal at once.
  const publish = terminal.start(['publish', join('dist', built), '--create', '--wait'], app);
  for (const name of CHECK_NAMES) await publish.says(new RegExp(`\\b${name}\\b`, 'i'));
  await developer.goto(`${server.url}/apps/${APP}/versions/1`);
  await developer.getByText('waiting for a reviewer').first().waitFor();
  const decision = await watchTimeline(developer);
  await picture(developer, 'version-in-review');
  await review(reviewer, /Notes/);
  await developer.getByRole('button', { name: 'Publish' }).waitFor();
  const decided = await decision();
  expect(decided.sameDocument).toBe(true);
  expect(decided.rows.join('\n')).toMatch(/is looking at it[\s\S]*Approved by a reviewer/);
  const published = await publish.ended;
  expect([published.code, published.stderr]).toEqual([0, expect.stringMatching(/has taken it[\s\S]*approved/)]);
  await developer.getByRole('button', { name: 'Publish' }).click();
  await developer.getByRole('dialog').getByRole('button', { name: 'Publish' }).click();
  await expect.poll(async () => (await decision()).rows.join('\n'), { timeout: STEP_MS }).toMatch(/Published by you/);
  expect((await decision()).sameDocument).toBe(true);
  await picture(developer, 'version-live');

  // The device.
  const device = join(folder, 'device');
  const onDevice = (...args: string[]) => terminal.run(['device', ...args, '--dir', device]);
  await onDevice('init');
  await onDevice('install', APP, '--yes');
  const installed = join(device, 'apps', APP);
  expect(await readdir(installed)).toEqual(expect.arrayContaining(['package', 'data', 'cache', 'db']));
  const manifest: unknown = JSON.parse(await readFile(join(installed, 'package', 'manifest.json'), 'utf8'));
  expect(manifest).toMatchObject({ id: APP, version_code: 1 });
  expect(await readFile(join(installed, 'package', 'assets', 'main.rml'))).toEqual(
    await readFile(join(app, 'assets', 'main.rml')),
  );
  for (let start = 0; start < 3; start += 1) await onDevice('report', APP, 'app_start');
  await onDevice('report', APP, 'screen_view', '--consent', '--data', '{"screen":"main"}');
  await onDevice(
    'crash',
    APP,
    '--message',
    "assets/scripts/app.lua:7: attempt to index a nil value (local 'item')",
    '--stack',
    "stack traceback:\\n\\tassets/scripts/app.lua:7: in function 'show'",
  );

  // What the developer sees of it.
  await expect
    .poll(() => countsOf(developer), { timeout: 10_000 })
    .toEqual({ installs: 1, crashes: 1, app_start: 3, screen_view: 1 });
  await developer.goto(`${server.url}/apps/${APP}?tab=analytics`);
  await developer
    .getByText(/attempt to index a nil value/)
    .first()
    .waitFor();
  await developer.getByText('app_start').first().waitFor();
  await picture(developer, 'analytics');

  // The next version by way of the portal, each check live.
  const warned = await nextVersion(app);
  await developer.goto(`${server.url}/apps/${APP}/submit`);
  await picture(developer, 'submit');
  await developer.locator('input[type=file]').setInputFiles(warned);
  await developer.getByRole('button', { name: 'Look at the draft first' }).click();
  await developer.getByRole('button', { name: 'Submit for review' }).waitFor();
  const checks = await watchTimeline(developer);
  await developer.getByRole('button', { name: 'Submit for review' }).click();
  await developer.getByText('waiting for a reviewer').first().waitFor();
  const live = await checks();
  expect(live.sameDocument).toBe(true);
  expect(live.changes).toBeGreaterThan(CHECK_NAMES.length);
  for (const name of CHECK_NAMES) expect(live.rows.join('\n').toLowerCase()).toContain(name);
  expect(live.rows.join('\n')).toMatch(/app\.lua:\d+/);
  await picture(developer, 'version-warned');
  for (const path of [
    '/apps',
    `/apps/${APP}`,
    `/apps/${APP}?tab=settings`,
    '/keys',
    '/profile',
    '/store',
    `/store/${APP}`,
  ]) {
    await developer.goto(`${server.url}${path}`);
    await developer.getByRole('heading').first().waitFor();
    await picture(developer, path.replaceAll(/[^a-z]+/g, '-').slice(1));
  }
  expect(errors).toEqual([]);
});

const Counts = z.object({
  data: z.object({
    app: z.object({
      telemetry: z.object({
        installs: z.number(),
        crashes: z.coerce.number(),
        totals: z.array(z.object({ type: z.string(), count: z.coerce.number() })),
      }),
    }),
  }),
});

/** The aggregates, asked for with the session of the page. */
async function countsOf(page: Page): Promise<Record<string, number>> {
  const today = new Date().toISOString().slice(0, 10);
  const answer = await page.evaluate(
    async (variables) => {
      const query = `query ($packageId: String!, $range: DateRange!) { app(packageId: $packageId) {
        telemetry(range: $range) { installs crashes totals { type count } } } }`;
      const body = JSON.stringify({ query, variables });
      const response = await fetch('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      return response.json();
    },
    { packageId: APP, range: { from: today, to: today } },
  );
  const { installs, crashes, totals } = Counts.parse(answer).data.app.telemetry;
  const count = (type: string) => totals.find((total) => total.type === type)?.count ?? 0;
  return { installs, crashes, app_start: count('app_start'), screen_view: count('screen_view') };
}

/** 0.2.0 with a warning in it, as a signed package. */
async function nextVersion(app: string): Promise<string> {
  const path = join(app, 'manifest.json');
  const manifest = z.looseObject({ permissions: z.array(z.string()) }).parse(JSON.parse(await readFile(path, 'utf8')));
  const permissions = [...new Set([...manifest.permissions, 'network'])];
  await writeFile(path, JSON.stringify({ ...manifest, version: '0.2.0', version_code: 2, permissions }, null, 2));
  const script = join(app, 'assets', 'scripts', 'app.lua');
  const source = await readFile(script, 'utf8');
  await writeFile(
    script,
    `local function sync(host)\n  mosis.net.get("https://" .. host .. "/notes")\nend\nmosis.app.sync = sync\n${source}`,
  );
  const output = join(app, 'dist', 'next.mosis');
  await terminal.run(['build', '--output', output], app);
  await terminal.run(['sign', output], app);
  return output;
}
