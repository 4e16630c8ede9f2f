/** Owns the worker processes of a fleet: it takes all devices through a round, and kills workers with SIGKILL on the way. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Round, WorkerOrder } from './fleet-plan.ts';

const WORKER = fileURLToPath(new URL('./fleet-worker.ts', import.meta.url));
/** Devices that fail before a round is given up: the first few say what is wrong. */
const MAX_PROBLEMS = 20;

export interface CrewOptions extends Omit<WorkerOrder, 'round' | 'from' | 'to'> {
  readonly devices: number;
  readonly devicesPerWorker: number;
  /** Worker processes at once. */
  readonly parallel: number;
  readonly random: () => number;
}

export interface RoundReport {
  readonly kills: number;
  readonly problems: readonly string[];
}

/** Runs a round to its end; `killEveryMs` is the mean time between kills, null for none. Kills end after `maxKills`. */
export async function runRound(
  options: CrewOptions,
  round: Round,
  { killEveryMs, maxKills }: { readonly killEveryMs: number | null; readonly maxKills: number },
): Promise<RoundReport> {
  const { devices, devicesPerWorker, parallel, random, ...order } = options;
  const waiting = Array.from({ length: Math.ceil(devices / devicesPerWorker) }, (_, index) => index * devicesPerWorker);
  const running = new Set<ChildProcess>();
  const problems: string[] = [];
  let kills = 0;
  let isOver = false;

  const killer = async (): Promise<void> => {
    while (!isOver && killEveryMs !== null && kills < maxKills) {
      await delay(-Math.log(1 - random()) * killEveryMs);
      const victims = [...running];
      const victim = victims[Math.floor(random() * victims.length)];
      if (isOver || victim === undefined) continue;
      if (victim.kill('SIGKILL')) kills += 1;
    }
  };
  const lane = async (): Promise<void> => {
    for (let from = waiting.shift(); from !== undefined; from = waiting.shift()) {
      const to = Math.min(devices, from + devicesPerWorker);
      for (;;) {
        const child = spawn(
          process.execPath,
          ['--disable-warning=ExperimentalWarning', WORKER, JSON.stringify({ ...order, round, from, to })],
          { stdio: ['ignore', 'inherit', 'pipe'] },
        );
        running.add(child);
        child.stderr.setEncoding('utf8').on('data', (text: string) => void problems.push(text.trim()));
        await once(child, 'close');
        running.delete(child);
        if (child.signalCode !== 'SIGKILL') break;
      }
      if (problems.length > MAX_PROBLEMS) return;
    }
  };
  const killing = killer();
  await Promise.all(Array.from({ length: parallel }, lane));
  isOver = true;
  await Promise.race([killing, delay(0)]);
  return { kills, problems };
}
