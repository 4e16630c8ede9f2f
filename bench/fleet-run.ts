/**
 * Owns the simulation of a fleet: the real server in its own process, devices in worker processes behind a link that cuts, and the
 * life of three apps meanwhile. After each round every device is compared with the oracle. It prints nothing.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createChance } from '../prisma/demo/telemetry.ts';
import { freePort, type ServerProcess, startServer } from '../test/e2e/server-process.ts';
import { admin } from '../test/ops/admin-process.ts';
import { type CrewOptions, runRound } from './fleet-crew.ts';
import { readLedger } from './fleet-device.ts';
import { type Link, startLink } from './fleet-link.ts';
import { auditDevice, type Expected, expectedAfter, readShelf } from './fleet-oracle.ts';
import { APPS, pathsOf, type Round, type Traits, traitsOf } from './fleet-plan.ts';
import { type FleetStore, openStore } from './fleet-store.ts';
import { STEPS, type Step } from './fleet-story.ts';
import { readShown, readTold, reckon } from './fleet-telemetry.ts';

export interface FleetOptions {
  /** Everything is kept below it; the caller removes it. */
  readonly folder: string;
  readonly devices: number;
  readonly seed: number;
  readonly devicesPerWorker: number;
  readonly parallel: number;
  readonly concurrency: number;
  /** Mean time between kills of a worker, and how many a round has at most. */
  readonly killEveryMs: number;
  readonly maxKillsPerRound: number;
  /** Bytes that a connection carries in the mean before it is cut. */
  readonly meanBytesToCut: number;
  readonly onProgress?: (line: string) => void;
}

export interface FleetReport {
  readonly devices: number;
  readonly lostClocks: number;
  readonly rounds: number;
  readonly cuts: number;
  readonly workerKills: number;
  readonly serverKills: number;
  readonly deviceRuns: number;
  readonly repeatedRuns: number;
  readonly events: number;
  readonly droppedEvents: number;
  readonly reports: number;
  /** Versions put in place by installation, update or rollback, and those of them that a device told of. */
  readonly moves: number;
  readonly movesTold: number;
  readonly downloads: {
    readonly asked: number;
    readonly whole: number;
    readonly delta: number;
    readonly wholeBytes: number;
    readonly deltaBytes: number;
    readonly savedBytes: number;
  };
  /** By the server. */
  readonly downloadsCounted: number;
  readonly seconds: number;
  readonly mismatches: readonly string[];
}

const AGGREGATES_MS = 2_500;

/** Runs the whole simulation. Throws only where it cannot go on; what is wrong with devices or counts is in `mismatches`. */
export async function runFleet(options: FleetOptions): Promise<FleetReport> {
  const startMs = performance.now();
  const { folder, devices, seed, onProgress = () => undefined } = options;
  const random = createChance(seed);
  const dataDir = join(folder, 'server');
  const port = await freePort();
  const link = await startLink(port, random);
  // Devices and their redirects know the link alone.
  const env = { PUBLIC_URL: link.url, TRUSTED_PROXIES: '127.0.0.1,::1' };
  const host: Host = {
    server: await startServer({ dataDir, port, env }),
    kills: 0,
    restart: () => startServer({ dataDir, port, env }),
  };
  const traits = Array.from({ length: devices }, (_, number) => traitsOf(seed, number));
  const mismatches: string[] = [];
  let workerKills = 0;
  let moves = 0;
  try {
    const store = await openStore(link.url, dataDir, APPS);
    const rootFile = await saveRoot(folder, link.url);
    const crew: CrewOptions = { ...options, folder: join(folder, 'devices'), serverUrl: link.url, rootFile, random };
    await mkdir(crew.folder, { recursive: true });
    let expected: (Expected | null)[] = traits.map(() => null);
    for (const [index, step] of STEPS.entries()) {
      const began = performance.now();
      if (step.restores === true)
        mismatches.push(...(await loseAndRestore({ host, crew, step, store, index, dataDir })));
      await step.act(store);
      await store.settled();
      const round: Round = { name: step.name, index, kind: step.kind, rot: step.rot === true };
      const done = await rough({ link, host, crew, round, step, options, random });
      workerKills += done.kills;
      mismatches.push(...done.problems);
      const shelf = readShelf(dataDir);
      const before = expected;
      expected = traits.map((each) => expectedAfter(shelf, each, crew.folder, expected[each.number] ?? null));
      moves += traits.reduce((sum, { number }) => sum + movesOf(before[number] ?? null, expected[number] ?? null), 0);
      const wrong = traits.flatMap((each) => audit(crew.folder, store, index, each, expected[each.number]));
      mismatches.push(...wrong);
      const seconds = ((performance.now() - began) / 1_000).toFixed(1);
      onProgress(
        `${step.name}: ${seconds} s, ${done.kills} workers killed, ${link.cuts} cuts so far, ${wrong.length + done.problems.length} wrong`,
      );
      if (done.problems.length > 0) break;
    }
    await delay(AGGREGATES_MS);
    const shown = await readShown(store.developer);
    await host.server.stop();
    const told = readTold(crew.folder, devices);
    const reckoning = reckon(dataDir, told, shown);
    mismatches.push(...reckoning.wrong);
    const movesTold = ['app_install', 'app_update'].reduce((sum, type) => sum + countOf(shown.types, type), 0);
    const movesRotted = told.rottedMoves;
    if (movesTold + movesRotted !== moves)
      mismatches.push(
        `${moves} versions were put in place; ${movesTold} were told of, ${movesRotted} of them destroyed`,
      );
    const { downloads, runs, repeated } = transfers(crew.folder, traits, store);
    const counted = [...shown.downloads.values()].reduce((sum, { full, delta }) => sum + full + delta, 0);
    mismatches.push(...implausible(downloads, moves, counted));
    return {
      devices,
      lostClocks: traits.filter(({ isLost }) => isLost).length,
      rounds: STEPS.length,
      cuts: link.cuts,
      workerKills,
      serverKills: host.kills,
      deviceRuns: runs,
      repeatedRuns: repeated,
      events: reckoning.events,
      droppedEvents: reckoning.dropped,
      moves,
      movesTold,
      reports: told.batches.size,
      downloads,
      downloadsCounted: counted,
      seconds: (performance.now() - startMs) / 1_000,
      mismatches,
    };
  } catch (error) {
    throw new Error(`${String(error)}\nThe server said:\n${host.server.output().slice(-4_000)}`, { cause: error });
  } finally {
    await host.server.kill();
    await link.close();
  }
}

function movesOf(before: Expected | null, after: Expected | null): number {
  return [...(after?.codes ?? [])].filter(([app, code]) => before?.codes.get(app) !== code).length;
}

function countOf(types: ReadonlyMap<string, number>, type: string): number {
  return APPS.reduce((sum, app) => sum + (types.get(`${app} ${type}`) ?? 0), 0);
}

interface Host {
  server: ServerProcess;
  kills: number;
  restart(): Promise<ServerProcess>;
}

interface Rough {
  readonly link: Link;
  readonly host: Host;
  readonly crew: CrewOptions;
  readonly round: Round;
  readonly step: Step;
  readonly options: FleetOptions;
  readonly random: () => number;
}

/** A round over a bad link, with kills. */
async function rough({ link, host, crew, round, step, options, random }: Rough) {
  const isCalm = step.calm === true;
  link.cutEvery(isCalm ? null : options.meanBytesToCut);
  let isOver = false;
  const kills = { killEveryMs: isCalm ? null : options.killEveryMs, maxKills: options.maxKillsPerRound };
  const work = runRound(crew, round, kills).finally(() => {
    isOver = true;
  });
  if (step.killsServer === true) {
    // In the middle of the work, whatever the machine: when some device is done.
    const { ledger } = pathsOf(crew.folder, Math.floor((random() * options.devices) / 2));
    const isDone = () => readLedger(ledger).some((line) => line.kind === 'round' && line.index === round.index);
    while (!isOver && !isDone()) await delay(20);
    if (!isOver) {
      await host.server.kill();
      host.kills += 1;
      host.server = await host.restart();
    }
  }
  const done = await work;
  link.cutEvery(null);
  return done;
}

interface Loss {
  readonly host: Host;
  readonly crew: CrewOptions;
  readonly step: Step;
  readonly store: FleetStore;
  readonly index: number;
  readonly dataDir: string;
}

/** What happens after the backup is seen by every device, and then forgotten by the server. */
async function loseAndRestore({ host, crew, step, store, index, dataDir }: Loss): Promise<readonly string[]> {
  // Aggregates reach their file within a second.
  await delay(AGGREGATES_MS);
  const backup = `${dataDir}-backup`;
  await operate(dataDir, 'backup', backup);
  await step.act(store);
  await store.settled();
  const round: Round = {
    name: `what will be forgotten of: ${step.name}`,
    index: index - 0.5,
    kind: 'refresh',
    rot: false,
  };
  const { problems } = await runRound(crew, round, { killEveryMs: null, maxKills: 0 });
  await host.server.stop();
  await operate(dataDir, 'restore', backup, '--replace');
  await rm(backup, { recursive: true, force: true });
  host.server = await host.restart();
  return problems;
}

async function operate(dataDir: string, ...words: readonly string[]): Promise<void> {
  const { code, out, err } = await admin(dataDir, ...words);
  if (code !== 0) throw new Error(`mosis-admin ${words[0]} ended with ${code}: ${out}${err}`);
}

async function saveRoot(folder: string, url: string): Promise<string> {
  const path = join(folder, 'root.json');
  const answer = await fetch(`${url}/v1/metadata/1.root.json`);
  if (!answer.ok) throw new Error(`The root answered ${answer.status}.`);
  await writeFile(path, await answer.text());
  return path;
}

function audit(
  folder: string,
  store: FleetStore,
  round: number,
  traits: Traits,
  expected: Expected | null | undefined,
): string[] {
  if (expected == null) return [];
  const context = { folder, versions: store.versions, round, isLast: round === STEPS.length - 1 };
  return auditDevice(context, traits, expected, readLedger(pathsOf(folder, traits.number).ledger));
}

/** What went over the wire, as the devices saw it. */
function transfers(folder: string, traits: readonly Traits[], store: FleetStore) {
  const downloads = { asked: 0, whole: 0, delta: 0, wholeBytes: 0, deltaBytes: 0, savedBytes: 0 };
  let runs = 0;
  let repeated = 0;
  for (const { number } of traits) {
    for (const line of readLedger(pathsOf(folder, number).ledger)) {
      if (line.kind === 'round') {
        runs += 1;
        repeated += line.tries - 1;
      }
      if (line.kind === 'asked') downloads.asked += 1;
      if (line.kind !== 'bytes') continue;
      downloads[line.way] += 1;
      downloads[`${line.way}Bytes`] += line.bytes;
      const version = store.versions.find(({ app, code }) => app === line.app && code === line.code);
      if (line.way === 'delta') downloads.savedBytes += (version?.bytes.length ?? 0) - line.bytes;
    }
  }
  return { downloads, runs, repeated };
}

type Downloads = ReturnType<typeof transfers>['downloads'];

/**
 * The server counts a download once, when its last byte is on the way; killed or restored it forgets the last ten seconds. So it
 * counted some, and no more than were asked for.
 */
function implausible({ asked }: Downloads, moves: number, counted: number): string[] {
  if (counted > 0 && counted <= asked) return [];
  return [`${counted} downloads counted; ${asked} asked for, ${moves} versions put in place`];
}
