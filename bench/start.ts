/**
 * Measures how soon `npm start` answers on an installed tree and how much memory the idle server takes, beside the barest
 * Node server in the same run. Usage: node bench/start.ts; BENCH_RUNS (3) starts of each kind.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, median } from './load.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const RUNS = Number(process.env.BENCH_RUNS ?? 3);
const IDLE_MS = 10_000;
const TARGET_MS = 3_000;
const TARGET_MB = 150;
const BARE = `require('node:http').createServer((_, response) => response.end()).listen(process.env.PORT, 'localhost')`;

interface Started {
  readonly firstAnswerMs: number;
  /** Resident memory of the process that answers, in MB of 2^20 bytes. */
  rssMb(): number;
  stop(): Promise<void>;
}

async function start(args: readonly string[], dataDir: string, pidOf: (child: number) => number): Promise<Started> {
  const port = await freePort();
  const beganMs = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, PORT: String(port), DATA_DIR: dataDir, LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const exit = once(child, 'exit');
  let answered = false;
  while (!answered) {
    answered = await fetch(`http://localhost:${port}/`).then(
      (response) => response.text().then(() => response.ok),
      () => false,
    );
    if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended with ${child.exitCode}:\n${said}`);
    if (!answered) await delay(5);
  }
  const firstAnswerMs = performance.now() - beganMs;
  const pid = pidOf(child.pid ?? 0);
  return {
    firstAnswerMs,
    rssMb: () => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024,
    async stop() {
      child.kill('SIGTERM');
      await exit;
    },
  };
}

/** The server is a child of the start script; its lock names it. */
function serverPid(dataDir: string): number {
  const lock: unknown = JSON.parse(readFileSync(join(dataDir, 'lock.json'), 'utf8'));
  if (typeof lock !== 'object' || lock === null || !('pid' in lock)) throw new Error('The lock names no process.');
  return Number(lock.pid);
}

const folder = mkdtempSync(join(tmpdir(), 'mosis-bench-start-'));
try {
  const empty: number[] = [];
  const again: number[] = [];
  const bare: number[] = [];
  let rssMb = 0;
  let bareRssMb = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const dataDir = join(folder, `data-${run}`);
    const ofLock = () => serverPid(dataDir);
    const first = await start(['scripts/start.mjs'], dataDir, ofLock);
    empty.push(first.firstAnswerMs);
    if (run === 0) {
      await delay(IDLE_MS);
      rssMb = first.rssMb();
    }
    await first.stop();
    const second = await start(['scripts/start.mjs'], dataDir, ofLock);
    again.push(second.firstAnswerMs);
    await second.stop();
    const limit = await start(['-e', BARE], dataDir, (pid) => pid);
    bare.push(limit.firstAnswerMs);
    if (run === 0) {
      await delay(IDLE_MS);
      bareRssMb = limit.rssMb();
    }
    await limit.stop();
  }
  const ms = (values: readonly number[]) => `${Math.round(median(values))} ms`.padStart(9);
  const mb = (value: number) => `${Math.round(value)} MB`.padStart(9);
  process.stdout.write(
    [
      `start to the first answer of /, median of ${RUNS}; memory after ${IDLE_MS / 1_000} s idle`,
      `  limit: bare node:http              ${ms(bare)}`,
      `  npm start, empty data folder       ${ms(empty)}   target ${TARGET_MS} ms   ratio ${(median(empty) / median(bare)).toFixed(1)}`,
      `  npm start, the same folder again   ${ms(again)}                    ratio ${(median(again) / median(bare)).toFixed(1)}`,
      `  limit: memory of bare node:http    ${mb(bareRssMb)}`,
      `  memory of the server               ${mb(rssMb)}   target ${TARGET_MB} MB    ratio ${(rssMb / bareRssMb).toFixed(1)}`,
      '',
    ].join('\n'),
  );
  if (median(empty) > TARGET_MS || rssMb > TARGET_MB) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
