// Owns running a program on the project's own Node 24, passing signals on and taking over its exit code.
import { spawn } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { NODE, ROOT } from './paths.mjs';

/**
 * How the server uses memory. The young generation has room for the requests under way: with 1 MiB what a request holds while its
 * batch is being stored outlives it. The old one may grow by 30 % before it is collected; by Node's own rule it grew to three times
 * what lives there under ingestion, and the pages stayed. An idle server collects by itself, for which it has to be let.
 */
export const SERVER_FLAGS = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=4',
  '--heap-growing-percent=30',
  '--expose-gc',
];

/** The environment with the project's own programs first in PATH. */
export function environment(/** @type {Record<string, string | undefined>} */ extra = {}) {
  const path = [dirname(NODE), `${ROOT}/node_modules/.bin`, process.env.PATH ?? ''].join(delimiter);
  return { ...process.env, PATH: path, ...extra };
}

/**
 * Runs Node 24 with the arguments and resolves to its exit code; SIGINT and SIGTERM are passed on.
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string | undefined>, cwd?: string }} [options]
 * @returns {Promise<number>}
 */
export function runNode(args, { env = {}, cwd = ROOT } = {}) {
  const child = spawn(NODE, args, { cwd, stdio: 'inherit', env: environment(env) });
  const pass = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
  process.on('SIGINT', pass);
  process.on('SIGTERM', pass);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      process.off('SIGINT', pass);
      process.off('SIGTERM', pass);
      resolve(code ?? (signal === 'SIGTERM' || signal === 'SIGINT' ? 0 : 1));
    });
  });
}

/** Ends this process with the code, or with one line of what went wrong. */
export function exitWith(/** @type {Promise<number>} */ running) {
  running.then(
    (code) => process.exit(code),
    (/** @type {unknown} */ error) => {
      console.error(error instanceof Error ? error.message : error);
      process.exit(1);
    },
  );
}
