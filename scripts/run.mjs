// Owns running one TypeScript program of the project after the same set-up as `npm start`: `node scripts/run.mjs FILE …`.
import { generate } from './generate.mjs';
import { install } from './install.mjs';
import { exitWith, runNode } from './node.mjs';

async function run() {
  const [file, ...args] = process.argv.slice(2);
  if (file === undefined) throw new Error('Which file? node scripts/run.mjs FILE [ARGUMENT …]');
  install();
  generate();
  return runNode(['--disable-warning=ExperimentalWarning', file, ...args]);
}

exitWith(run());
