/** Kills the real server at random points of its work, again and again, and then reckons: nothing acknowledged is lost or doubled. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ARCHIVE_CHECK_NAME } from '../../format/checks/archive.ts';
import { CHECKS } from '../../format/checks/registry.ts';
import { createChance } from '../../prisma/demo/telemetry.ts';
import { type Client, cookieOf, createClient } from '../support/client.ts';
import { reckon } from './kill-audit.ts';
import {
  FATES,
  type Fate,
  type KillApp,
  makeApp,
  sendTelemetry,
  type Team,
  type WalkedVersion,
  walkVersion,
} from './kill-lanes.ts';
import { freePort, launchServer, type ServerProcess, startServer } from './server-process.ts';
import { createStage, MOMENTS } from './survivor.ts';

const ROUNDS = 32;
const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
const PASSWORD = 'teapot marmalade quorum';
const MOMENT_TIMEOUT_MS = 1_500;
/** After the moment it waits for, the kill comes within this. */
const MAX_LATENESS_MS = 30;

const chance = createChance(SEED);
let folder = '';
let options: { dataDir: string; port: number };
let server: ServerProcess | null = null;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosis-kill-'));
  options = { dataDir: join(folder, 'data'), port: await freePort() };
});

afterAll(async () => {
  await server?.kill();
  await rm(folder, { recursive: true, force: true });
});

async function person(
  url: string,
  name: string,
  document: string,
  input: Record<string, unknown>,
): Promise<Client & { id: string }> {
  const client = createClient(url);
  const answer = await client.send(document, {
    input: { name, email: `${name}@example.org`, password: PASSWORD, ...input },
  });
  const result = Object.values(answer.data ?? {})[0] as { viewer?: { developer: { id: string } } };
  if (result?.viewer === undefined) throw new Error(answer.text);
  return { ...client.as({ cookie: cookieOf(answer) }), id: result.viewer.developer.id };
}

const VIEWER = 'viewer { developer { id } }';
const SIGN_UP = `mutation($input: SignUpInput!) { signUp(input: $input) { ... on SignUpPayload { ${VIEWER} } } }`;
const SET_UP = `mutation($input: CompleteSetupInput!) { completeSetup(input: $input) { ... on CompleteSetupPayload { ${VIEWER} } } }`;

async function makeTeam(url: string): Promise<Omit<Team, 'stage'>> {
  const token = (await readFile(join(options.dataDir, 'setup-token'), 'utf8')).trim();
  const admin = await person(url, 'grace', SET_UP, { token });
  const developer = await person(url, 'devi', SIGN_UP, {});
  const reviewer = await person(url, 'rita', SIGN_UP, {});
  await admin.done('setRoles', { developerId: reviewer.id, reviewer: true, admin: false });
  // One reviewer walks every version here, and no approval is drawn for a second look by chance; both have tests of their own.
  await admin.done('updateReviewPolicy', { secondApproval: false, sampleShare: 0 });
  return { developer, reviewer };
}

/** One version after the other until `stopped`; the last one is walked to its end. */
async function lane(team: Team, app: KillApp, from: number, stopped: () => boolean): Promise<WalkedVersion[]> {
  const walked: WalkedVersion[] = [];
  const fates = Object.keys(FATES) as Fate[];
  for (let code = from; !stopped(); code += 1) {
    walked.push(await walkVersion(team, app, code, fates[code % fates.length] ?? 'approved'));
  }
  return walked;
}

async function telemetryOf(developer: Client, packageId: string) {
  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const { app } = await developer.query<{
    app: { telemetry: { totals: { type: string; count: number }[] }; crashGroups: { nodes: { count: number }[] } };
  }>(
    `query($packageId: String!, $range: DateRange!) { app(packageId: $packageId) {
      telemetry(range: $range) { totals { type count } }
      crashGroups { nodes { count } } } }`,
    { packageId, range: { from: day(-1), to: day(1) } },
  );
  const counts = new Map(app.telemetry.totals.map(({ type, count }) => [type, Number(count)]));
  return { counts, crashes: app.crashGroups.nodes.reduce((sum, group) => sum + Number(group.count), 0) };
}

test(`loses and doubles nothing over ${ROUNDS} kills (seed ${SEED})`, { timeout: 240_000 }, async () => {
  const stage = createStage();
  server = await startServer(options);
  stage.raise();
  const team = { stage, ...(await makeTeam(server.url)) };
  const apps: KillApp[] = [];
  for (const name of ['alpha', 'beta']) {
    apps.push(await makeApp(team.developer, `com.example.${name}`, { first: apps.length === 0 }));
  }
  const [alpha, beta] = apps;
  if (alpha === undefined || beta === undefined) throw new Error('two apps were made');
  // Telemetry is for published apps, and what follows is decided without a person only after the first one.
  const walked = [await walkVersion(team, alpha, 1, 'approved')];

  let ending = false;
  const stopped = () => ending;
  const work = [lane(team, alpha, 2, stopped), lane(team, beta, 1, stopped)];
  const telemetry = sendTelemetry(team, { ...alpha, version: '1.1.0' }, stopped);
  const failed = Promise.race([...work, telemetry]).then(() => undefined);
  failed.catch(() => undefined);

  for (let round = 0; round < ROUNDS; round += 1) {
    const moment = MOMENTS[round % (MOMENTS.length + 2)];
    if (moment === undefined) await delay(50 + 600 * chance());
    else await Promise.race([stage.next(moment), delay(MOMENT_TIMEOUT_MS), failed]);
    await delay(MAX_LATENESS_MS * chance());
    stage.lower();
    await server.kill();
    // Now and then the next server does not live to see its first request.
    if (round % 8 === 7) {
      const stillborn = launchServer(options);
      await Promise.race([stillborn.running, delay(200 + 1_500 * chance())]);
      await stillborn.kill();
    }
    server = await startServer(options);
    stage.raise();
  }
  ending = true;
  for (const versions of await Promise.all(work)) walked.push(...versions);
  const ledger = await telemetry;
  const { developer } = team;

  // Aggregates follow within a flush; a further one later nothing more has come.
  await expect
    .poll(() => telemetryOf(developer, alpha.packageId).then(({ counts }) => counts.get('app_start')), {
      timeout: 10_000,
    })
    .toBe(ledger.events.get('app_start'));
  await delay(1_500);
  const { counts, crashes } = await telemetryOf(developer, alpha.packageId);
  for (const [type, count] of ledger.events) expect([type, counts.get(type)]).toEqual([type, count]);
  expect(crashes).toBe(ledger.crashes);

  for (const { packageId, versionCode, fate, sha256 } of walked) {
    const response = await fetch(`${server.url}/v1/packages/${packageId}/${versionCode}/package.mosis`);
    const bytes = Buffer.from(await response.arrayBuffer());
    if (FATES[fate] !== 'PUBLISHED') expect([versionCode, response.status]).toEqual([versionCode, 404]);
    else expect([versionCode, createHash('sha256').update(bytes).digest('hex')]).toEqual([versionCode, sha256]);
  }

  expect(await server.stop()).toBe(0);
  server = null;
  const checks = [ARCHIVE_CHECK_NAME, ...CHECKS.map(({ name }) => name), 'provenance'];
  expect(reckon(join(options.dataDir, 'core.db'), walked, checks)).toEqual([]);
  // The kills must have hit something, or this test says nothing.
  expect(stage.repeats).toBeGreaterThan(ROUNDS / 2);
  expect(new Set(walked.map(({ fate }) => fate)).size).toBe(Object.keys(FATES).length);
  expect(ledger.batches).toBeGreaterThan(ROUNDS);
  console.info(
    `${walked.length} versions, ${ledger.batches} batches, ${ledger.crashes} crashes, ${stage.repeats} acts repeated`,
  );
});
