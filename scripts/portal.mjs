// Owns building the portal when its sources changed; plain JavaScript, so that it runs on any Node.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf } from './hash.mjs';
import { CACHE, NODE, ROOT } from './paths.mjs';

const STAMP = join(CACHE, 'portal');
const SOURCES = ['web', 'format', 'schema.graphql', 'package-lock.json'];
const IGNORED = new Set(['build', '.svelte-kit', 'node_modules', 'generated']);

/**
 * Builds `web/build` when a source changed since the last build or it is missing. Throws when the build fails.
 * @returns {boolean} whether it built
 */
export function buildPortal() {
  const hash = hashOf(SOURCES, IGNORED);
  if (existsSync(join(ROOT, 'web', 'build', 'index.html')) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash)
    return false;
  console.error('Building the portal …');
  const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
  const result = spawnSync(NODE, [vite, 'build', '--logLevel', 'error'], { cwd: join(ROOT, 'web'), encoding: 'utf8' });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`The portal could not be built:\n${result.stdout}${result.stderr}`);
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(STAMP, hash);
  return true;
}
