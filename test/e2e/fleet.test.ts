/** A small fleet of devices on bad networks against the real server, with kills on both sides; `bench/fleet.ts` is the large one. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FleetOptions, runFleet } from '../../bench/fleet-run.ts';

const SEED = Number(process.env.FLEET_SEED ?? Date.now() % 1_000_000);
const DEVICES = 20;
let folder = '';

beforeAll(async () => {
  // In memory where that is there: devices sync every step.
  folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mosis-fleet-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test(`every device ends on the right version and every event counts once (seed ${SEED})`, {
  timeout: 300_000,
}, async () => {
  const options: FleetOptions = {
    ...{ folder, devices: DEVICES, seed: SEED, devicesPerWorker: DEVICES, parallel: 1, concurrency: 8 },
    ...{ killEveryMs: 1_200, maxKillsPerRound: 1, meanBytesToCut: 40_000 },
  };
  const report = await runFleet(options);
  expect(report.mismatches).toEqual([]);
  // It must have been rough, or this says nothing.
  expect(report.cuts).toBeGreaterThan(DEVICES);
  expect(report.serverKills).toBeGreaterThan(0);
  expect(report.lostClocks).toBe(1);
  expect(report.downloads.delta).toBeGreaterThan(0);
  expect(report.droppedEvents).toBeGreaterThan(0);
  expect(report.events).toBeGreaterThan(DEVICES * 7);
  console.info(
    `${report.events} events, ${report.cuts} cuts, ${report.workerKills} kills, ${report.seconds.toFixed(0)} s`,
  );
});
