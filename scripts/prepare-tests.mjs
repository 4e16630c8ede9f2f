// Owns what the test runner does once before any test: the server that tests start and kill is the one of `npm start`, bundled.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SERVER_FLAGS } from './node.mjs';
import { COMPILED, NODE } from './paths.mjs';
import { buildServer, SERVER_PROGRAM } from './server-build.mjs';

/** Bundles the server where it is stale. A source that does not parse fails only the tests that start a server. */
export async function setup() {
  try {
    if (await buildServer()) await keepCompiled();
  } catch (error) {
    rmSync(SERVER_PROGRAM, { force: true });
    console.error(`The server could not be bundled: ${error instanceof Error ? error.message : error}`);
  }
}

/** Compiled code is kept when a process ends in order; most that tests start are killed. */
async function keepCompiled() {
  const folder = mkdtempSync(join(tmpdir(), 'mosis-prepare-'));
  const server = spawn(NODE, [...SERVER_FLAGS, SERVER_PROGRAM], {
    env: { PORT: '0', DATA_DIR: join(folder, 'data'), NODE_COMPILE_CACHE: COMPILED },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = once(server, 'exit');
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
    if (said.includes('Mosis is running at')) server.kill('SIGTERM');
  });
  const [code] = await exit;
  rmSync(folder, { recursive: true, force: true });
  if (code !== 0) throw new Error(`it does not start:\n${said}`);
}
