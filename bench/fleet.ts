/**
 * Simulates a fleet of devices on bad networks and judges every one of them: the real client over real sockets against the real
 * server, connections cut at random bytes, processes killed with SIGKILL, clocks off. Usage: node bench/fleet.ts; BENCH_DEVICES
 * (2000), BENCH_SEED (random), BENCH_FOLDER (a new one in memory where /dev/shm is there). Exits with 1 on any mismatch.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runFleet } from './fleet-run.ts';

const DEVICES = Number(process.env.BENCH_DEVICES ?? 2_000);
const SEED = Number(process.env.BENCH_SEED ?? Date.now() % 1_000_000);
const inMemory = existsSync('/dev/shm');

const say = (line: string) => void process.stdout.write(`${line}\n`);
const folder = await mkdtemp(join(process.env.BENCH_FOLDER ?? (inMemory ? '/dev/shm' : tmpdir()), 'mosis-fleet-'));
say(`${DEVICES} devices, seed ${SEED}, in ${folder}${inMemory ? ' (memory: syncing costs nothing there)' : ''}`);
try {
  const report = await runFleet({
    folder,
    devices: DEVICES,
    seed: SEED,
    devicesPerWorker: 250,
    parallel: 2,
    concurrency: 12,
    killEveryMs: 4_000,
    maxKillsPerRound: Math.max(12, Math.floor(DEVICES / 50)),
    meanBytesToCut: 60_000,
    onProgress: (line) => say(`  ${line}`),
  });
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const { downloads } = report;
  const rows: [string, string | number][] = [
    ['devices', `${report.devices}, ${report.lostClocks} of them with a clock off by more than 12 h`],
    [
      'rounds',
      `${report.rounds}; ${report.deviceRuns} runs of a device, ${report.repeatedRuns} repeated after a broken link`,
    ],
    ['connections cut', report.cuts],
    ['workers killed (SIGKILL)', report.workerKills],
    ['servers killed (SIGKILL)', report.serverKills],
    ['whole packages begun', `${downloads.whole}, ${mb(downloads.wholeBytes)}`],
    ['deltas begun', `${downloads.delta}, ${mb(downloads.deltaBytes)}; ${mb(downloads.savedBytes)} saved`],
    ['downloads', `${downloads.asked} asked for, ${report.downloadsCounted} counted as complete`],
    ['events on the server', `${report.events} in ${report.reports} reports, each exactly once`],
    ['versions put in place', `${report.moves}, of which devices told of ${report.movesTold}`],
    ['events destroyed and told of', report.droppedEvents],
    ['time', `${report.seconds.toFixed(0)} s`],
    ['mismatches', report.mismatches.length],
  ];
  for (const [name, value] of rows) say(`${name.padEnd(30)} ${value}`);
  for (const line of report.mismatches.slice(0, 50)) say(`  ! ${line}`);
  if (report.mismatches.length > 0) process.exitCode = 1;
} finally {
  if (process.env.BENCH_KEEP === undefined) await rm(folder, { recursive: true, force: true });
}
