/**
 * Measures all checks over a 10 MB package of 500 files in the server's own check threads, and how long the event loop beside them
 * was ever blocked; the limit is reading, inflating and hashing the same files. Then twenty such packages queued at once with a
 * small one behind them, and the memory that the largest package takes. Usage: node bench/checks.ts
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { inflateRawSync } from 'node:zlib';
import { buildPackage } from '../format/canonical.ts';
import { SIGNATURE_PATH } from '../format/layout.ts';
import { signPackage } from '../format/package-signature.ts';
import { readSample } from '../prisma/demo/releases.ts';
import { createChance } from '../prisma/demo/telemetry.ts';
import { createCheckWorker, defaultThreads } from '../server/validation/check-worker.ts';
import { median } from './load.ts';

const FILES = 500;
const BYTES = 10 * 1024 * 1024;
const RUNS = Number(process.env.BENCH_RUNS ?? 5);
const TARGET_MS = 1_500;
const TARGET_BLOCKED_MS = 50;
const MAX_PACKAGE_BYTES = 50 * 1024 * 1024;
const QUEUED = 20;
const TARGET_GROWTH_MB = 300;

/** An app of real Lua, RML and RCSS many times over, and pictures' worth of noise up to the size. */
async function makePackage(): Promise<Uint8Array> {
  const sample = await readSample('notes');
  const chance = createChance(10);
  const files = new Map(sample);
  const scripts = [...sample].filter(([path]) => path.endsWith('.lua'));
  const styles = [...sample].filter(([path]) => path.endsWith('.rcss') || path.endsWith('.rml'));
  const texts = [...scripts, ...scripts, ...styles];
  const room = FILES - 150 - files.size - 1;
  for (let index = 0; index < room; index += 1) {
    const [path, content] = texts[index % texts.length] ?? ['', new Uint8Array()];
    const [folder, ...rest] = path.split('/');
    // Beside the originals, so that relative references go on pointing at files that are there.
    const name = rest.pop() ?? '';
    // No two scripts alike, so that nothing is analysed once for all of them.
    const own = name.endsWith('.lua') ? Buffer.concat([content, Buffer.from(`\n-- copy ${index}\n`)]) : content;
    files.set([folder, ...rest, `copy_${index}_${name}`].join('/'), own);
  }
  const left = BYTES - [...files.values()].reduce((sum, content) => sum + content.length / 3, 0);
  const noise = FILES - 1 - files.size;
  for (let index = 0; index < noise; index += 1) {
    const bytes = Buffer.alloc(Math.floor(left / noise));
    for (let at = 0; at < bytes.length; at += 4)
      bytes.writeUInt32LE(Math.floor(chance() * 2 ** 32), Math.min(at, bytes.length - 4));
    files.set(`assets/sounds/${index}.ogg`, Buffer.concat([Buffer.from('OggS\0'), bytes]));
  }
  files.set(SIGNATURE_PATH, signPackage(files, new Uint8Array(32).fill(7)));
  return buildPackage(files);
}

/** As large as a package may be, packed and unpacked: half of it noise, half of it text that packs well. */
function makeLargest(): Uint8Array {
  const chance = createChance(50);
  const files = new Map<string, Uint8Array>();
  const noise = Buffer.alloc(4 * 1024 * 1024);
  for (let index = 0; index < 11; index += 1) {
    for (let at = 0; at < noise.length; at += 4) noise.writeUInt32LE(Math.floor(chance() * 2 ** 32), at);
    files.set(`assets/sounds/${index}.ogg`, Buffer.concat([Buffer.from('OggS\0'), noise]));
  }
  const line = 'local function f(a) if a > 1 then return { x = a } end return a end -- ';
  for (let index = 0; index < 24; index += 1) {
    const lines = Array.from({ length: 14_000 }, (_, at) => `-- ${line}${index} ${at} ${chance()}`).join('\n');
    // At most 24 MiB of Lua are analysed.
    files.set(
      `assets/part${index}.${index < 12 ? 'lua' : 'txt'}`,
      Buffer.from(`${lines.slice(0, 1_900_000)}\nreturn 1\n`),
    );
  }
  return buildPackage(files);
}

/** Largest resident memory while `work` runs, above what it is before, in MB. */
async function growthDuring(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 5);
  await work();
  clearInterval(timer);
  return (most - before) / 1024 / 1024;
}

/** What nobody can save: every byte read, inflated by native code and hashed, found by the central directory alone. */
function readAll(path: string): { ms: number; files: number } {
  const beganMs = performance.now();
  const zip = readFileSync(path);
  createHash('sha256').update(zip).digest();
  let at = zip.readUInt32LE(zip.length - 6);
  let files = 0;
  for (; zip.readUInt32LE(at) === 0x02014b50; files += 1) {
    const local = zip.readUInt32LE(at + 42);
    const begin = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(begin, begin + zip.readUInt32LE(at + 20));
    createHash('sha256')
      .update(zip.readUInt16LE(at + 10) === 8 ? inflateRawSync(packed) : packed)
      .digest();
    at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return { ms: performance.now() - beganMs, files };
}

/** How long the event loop is blocked at most while `work` runs, in milliseconds. */
async function blockedDuring(work: () => Promise<unknown>): Promise<number> {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  await work();
  loop.disable();
  return loop.max / 1e6;
}

/** A thread that only counts: what the machine itself does to the event loop beside a busy thread. */
async function spin(forMs: number): Promise<void> {
  const code = `const until = performance.now() + ${forMs}; while (performance.now() < until);`;
  await once(new Worker(code, { eval: true }), 'exit');
}

const folder = mkdtempSync(join(tmpdir(), 'mosis-bench-checks-'));
const worker = createCheckWorker({ maxPackageBytes: MAX_PACKAGE_BYTES });
try {
  const path = join(folder, 'package.mosis');
  const bytes = await makePackage();
  writeFileSync(path, bytes);
  const limit = median(Array.from({ length: RUNS }, () => readAll(path).ms));
  const { files } = readAll(path);
  // What building the package left behind is not the checks' to collect.
  await delay(500);
  const walls: number[] = [];
  const steps = new Map<string, number>();
  let verdict = '';
  const check = async () => {
    const beganMs = performance.now();
    const inspection = await worker.inspect({
      task: 'checks',
      path,
      onProgress: (step) => {
        if (step.type === 'end') steps.set(step.check, step.durationMs);
      },
    });
    walls.push(performance.now() - beganMs);
    verdict = `${inspection.accepted ? 'accepted' : 'refused'}, ${inspection.findings.length} findings`;
  };
  const blockedFirstMs = await blockedDuring(check);
  const blockedMs = await blockedDuring(async () => {
    for (let run = 0; run < RUNS; run += 1) await check();
  });
  const blockedBySpinMs = await blockedDuring(() => spin(walls.reduce((sum, wall) => sum + wall, 0)));
  // Threads of the figures above are ended, as they are in an idle server.
  await worker.close();
  const smallPath = join(folder, 'small.mosis');
  writeFileSync(smallPath, buildPackage(await readSample('notes')));
  await worker.inspect({ task: 'checks', path: smallPath });
  const queuedFromMs = performance.now();
  const queued = Array.from({ length: QUEUED }, () => worker.inspect({ task: 'checks', path }));
  const took = async (task: 'gate' | 'checks') => {
    await worker.inspect({ task, path: smallPath });
    return performance.now() - queuedFromMs;
  };
  const [smallMs, gateMs] = await Promise.all([took('checks'), took('gate'), ...queued]);
  const queuedMs = performance.now() - queuedFromMs;

  await worker.close();
  const largest = makeLargest();
  const largestPath = join(folder, 'largest.mosis');
  writeFileSync(largestPath, largest);
  await delay(500);
  let largestMs = performance.now();
  let unpackedMb = 0;
  const growthMb = await growthDuring(async () => {
    const { files } = await worker.inspect({ task: 'checks', path: largestPath });
    unpackedMb = files.reduce((sum, { size }) => sum + size, 0) / 1024 / 1024;
  });
  largestMs = performance.now() - largestMs;

  const [cold = Number.NaN, ...warm] = walls;
  const ms = (value: number) => `${Math.round(value)} ms`.padStart(8);
  process.stdout.write(
    [
      `checks of ${files} files, ${(bytes.length / 1024 / 1024).toFixed(1)} MB, in ${defaultThreads()} check thread(s); median of ${RUNS} (${verdict})`,
      `  limit: read, inflate, SHA-256    ${ms(limit)}`,
      `  first, with the thread's start   ${ms(cold)}   target ${TARGET_MS} ms   ratio ${(cold / limit).toFixed(1)}`,
      `  every next                       ${ms(median(warm))}   target ${TARGET_MS} ms   ratio ${(median(warm) / limit).toFixed(1)}`,
      `  event loop blocked, limit: a thread that only counts, as long   ${ms(blockedBySpinMs)}`,
      `  event loop blocked at most, by the first                        ${ms(blockedFirstMs)}   target ${TARGET_BLOCKED_MS} ms`,
      `  event loop blocked at most, by the next                         ${ms(blockedMs)}   target ${TARGET_BLOCKED_MS} ms`,
      `  ${QUEUED} of them queued at once          ${ms(queuedMs)}   ${((QUEUED / queuedMs) * 1000).toFixed(1)} packages a second, ${(queuedMs / QUEUED / limit).toFixed(1)} times the limit each`,
      `  a small package behind them       ${ms(smallMs)}`,
      `  an upload at the gate behind them ${ms(gateMs)}`,
      `  the largest package, ${(largest.length / 1024 / 1024).toFixed(0)} MB packed and ${unpackedMb.toFixed(0)} MB unpacked: ${ms(largestMs)}, ${Math.round(growthMb)} MB more memory   target ${TARGET_GROWTH_MB} MB`,
      `  ${[...steps].map(([name, took]) => `${name} ${Math.round(took)}`).join(', ')} ms`,
      '',
    ].join('\n'),
  );
  if (growthMb > TARGET_GROWTH_MB) process.exitCode = 1;
  if (cold > TARGET_MS || Math.max(blockedMs, blockedFirstMs) > TARGET_BLOCKED_MS) process.exitCode = 1;
} finally {
  await worker.close();
  rmSync(folder, { recursive: true, force: true });
}
