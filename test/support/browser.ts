/** Owns the browser of the tests: finds a Chromium or installs one, starts it, and builds the portal first. It never skips. */
import { execFile, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const USUAL_PLACES = ['/usr/bin', '/usr/local/bin', '/snap/bin', '/Applications/Google Chrome.app/Contents/MacOS'];
const INSTALL_TIMEOUT_MS = 5 * 60_000;
const ARGUMENTS = [
  // The tests may run as root in a container, where the sandbox cannot be set up; they open only their own pages.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const HOW = 'Install Chromium (Debian: apt-get install chromium), or set CHROMIUM_PATH to a Chrome or Chromium.';
const PLAYWRIGHT = join(ROOT, 'node_modules', 'playwright-core', 'cli.js');

/** The path of a Chromium: CHROMIUM_PATH, an installed one, playwright's, or one installed now. Throws saying what to do. */
export async function findChromium(): Promise<string> {
  const given = process.env.CHROMIUM_PATH;
  if (given !== undefined && given !== '') {
    if (isExecutable(given)) return given;
    throw new Error(`CHROMIUM_PATH is ${given}, which cannot be run.`);
  }
  const found = installed();
  if (found !== null) return found;
  await install();
  const made = installed();
  if (made === null) throw new Error(`A browser was installed, but none is found. ${HOW}`);
  return made;
}

function installed(): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...USUAL_PLACES];
  const candidates = [...NAMES, 'Google Chrome'].flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...candidates, chromium.executablePath()].find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** By the system's packages where we may, else the browser that playwright downloads into the user's cache. */
async function install(): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (program: string, ...args: string[]) =>
    promisify(execFile)(program, args, { env, timeout: INSTALL_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 });
  const mayUseApt = process.getuid?.() === 0 && isExecutable('/usr/bin/apt-get');
  const way = mayUseApt ? 'apt-get' : 'playwright';
  console.info(`No browser was found; installing Chromium with ${way} …`);
  try {
    if (mayUseApt) {
      await run('/usr/bin/apt-get', 'update');
      await run('/usr/bin/apt-get', 'install', '-y', '--no-install-recommends', 'chromium');
    } else {
      await run(process.execPath, PLAYWRIGHT, 'install', 'chromium');
    }
  } catch (error) {
    throw new Error(`No browser was found, and ${way} could not install one. ${HOW}`, { cause: error });
  }
}

/** Starts a browser; close it. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await findChromium(), args: ARGUMENTS });
}

/** Builds the portal where there is no build yet. Throws with what the build said. */
export function ensurePortal(): void {
  if (existsSync(join(ROOT, 'web', 'build', 'index.html'))) return;
  const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
  const built = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'error'], {
    cwd: join(ROOT, 'web'),
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(`The portal could not be built:\n${built.stdout}${built.stderr}`);
}
