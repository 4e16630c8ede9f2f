/** Owns running `mosis-admin` as a process of its own, as an operator of the image would: bundled. It asserts nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../.cache/server/mosis-admin.js', import.meta.url));

export interface AdminRun {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** Standard output under `--json`. */
  json<Document>(): Document;
}

/** Runs the command over a data folder until it ends. */
export async function admin(dataDir: string, ...args: readonly string[]): Promise<AdminRun> {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, ...args], {
    env: { PATH, HOME, DATA_DIR: dataDir, NODE_COMPILE_CACHE },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  await once(child, 'close');
  return { code: child.exitCode, out, err, json: <Document>() => JSON.parse(out) as Document };
}
