/** Owns running the real `mosis` in a process of its own, in a folder and with a home of the test's own. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../cli/bin/mosis.mjs', import.meta.url));

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The one JSON document of stdout; throws when it is anything else. */
  json(): Record<string, unknown>;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly node?: string;
  readonly bin?: string;
}

export interface Workplace {
  readonly folder: string;
  readonly env: Record<string, string>;
  mosis(args: readonly string[], options?: RunOptions): Promise<Run>;
  remove(): Promise<void>;
}

/** A fresh folder whose `mosis` knows no server, key or sign-in of the machine's user. */
export async function createWorkplace(extra: Record<string, string> = {}): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), 'mosis-cli-'));
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    MOSIS_URL: 'http://127.0.0.1:9',
    ...extra,
  };
  return {
    folder,
    env,
    mosis: (args, options = {}) => run(args, { cwd: folder, ...options, env: { ...env, ...options.env } }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function run(args: readonly string[], { cwd, env, node = process.execPath, bin = BIN }: RunOptions): Promise<Run> {
  const child = spawn(node, [bin, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const read = async (stream: NodeJS.ReadableStream) => {
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return text;
  };
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  return Promise.all([exit, read(child.stdout), read(child.stderr)]).then(([code, stdout, stderr]) => ({
    code,
    stdout,
    stderr,
    json: () => JSON.parse(stdout) as Record<string, unknown>,
  }));
}
