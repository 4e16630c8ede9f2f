// Owns the list of generated files and when each is made again; plain JavaScript, so that it runs on any Node.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { hashOf } from './hash.mjs';
import { install } from './install.mjs';
import { environment } from './node.mjs';
import { CACHE, NODE, ROOT } from './paths.mjs';

const STAMPS = join(CACHE, 'generate');

/**
 * A step runs when a source or the step itself has changed since its last run, or an output is missing.
 * @typedef {{ name: string, sources: string[], accepts?: (path: string) => boolean, outputs: string[], run: () => void }} Step
 */

/** @type {Step[]} In order; a later step may read what an earlier one makes. */
const STEPS = [
  {
    name: 'prisma',
    sources: ['prisma/schema.prisma', 'node_modules/prisma/package.json', 'scripts/generate.mjs'],
    outputs: ['server/generated/prisma/client.ts', 'server/generated/pothos.ts'],
    run: generatePrisma,
  },
  {
    name: 'operations',
    sources: ['schema.graphql', 'codegen.ts', 'web/src', 'cli/operations', 'scripts/generate.mjs'],
    accepts: (path) => path.endsWith('.graphql'),
    outputs: ['web/src/lib/graphql/generated/graphql.ts', 'cli/generated/operations.ts'],
    run: generateOperations,
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
    const hash = hashOf(step.sources, new Set(['generated']), step.accepts);
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

function generatePrisma() {
  const entry = join(ROOT, 'node_modules', 'prisma', 'build', 'index.js');
  run([entry, 'generate'], {
    // `prisma generate` wants to see an engine file and never runs it: any existing file spares the download.
    PRISMA_SCHEMA_ENGINE_BINARY: NODE,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
  });
}

function generateOperations() {
  run([join(ROOT, 'node_modules/@graphql-codegen/cli/cjs/bin.js'), '--config', 'codegen.ts']);
}

/** Writes what is generated and committed: a test fails when any is stale. */
function printContracts() {
  run(['server/graphql/print.ts', 'schema.graphql']);
  run(['prisma/postgres/generate.ts']);
  run(['scripts/print-findings.ts', 'docs/findings']);
}

function run(/** @type {string[]} */ args, /** @type {Record<string, string>} */ env = {}) {
  const result = spawnSync(NODE, args, { cwd: ROOT, env: environment(env), encoding: 'utf8' });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${args.join(' ')} failed:\n${result.stdout}${result.stderr}`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  install();
  const ran = generate({ force: process.argv.includes('--force') });
  printContracts();
  console.log(`Generated: ${[...ran, 'schema.graphql', 'prisma/postgres/schema.prisma', 'docs/findings'].join(', ')}.`);
}
