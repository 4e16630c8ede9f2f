/** Owns the real `mosis` as a process whose words can be waited for while it runs. It knows no command. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../cli/bin/mosis.mjs', import.meta.url));
const WORD_TIMEOUT_MS = 30_000;

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliProcess {
  /** Resolves with the first match in what it has said on stderr, now or later. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<CliResult>;
  kill(): void;
}

export interface Terminal {
  readonly folder: string;
  start(args: readonly string[], cwd?: string): CliProcess;
  /** Runs to the end; throws with everything it said when the exit code is not 0. */
  run(args: readonly string[], cwd?: string): Promise<CliResult>;
  /** As `run` with `--json`, parsed. */
  json(args: readonly string[], cwd?: string): Promise<Record<string, unknown>>;
}

/** A terminal in `folder`, with a home of its own there. */
export function openTerminal(folder: string, serverUrl: string): Terminal {
  const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE, HOME: folder, XDG_CONFIG_HOME: `${folder}/config`, MOSIS_URL: serverUrl };

  function start(args: readonly string[], cwd = folder): CliProcess {
    const child = spawn(process.execPath, [BIN, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    const listeners = new Set<() => void>();
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      for (const listener of listeners) listener();
    });
    const ended = once(child, 'close').then(() => ({ code: child.exitCode, stdout, stderr }));
    return {
      ended,
      kill: () => void child.kill('SIGKILL'),
      says(pattern) {
        const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
        const look = () => {
          const match = pattern.exec(stderr);
          if (match !== null) resolve(match);
        };
        const failed = (why: string) =>
          reject(new Error(`mosis ${args.join(' ')} ${why} before it said ${pattern}:\n${stderr}${stdout}`));
        const timer = setTimeout(() => failed('took too long'), WORD_TIMEOUT_MS);
        listeners.add(look);
        look();
        ended.then(() => failed('ended'), reject);
        return promise.finally(() => {
          clearTimeout(timer);
          listeners.delete(look);
        });
      },
    };
  }

  async function run(args: readonly string[], cwd?: string): Promise<CliResult> {
    const result = await start(args, cwd).ended;
    if (result.code !== 0)
      throw new Error(`mosis ${args.join(' ')} ended with ${result.code}:\n${result.stderr}${result.stdout}`);
    return result;
  }

  return {
    folder,
    start,
    run,
    json: async (args, cwd) => JSON.parse((await run([...args, '--json'], cwd)).stdout),
  };
}
