// Owns bringing dependencies up to the lock file; plain JavaScript, so that it runs on any Node with nothing installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NODE, ROOT } from './paths.mjs';

const STAMP = join(ROOT, 'node_modules', '.mosis', 'installed');

/**
 * Installs what the lock file names, when it changed since the last time or nothing is there. Throws when npm fails.
 * @returns {boolean} whether it installed
 */
export function install() {
  const hash = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  if (existsSync(NODE) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash) return false;
  console.error('Installing dependencies (first time or lock file changed) …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error('npm ci failed; what it printed is above.');
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, hash);
  return true;
}
