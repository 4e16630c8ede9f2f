/**
 * Measures all checks over a 10 MB package of 500 files in the server's own worker thread, and how long the event loop beside it
 * was ever blocked; the limit is reading, inflating and hashing the same files. Usage: node bench/checks.ts
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
import { createCheckWorker } from '../server/validation/check-worker.ts';
import { median } from './load.ts';

const FILES = 500;
const BYTES = 10 * 1024 * 1024;
const RUNS = Number(process.env.BENCH_RUNS ?? 5);
const TARGET_MS = 1_500;
const TARGET_BLOCKED_MS = 50;
const MAX_PACKAGE_BYTES = 50 * 1024 * 1024;

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
  const [cold = Number.NaN, ...warm] = walls;
  const ms = (value: number) => `${Math.round(value)} ms`.padStart(8);
  process.stdout.write(
    [
      `checks of ${files} files, ${(bytes.length / 1024 / 1024).toFixed(1)} MB, in the worker thread; median of ${RUNS} (${verdict})`,
      `  limit: read, inflate, SHA-256    ${ms(limit)}`,
      `  first, with the thread's start   ${ms(cold)}   target ${TARGET_MS} ms   ratio ${(cold / limit).toFixed(1)}`,
      `  every next                       ${ms(median(warm))}   target ${TARGET_MS} ms   ratio ${(median(warm) / limit).toFixed(1)}`,
      `  event loop blocked, limit: a thread that only counts, as long   ${ms(blockedBySpinMs)}`,
      `  event loop blocked at most, by the first                        ${ms(blockedFirstMs)}   target ${TARGET_BLOCKED_MS} ms`,
      `  event loop blocked at most, by the next                         ${ms(blockedMs)}   target ${TARGET_BLOCKED_MS} ms`,
      `  ${[...steps].map(([name, took]) => `${name} ${Math.round(took)}`).join(', ')} ms`,
      '',
    ].join('\n'),
  );
  if (cold > TARGET_MS || Math.max(blockedMs, blockedFirstMs) > TARGET_BLOCKED_MS) process.exitCode = 1;
} finally {
  await worker.close();
  rmSync(folder, { recursive: true, force: true });
}
