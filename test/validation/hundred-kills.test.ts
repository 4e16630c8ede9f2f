/** Kills the real server a hundred times while it checks, and then reckons: one final state each, nothing told twice, nothing lost. */
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createChance } from '../../prisma/demo/telemetry.ts';
import { freePort, type ServerProcess, startServer } from '../e2e/server-process.ts';
import { startApp } from '../support/app.ts';
import { createClient, type Session } from '../support/client.ts';
import { type AppHandle, createSeed, type UploadOptions, type VersionHandle } from '../support/seed.ts';
import { reckonChecks, type SubmittedFate } from './kill-reckoning.ts';
import { SLOW_SCRIPTS } from './stand.ts';

const KILLS = Number(process.env.KILLS ?? 100);
const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
/** Two servers, one with a single check thread and one with several, so that both cores have something to do. */
const THREADS = [1, 3];
const KILLS_A_LANE = Math.ceil(KILLS / THREADS.length);
/** Submitted versions that wait or are checked at any time. */
const IN_FLIGHT = 3;
const DRAFTS = 16;
/** A kill comes at most so long after the server runs, or after the check that it waits for. */
const MAX_WAIT_MS = 450;
const MAX_LATENESS_MS = 60;

/** What is uploaded, by what becomes of it: by the checks alone, or by a person. */
const PACKAGES: Readonly<Record<SubmittedFate, UploadOptions>> = {
  APPROVED: { files: SLOW_SCRIPTS },
  REJECTED: {
    files: { 'assets/extra.lua': 'load("return 1")()\nload("return 2")()\n', 'assets/loop.lua': 'while true do end\n' },
  },
  IN_REVIEW: {
    permissions: ['location', 'storage'],
    files: {
      ...SLOW_SCRIPTS,
      'assets/part0.lua': 'mosis.location.current(print)\n',
    },
  },
};
const FATES = Object.keys(PACKAGES) as SubmittedFate[];

interface Draft {
  readonly version: VersionHandle;
  readonly fate: SubmittedFate;
}

interface Lane {
  readonly dataDir: string;
  readonly session: Session;
  readonly drafts: readonly Draft[];
  readonly threads: number;
}

const lanes: Lane[] = [];
const servers = new Set<ServerProcess>();
beforeAll(async () => {
  lanes.push(...(await Promise.all(THREADS.map(makeLane))));
}, 120_000);
afterAll(async () => {
  for (const server of servers) await server.kill();
  for (const { dataDir } of lanes) await rm(dirname(dataDir), { recursive: true, force: true });
});

/** A data folder with a known developer's drafts, made through the API. */
async function makeLane(threads: number): Promise<Lane> {
  const app = await startApp();
  const seed = createSeed(app);
  const ada = await seed.developer('Ada');
  const notes = await ada.app('com.example.notes');
  await (await notes.upload()).published(await seed.reviewer());
  const drafts: Draft[] = [];
  for (let index = 0; index < DRAFTS; index += 1) drafts.push(await makeDraft(notes, index));
  await app.close({ keep: true });
  return { dataDir: app.dataDir, session: ada.session, drafts, threads };
}

async function makeDraft(app: AppHandle, index: number): Promise<Draft> {
  const fate = FATES[index % FATES.length] ?? 'APPROVED';
  return { version: await app.upload({ ...PACKAGES[fate], version_code: index + 2 }), fate };
}

interface Tally {
  kills: number;
  /** Kills that left a check which had begun and not ended. */
  withinCheck: number;
  /** Kills between the last check and the conclusion, or between two checks. */
  betweenChecks: number;
}

function createLook(dataDir: string) {
  const db = new Sqlite(join(dataDir, 'core.db'), { readonly: true });
  const count = (sql: string) => db.prepare<[], number>(sql).pluck().get() ?? 0;
  return {
    submitted: () => count("SELECT count(*) FROM app_versions WHERE state = 'SUBMITTED'"),
    running: () =>
      count(
        "SELECT count(*) FROM check_runs r JOIN app_versions v ON v.id = r.version_id WHERE r.state = 'RUNNING' AND v.state = 'SUBMITTED'",
      ),
    progress: () => count("SELECT count(*) FROM events WHERE type IN ('CHECK_STARTED', 'CHECK_FINISHED')"),
    close: () => db.close(),
  };
}

/** Kills this lane's server again and again; there is something to check each time. */
async function killAgainAndAgain(lane: Lane, chance: () => number): Promise<Tally> {
  const look = createLook(lane.dataDir);
  const options = {
    dataDir: lane.dataDir,
    port: await freePort(),
    env: { CHECK_THREADS: String(lane.threads) },
  };
  const waiting = [...lane.drafts];
  const tally: Tally = { kills: 0, withinCheck: 0, betweenChecks: 0 };
  const submitNext = async (url: string) => {
    const next = waiting.shift();
    if (next === undefined) return;
    await createClient(url, lane.session).done('submitVersion', { versionId: next.version.id });
  };
  try {
    while (tally.kills < KILLS_A_LANE) {
      const server = await startServer(options);
      servers.add(server);
      while (look.submitted() < IN_FLIGHT && waiting.length > 0) await submitNext(server.url);
      if (chance() < 0.25) await delay(MAX_WAIT_MS * chance());
      else await untilProgress(look, chance);
      // All were over in time: the next kill has more to hit.
      const idle = look.submitted() === 0;
      await server.kill();
      servers.delete(server);
      if (idle && waiting.length === 0) throw new Error(`all versions are over after ${tally.kills} kills`);
      if (idle) continue;
      tally.kills += 1;
      if (look.running() > 0) tally.withinCheck += 1;
      else tally.betweenChecks += 1;
    }
    const last = await startServer(options);
    servers.add(last);
    while (waiting.length > 0) await submitNext(last.url);
    await expect.poll(look.submitted, { timeout: 60_000, interval: 50 }).toBe(0);
    expect(await last.stop()).toBe(0);
    servers.delete(last);
  } finally {
    look.close();
  }
  return tally;
}

/** Until some check starts or ends, some of them; then a little more. */
async function untilProgress(look: ReturnType<typeof createLook>, chance: () => number): Promise<void> {
  const target = look.progress() + 1 + Math.floor(6 * chance());
  const lastMs = performance.now() + 5_000;
  while (look.progress() < target && look.submitted() > 0 && performance.now() < lastMs) await delay(4);
  await delay(MAX_LATENESS_MS * chance());
}

// A version that is cut off more often than its job may be lost is given up to a person: also one final state.
it(`leaves each version in one final state over ${KILLS} kills during checks (seed ${SEED})`, async () => {
  const beganMs = performance.now();
  const tallies = await Promise.all(lanes.map((lane, index) => killAgainAndAgain(lane, createChance(SEED + index))));
  const seconds = Math.round((performance.now() - beganMs) / 1000);
  const reckonings = lanes.map(({ dataDir, drafts }) =>
    reckonChecks(
      join(dataDir, 'core.db'),
      drafts.map(({ version, fate }) => ({ key: version.key, fate })),
    ),
  );
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
  console.info(
    `${sum(({ kills }) => kills)} kills in ${seconds} s, ${sum(({ withinCheck }) => withinCheck)} within a check, ` +
      `${sum(({ betweenChecks }) => betweenChecks)} between two; ${reckonings.map(({ tally }) => tally).join('; ')}`,
  );
  expect(reckonings.flatMap(({ wrong }) => wrong)).toEqual([]);
  expect(sum(({ kills }) => kills)).toBeGreaterThanOrEqual(KILLS);
  // The kills must have hit checks, or this test says nothing.
  expect(sum(({ withinCheck }) => withinCheck)).toBeGreaterThan(KILLS / 3);
}, 600_000);
