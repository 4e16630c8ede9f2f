// Owns `npm test`: the same set-up as `npm start`, then every test. Arguments go to the runner: `npm test -- test/versions`.
import { join } from 'node:path';
import { generate } from './generate.mjs';
import { install } from './install.mjs';
import { exitWith, runNode } from './node.mjs';
import { ROOT } from './paths.mjs';
import { buildPortal } from './portal.mjs';

async function test() {
  install();
  generate();
  buildPortal();
  return runNode([join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...process.argv.slice(2)]);
}

exitWith(test());
