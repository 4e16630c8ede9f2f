/** Owns what the portal's browser tests share: a server with the built portal, a browser, and pages of signed-in people. */
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { startApp, type TestApp } from '../support/app.ts';
import { ensurePortal, launchBrowser } from '../support/browser.ts';
import { createSeed, type Person, type Seed } from '../support/seed.ts';

const PORTAL = fileURLToPath(new URL('../../web/build', import.meta.url));
const STEP_MS = 10_000;

export interface Stage {
  readonly app: TestApp;
  readonly seed: Seed;
  /** What the pages' scripts and consoles complained of since the last `clear`. */
  readonly errors: string[];
  /** A page in a browser of its own; of nobody without a person. */
  open(path: string, person?: Person): Promise<Page>;
  close(): Promise<void>;
}

/** Starts server and browser; `close` them. `settings` are those of the review policy. */
export async function startStage(settings: Readonly<Record<string, unknown>> = {}): Promise<Stage> {
  ensurePortal();
  const [app, browser] = await Promise.all([
    startApp({ portalDir: PORTAL, settings: { reviews: { sampleShare: 0, ...settings } } }),
    launchBrowser(),
  ]);
  const errors: string[] = [];
  return {
    app,
    seed: createSeed(app),
    errors,
    open: async (path, person) => {
      const page = await pageOf(browser, app.url, person);
      page.on('pageerror', (error) => errors.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      await page.goto(app.url + path);
      return page;
    },
    async close() {
      await browser.close();
      await app.close();
    },
  };
}

async function pageOf(browser: Browser, url: string, person: Person | undefined): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  if (person !== undefined) {
    const [name = '', value = ''] = (person.session.cookie ?? '').split(';')[0]?.split(/=(.*)/s) ?? [];
    await context.addCookies([{ name, value, url }]);
  }
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  return page;
}
