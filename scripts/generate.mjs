// Owns the list of generated files and when each is made again; plain JavaScript, so that it runs on any Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const STAMPS = join(ROOT, '.cache', 'generate');

/**
 * A step runs when a source or the step itself has changed since its last run, or an output is missing.
 * @typedef {{ name: string, sources: string[], outputs: string[], run: () => void }} Step
 */

/** @type {Step[]} In order; a later step may read what an earlier one makes. */
const STEPS = [
  {
    name: 'prisma',
    sources: ['prisma/schema.prisma', 'node_modules/prisma/package.json', 'scripts/generate.mjs'],
    outputs: ['server/generated/prisma/client.ts', 'server/generated/pothos.ts'],
    run: generatePrisma,
  },
];

/**
 * Brings every generated file up to date. `force` runs every step. Returns the names of the steps that ran; throws when
 * one fails.
 * @param {{ force?: boolean }} [options]
 * @returns {string[]}
 */
export function generate({ force = false } = {}) {
  const ran = [];
  for (const step of STEPS) {
    const hash = hashOf(step.sources);
    if (!force && isFresh(step, hash)) continue;
    step.run();
    mkdirSync(STAMPS, { recursive: true });
    writeFileSync(join(STAMPS, step.name), hash);
    ran.push(step.name);
  }
  return ran;
}

function isFresh(/** @type {Step} */ step, /** @type {string} */ hash) {
  const stamp = join(STAMPS, step.name);
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash) return false;
  return step.outputs.every((output) => existsSync(join(ROOT, output)));
}

function hashOf(/** @type {string[]} */ sources) {
  const hash = createHash('sha256');
  for (const source of sources)
    hash
      .update(source)
      .update('\0')
      .update(readFileSync(join(ROOT, source)))
      .update('\0');
  return hash.digest('hex');
}

function generatePrisma() {
  const entry = join(ROOT, 'node_modules', 'prisma', 'build', 'index.js');
  run(process.execPath, [entry, 'generate'], {
    // `prisma generate` wants to see an engine file and never runs it: any existing file spares the download.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
  });
}

function run(
  /** @type {string} */ command,
  /** @type {string[]} */ args,
  /** @type {Record<string, string>} */ env = {},
) {
  const result = spawnSync(command, args, { cwd: ROOT, env: { ...process.env, ...env }, encoding: 'utf8' });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${args.join(' ')} failed:\n${result.stdout}${result.stderr}`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const ran = generate({ force: process.argv.includes('--force') });
  console.log(ran.length === 0 ? 'Everything generated is up to date.' : `Generated: ${ran.join(', ')}.`);
}
