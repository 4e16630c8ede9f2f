#!/usr/bin/env node
// Owns the choice of what runs `mosis`: the sources where they are (a checkout), else the bundled file. It parses nothing.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const source = new URL('../main.ts', import.meta.url);
const bundle = new URL('../dist/mosis.mjs', import.meta.url);
const bundledNode = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));

/** Node strips types by default from 22.18 on. */
function stripsTypes() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}

async function run(url) {
  const { runProcess } = await import(url.href);
  await runProcess();
}

function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal sends Ctrl-C to the whole group; the child decides what to do with it.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`mosis: ${node} could not be started: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0);
  });
}

if (existsSync(source) && stripsTypes()) await run(source);
else if (existsSync(source) && existsSync(bundledNode)) runWith(bundledNode);
else if (existsSync(bundle)) await run(bundle);
else {
  process.stderr.write(
    `mosis: Node ${process.versions.node} cannot run the sources (22.18 or newer is needed) and there is no bundle.\n` +
      'next: npm install, or node cli/build.mjs\n',
  );
  process.exitCode = 1;
}
