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

export interface Running {
  readonly ended: Promise<Run>;
  kill(): void;
  /** Resolves with the match once stderr (or stdout) has it; rejects when the process ends without. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
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
  /** Starts it and goes on; `said` waits for words on stderr. */
  begin(args: readonly string[], options?: RunOptions): Running;
  remove(): Promise<void>;
}

/** A fresh folder whose `mosis` knows no server, key or sign-in of the machine's user. */
export async function createWorkplace(extra: Record<string, string> = {}): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), 'mosis-cli-'));
  const env = {
    PATH: process.env.PATH ?? '',
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    MOSIS_URL: 'http://127.0.0.1:9',
    ...extra,
  };
  return {
    folder,
    env,
    mosis: (args, options = {}) => begin(args, { cwd: folder, ...options, env: { ...env, ...options.env } }).ended,
    begin: (args, options = {}) => begin(args, { cwd: folder, ...options, env: { ...env, ...options.env } }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function begin(args: readonly string[], { cwd, env, node = process.execPath, bin = BIN }: RunOptions): Running {
  const child = spawn(node, [bin, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      text[name] += chunk.toString('utf8');
      for (const listener of listeners) listener();
    });
  const ended = new Promise<Run>((resolve) => {
    child.on('close', (code) =>
      resolve({ code, ...text, json: () => JSON.parse(text.stdout) as Record<string, unknown> }),
    );
  });
  return {
    ended,
    kill: () => child.kill('SIGKILL'),
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(text.stderr) ?? pattern.exec(text.stdout);
          if (match === null) return;
          listeners.delete(look);
          resolve(match);
        };
        listeners.add(look);
        look();
        ended.then(
          (run) => reject(new Error(`ended with ${run.code} without ${pattern}: ${run.stderr}${run.stdout}`)),
          reject,
        );
      }),
  };
}
