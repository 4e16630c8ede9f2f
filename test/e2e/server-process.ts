/** Owns the real server as a process of its own that may be killed at any instant. It knows nothing of what the server serves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERVER_FLAGS } from '../../scripts/node.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const START_TIMEOUT_MS = 60_000;
/** As `npm start` runs it; bundled before the first test (scripts/prepare-tests.mjs). */
const PROGRAM = join(ROOT, '.cache', 'server', 'main.js');

export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** What it has written to the terminal so far. */
  output(): string;
  /** kill -9; resolves once the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

export interface ServerOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that may still be starting. */
export interface LaunchedServer extends ServerProcess {
  /** Resolves once it says that it runs; rejects with its output when it ends before. */
  readonly running: Promise<void>;
}

/** Starts the bundled server and waits until it says that it runs. Rejects with its output when it ends before. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const server = launchServer(options);
  const timer = setTimeout(() => void server.kill(), START_TIMEOUT_MS);
  await server.running.finally(() => clearTimeout(timer));
  return server;
}

/** Starts the bundled server and waits for nothing. */
export function launchServer({ dataDir, port, env = {} }: ServerOptions): LaunchedServer {
  const child = spawn(process.execPath, [...SERVER_FLAGS, PROGRAM], {
    cwd: join(ROOT, 'server'),
    env: { ...baseEnvironment(), PORT: String(port), DATA_DIR: dataDir, LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  let output = '';
  const { promise: running, resolve, reject } = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.includes('Mosis is running at')) resolve();
    });
  }
  exit.then(
    () => reject(new Error(`The server ended before it ran (${child.exitCode ?? child.signalCode}):\n${output}`)),
    reject,
  );
  running.catch(() => undefined);
  return {
    url: `http://localhost:${port}`,
    pid: child.pid ?? 0,
    running,
    output: () => output,
    kill: () => end(child, exit, 'SIGKILL'),
    async stop() {
      await end(child, exit, 'SIGTERM');
      return child.exitCode;
    },
  };
}

async function end(child: ChildProcess, exit: Promise<unknown>, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await exit;
}

/** Nothing of the runner's own settings reaches the server. */
function baseEnvironment(): Record<string, string> {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE };
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, 'localhost');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('The probe has no port.');
  return address.port;
}
