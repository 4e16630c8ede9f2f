// Owns `npm run check`: format, lint, types, tests; stops at the first that fails. `--no-tests` leaves the tests out.
import { join } from 'node:path';
import { generate } from './generate.mjs';
import { install } from './install.mjs';
import { exitWith, runNode } from './node.mjs';
import { ROOT } from './paths.mjs';
import { buildPortal } from './portal.mjs';

/** @type {readonly { name: string, args: string[], cwd?: string }[]} */
const STEPS = [
  { name: 'format and lint', args: ['node_modules/@biomejs/biome/bin/biome', 'check', '.'] },
  {
    name: 'portal format',
    args: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', 'web/src/**/*.{svelte,css}'],
  },
  { name: 'types', args: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'] },
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
  buildPortal();
  for (const { name, args, cwd } of STEPS) {
    console.error(`— ${name}`);
    const code = await runNode(args, { cwd: join(ROOT, cwd ?? '.') });
    if (code !== 0) return code;
  }
  if (process.argv.includes('--no-tests')) return 0;
  return runNode([join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run']);
}

exitWith(check());
