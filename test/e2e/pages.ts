/** Owns what the end-to-end tests do in a browser page: signing up, watching without a reload, taking pictures. It asserts nothing. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

const WIDTHS = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
] as const;
const SCHEMES = ['light', 'dark'] as const;

/** Fills the form of /sign-up and waits until the portal has left it. */
export async function signUp(
  page: Page,
  url: string,
  person: { name: string; email: string; password: string },
): Promise<void> {
  await page.goto(`${url}/sign-up`);
  await page.getByLabel('Name').fill(person.name);
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.waitForURL((address) => !address.pathname.startsWith('/sign-up'));
}

/** What a page showed in its timeline while it was watched, and whether it was loaded again meanwhile. */
export interface Watched {
  /** Texts of the timeline's rows, each as it first appeared after the watch began. */
  readonly rows: readonly string[];
  /** How often the timeline's content changed. */
  readonly changes: number;
  /** Whether this is still the document that was watched from the start. */
  readonly sameDocument: boolean;
}

/** Notes every change of the timeline from now on; the returned function reads the notes. */
export async function watchTimeline(page: Page): Promise<() => Promise<Watched>> {
  const timeline = page.getByRole('list', { name: 'Timeline' });
  await timeline.waitFor();
  const mark = `watched-${performance.now()}`;
  await timeline.evaluate((list, name) => {
    const notes = { rows: [] as string[], changes: 0 };
    Reflect.set(window, name, notes);
    const seen = new Set([...list.querySelectorAll('li')].map((row) => row.textContent ?? ''));
    new MutationObserver(() => {
      notes.changes += 1;
      for (const row of list.querySelectorAll('li')) {
        if (row.textContent === null || seen.has(row.textContent)) continue;
        seen.add(row.textContent);
        notes.rows.push(row.textContent);
      }
    }).observe(list, { childList: true, subtree: true, characterData: true });
  }, mark);
  return () =>
    page.evaluate((name) => {
      const notes: unknown = Reflect.get(window, name);
      const isNotes = (value: unknown): value is { rows: string[]; changes: number } =>
        typeof value === 'object' && value !== null;
      return isNotes(notes) ? { ...notes, sameDocument: true } : { rows: [], changes: 0, sameDocument: false };
    }, mark);
}

/** Takes a picture of the page at both widths in both themes when E2E_SCREENSHOTS names a folder. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.E2E_SCREENSHOTS;
  if (folder === undefined || folder === '') return;
  mkdirSync(folder, { recursive: true });
  await page.waitForLoadState('networkidle');
  for (const size of WIDTHS) {
    for (const colorScheme of SCHEMES) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      // Colours fade over for a moment.
      await page.waitForTimeout(250);
      await page.screenshot({ path: join(folder, `${name}-${size.width}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.setViewportSize(WIDTHS[0]);
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: null });
}
