/**
 * Measures how long the format verdict and all checks take over the worst packages, and the most memory that a process of its own
 * takes for it; exits with 1 above a limit. Usage: node bench/bounds.ts [part of a name]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatVerdict, validatePackage } from '../format/validate.ts';

const LIMITS = { format: 1_000, all: 10_000 } as const;
const MAX_RSS_MB = 300;
type Task = keyof typeof LIMITS;

interface Figures {
  readonly ms: number;
  /** Of all threads: beside `ms` it tells how busy the machine was. */
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly accepted: boolean;
  /** The steps that took longest. */
  readonly steps: string;
  readonly findings: number;
  readonly codes: readonly string[];
}

/** In the child: one verdict over one file, as a process that did nothing else. */
async function measure(task: Task, path: string): Promise<Figures> {
  const steps: [string, number][] = [];
  let stepBeganMs = 0;
  const hooks = {
    onCheckStart: () => {
      stepBeganMs = performance.now();
    },
    onCheckEnd: (check: string) => steps.push([check, Math.round(performance.now() - stepBeganMs)]),
  };
  const before = process.cpuUsage();
  const beganMs = performance.now();
  const { accepted, findings } = await (task === 'format' ? formatVerdict : validatePackage)(path, hooks);
  const ms = performance.now() - beganMs;
  const cpu = process.cpuUsage(before);
  const longest = steps.sort((a, b) => b[1] - a[1]).slice(0, 3);
  return {
    ms,
    cpuMs: (cpu.user + cpu.system) / 1000,
    rssMb: process.resourceUsage().maxRSS / 1024,
    accepted,
    steps: longest.map(([name, took]) => `${name} ${took}`).join(', '),
    findings: findings.length,
    codes: [...new Set(findings.map(({ code }) => code))],
  };
}

function inChild(task: Task, path: string): Figures {
  const args = [fileURLToPath(import.meta.url), '--measure', task, path];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 120_000 });
  if (status !== 0) throw new Error(`${task} of ${path} failed: ${stderr}`);
  const figures: Figures = JSON.parse(stdout);
  return figures;
}

/** Time beyond the limit on the clock only is the machine's: another program had the processor. */
function isOver({ ms, cpuMs, rssMb }: Figures, limitMs: number): boolean {
  return Math.min(ms, cpuMs) > limitMs || rssMb > MAX_RSS_MB;
}

/** Made in a process of its own too: a child's peak memory begins with what its parent had. */
function makeInChild(index: number, path: string): void {
  const { stderr, status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--make', `${index}`, path], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`making ${path} failed: ${stderr}`);
}

async function main(only: string): Promise<void> {
  const { WORST_CASES } = await import('./worst-cases.ts');
  const folder = mkdtempSync(join(tmpdir(), 'mosis-bench-bounds-'));
  const limits = `format verdict ${LIMITS.format} ms, all checks ${LIMITS.all} ms, memory ${MAX_RSS_MB} MB`;
  process.stdout.write(
    `Limits: ${limits}. Each figure is one process of its own: time, processor time, peak memory.\n`,
  );
  try {
    for (const [index, { name }] of WORST_CASES.entries()) {
      if (!name.includes(only)) continue;
      const path = join(folder, 'package.mosis');
      makeInChild(index, path);
      const format = inChild('format', path);
      const all = inChild('all', path);
      const over = isOver(format, LIMITS.format) || isOver(all, LIMITS.all);
      if (over) process.exitCode = 1;
      const figure = ({ ms, cpuMs, rssMb }: Figures) =>
        [`${Math.round(ms)} ms`, `${Math.round(cpuMs)} ms`, `${Math.round(rssMb)} MB`]
          .map((text) => text.padStart(9))
          .join('');
      const codes = all.codes
        .filter((code) => code !== 'SIGNATURE_MISSING')
        .slice(0, 4)
        .join(' ');
      process.stdout.write(
        `${over ? 'OVER' : '    '} ${name.padEnd(42)} format ${figure(format)}   all ${figure(all)}   ${all.findings} findings: ${codes}\n`,
      );
      if (process.env.BENCH_STEPS !== undefined || over)
        process.stdout.write(`       format: ${format.steps} ms; all: ${all.steps} ms\n`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [mode = '', subject = '', path = ''] = process.argv.slice(2);
if (mode === '--measure') {
  process.stdout.write(JSON.stringify(await measure(subject === 'format' ? 'format' : 'all', path)));
} else if (mode === '--make') {
  const { WORST_CASES } = await import('./worst-cases.ts');
  writeFileSync(path, WORST_CASES[Number(subject)]?.bytes() ?? '');
} else {
  await main(mode);
}
