// Owns `npm run check`: format, lint, types, tests; no test runs when a check before them fails. `--no-tests` leaves the tests out.
import { join } from 'node:path';
import { generate } from './generate.mjs';
import { install } from './install.mjs';
import { exitWith, runNode } from './node.mjs';
import { ROOT } from './paths.mjs';
import { buildPortal } from './portal.mjs';

/** @typedef {{ name: string, args: string[], cwd?: string }} Step */

/** @type {Step} The longest, and on one core: it runs beside the others. */
const TYPES = { name: 'types', args: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'] };
/** @type {readonly Step[]} */
const STEPS = [
  { name: 'format and lint', args: ['node_modules/@biomejs/biome/bin/biome', 'check', '.'] },
  {
    name: 'portal format',
    args: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', 'web/src/**/*.{svelte,css}'],
  },
  {
    name: 'portal types',
    args: [
      join(ROOT, 'node_modules/svelte-check/bin/svelte-check'),
      '--tsconfig',
      './tsconfig.json',
      '--fail-on-warnings',
    ],
    cwd: 'web',
  },
];

async function check() {
  install();
  generate();
  const failed = (await Promise.all([run(TYPES), runOthers()])).find((code) => code !== 0);
  if (failed !== undefined) return failed;
  if (process.argv.includes('--no-tests')) return 0;
  return runNode([join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run']);
}

/** One after the other, up to the first that fails. */
async function runOthers() {
  buildPortal();
  for (const step of STEPS) {
    const code = await run(step);
    if (code !== 0) return code;
  }
  return 0;
}

function run(/** @type {Step} */ { name, args, cwd }) {
  console.error(`— ${name}`);
  return runNode(args, { cwd: join(ROOT, cwd ?? '.') });
}

exitWith(check());
