/**
 * Measures signed metadata over a seeded data folder (DATA_DIR, see bench/README.md): signing everything for the first time, a
 * start after that, from a publication over HTTP to what a client sees, a suspension, and the bytes a client fetches.
 * BENCH_PUBLICATIONS (30). A folder that was signed before is not signed again.
 */
import { execFileSync } from 'node:child_process';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { binName, binOf, binPrefixOf, targetPath } from '../format/trust/targets.ts';
import { createMetadataService } from '../server/distribution/metadata/service.ts';
import { createEvents } from '../server/events/service.ts';
import { askServer } from '../server/ops/operator-client.ts';
import { systemClock } from '../server/platform/clock.ts';
import { openDatabase } from '../server/platform/db/sqlite.ts';
import { createLog } from '../server/platform/log.ts';
import { createInProcessPubSub } from '../server/platform/pubsub/in-process.ts';
import { type Child, latencies, startServer } from './load.ts';
import { type BenchApp, prepareMetadata } from './metadata-data.ts';

const PUBLICATIONS = Number(process.env.BENCH_PUBLICATIONS ?? 30);
const MOST_VISIBLE_MS = 2_000;
const MOST_FIRST_BYTES = 300_000;
const MOST_DAILY_BYTES = 2_000;
const POLL_MS = 10;
const GIVE_UP_MS = 60_000;

interface Fetched {
  readonly json: { readonly signed: Record<string, unknown> } | null;
  /** Of status line, headers and body, as they came. */
  readonly bytes: number;
}

const agent = new Agent({ keepAlive: true });

/** One file as a client fetches it; null json where there is none. */
function fetchFile(server: Child, name: string): Promise<Fetched> {
  const { promise, resolve, reject } = Promise.withResolvers<Fetched>();
  const headers = { 'Accept-Encoding': 'gzip' };
  get({ host: '127.0.0.1', port: server.port, path: `/v1/metadata/${name}`, headers, agent }, (response) => {
    const parts: Buffer[] = [];
    response.on('data', (part: Buffer) => parts.push(part));
    response.on('error', reject);
    response.on('end', () => {
      const body = Buffer.concat(parts);
      const text = response.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      const bytes = body.length + response.rawHeaders.reduce((sum, part) => sum + part.length + 2, 17);
      resolve({ json: response.statusCode === 200 ? JSON.parse(text.toString('utf8')) : null, bytes });
    });
  }).on('error', reject);
  return promise;
}

type Numbers = Readonly<Record<string, { readonly version: number }>>;

async function snapshotNow(server: Child): Promise<{ name: string; bytes: number }> {
  const timestamp = await fetchFile(server, 'timestamp.json');
  const meta = timestamp.json?.signed.meta as Numbers | undefined;
  return { name: `${meta?.['snapshot.json']?.version}.snapshot.json`, bytes: timestamp.bytes };
}

/** Whether a client that begins now finds the package. */
async function lists(server: Child, snapshot: string, path: string): Promise<boolean> {
  const { name, numbers } = await binOfPath(server, snapshot, path);
  const bin = await fetchFile(server, `${numbers[`${name}.json`]?.version}.${name}.json`);
  return Object.hasOwn((bin.json?.signed.targets ?? {}) as object, path);
}

async function binOfPath(server: Child, snapshot: string, path: string) {
  const fetched = await fetchFile(server, snapshot);
  const numbers = (fetched.json?.signed.meta ?? {}) as Numbers;
  const targets = await fetchFile(server, `${numbers['targets.json']?.version}.targets.json`);
  if (targets.json === null) throw new Error('The snapshot names targets that are not there');
  const { delegations } = targets.json.signed as { delegations: { succinct_roles: { bit_length: number } } };
  const bits = delegations.succinct_roles.bit_length;
  return { name: binName(binOf(binPrefixOf(path), bits), bits), numbers, bytes: fetched.bytes + targets.bytes };
}

/** Milliseconds from before `act` until a client that looks all the time finds the package listed or gone. */
async function visibleMs(server: Child, path: string, listed: boolean, act: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  let { name } = await snapshotNow(server);
  await act();
  while (performance.now() - beganMs < GIVE_UP_MS) {
    const now = (await snapshotNow(server)).name;
    if (now !== name) {
      name = now;
      if ((await lists(server, now, path)) === listed) return performance.now() - beganMs;
    }
    await delay(POLL_MS);
  }
  throw new Error(`${path} was not ${listed ? 'listed' : 'gone'} within ${GIVE_UP_MS} ms`);
}

function mutate(server: Child, cookie: string, name: 'publishVersion' | 'unpublishVersion', versionId: string) {
  const type = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
  const query = `mutation($input: ${type}Input!) { ${name}(input: $input) { __typename ... on Error { code message } } }`;
  const id = Buffer.from(`Version:${versionId}`).toString('base64');
  return fetch(`http://127.0.0.1:${server.port}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Sec-Fetch-Site': 'same-origin', Cookie: cookie },
    body: JSON.stringify({ query, variables: { input: { versionId: id } } }),
  }).then(async (answer) => {
    const text = await answer.text();
    if (!text.includes(`"${type}Payload"`)) throw new Error(text.slice(0, 500));
  });
}

/** In a process of its own, so that its memory and its stalls are of nothing else. */
async function signEverything(dataDir: string): Promise<void> {
  const db = await openDatabase({ path: join(dataDir, 'core.db') });
  const events = createEvents({ db, clock: systemClock, pubsub: createInProcessPubSub(() => undefined) });
  const options = { db, clock: systemClock, log: createLog('error'), events, dataDir, fillBins: async () => undefined };
  const stalls = monitorEventLoopDelay({ resolution: 1 });
  const service = await createMetadataService(options);
  stalls.enable();
  const beganMs = performance.now();
  await service.start();
  const ms = performance.now() - beganMs;
  stalls.disable();
  await service.stop();
  const files = await db.prisma.metadataFile.count({ where: { supersededAt: null } });
  await db.close();
  const stallMs = { p99: stalls.percentile(99) / 1e6, max: stalls.max / 1e6 };
  process.stdout.write(`${JSON.stringify({ ms, files, stallMs, peakMb: process.resourceUsage().maxRSS / 1024 })}\n`);
}

async function measure(dataDir: string): Promise<void> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const { cookie, apps, published } = prepareMetadata(join(dataDir, 'core.db'));
  const args = ['--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url), 'sign'];
  const signed = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', env: process.env })) as {
    ms: number;
    files: number;
    stallMs: { p99: number; max: number };
    peakMb: number;
  };
  say(`${published} published versions, ${signed.files} files in force`);
  say(`signing what is not signed  ${(signed.ms / 1000).toFixed(1)} s, peak ${Math.round(signed.peakMb)} MB`);
  say(
    `  event loop stalls         p99 ${Math.round(signed.stallMs.p99)} ms, longest ${Math.round(signed.stallMs.max)} ms`,
  );
  const beganMs = performance.now();
  const script = fileURLToPath(new URL('../server/main.ts', import.meta.url));
  const server = await startServer(script, { env: { DATA_DIR: dataDir, LOG_LEVEL: 'fatal' }, readyPath: '/readyz' });
  try {
    say(
      `start to ready              ${Math.round(performance.now() - beganMs)} ms, ${Math.round(await server.memoryMb())} MB`,
    );
    const failed = await clientFigures(server, { cookie, apps, dataDir, say });
    if (failed) process.exitCode = 1;
  } finally {
    agent.destroy();
    await server.stop();
  }
}

async function clientFigures(
  server: Child,
  {
    cookie,
    apps,
    dataDir,
    say,
  }: { cookie: string; apps: readonly BenchApp[]; dataDir: string; say: (line: string) => void },
): Promise<boolean> {
  const [first] = apps;
  if (first === undefined) throw new Error('The folder has no published apps: npm run seed -- --large');
  const pathOf = ({ packageId, versionCode }: BenchApp) => targetPath(packageId, versionCode);
  const root = await fetchFile(server, '1.root.json');
  const none = await fetchFile(server, '2.root.json');
  const { name: snapshot, bytes: timestampBytes } = await snapshotNow(server);
  const { name, numbers, bytes } = await binOfPath(server, snapshot, pathOf(first));
  const bin = await fetchFile(server, `${numbers[`${name}.json`]?.version}.${name}.json`);
  const firstBytes = root.bytes + none.bytes + timestampBytes + bytes + bin.bytes;
  say(
    `a client's first fetch      ${firstBytes} bytes (snapshot and targets ${bytes}, bin ${bin.bytes}); under ${MOST_FIRST_BYTES}`,
  );
  const daily = none.bytes + timestampBytes;
  say(`a refresh with nothing new  ${daily} bytes; under ${MOST_DAILY_BYTES}`);
  const taken: number[] = [];
  for (const app of apps.slice(0, Math.ceil(PUBLICATIONS / 2))) {
    const act = (what: 'publishVersion' | 'unpublishVersion') => () => mutate(server, cookie, what, app.versionId);
    taken.push(await visibleMs(server, pathOf(app), false, act('unpublishVersion')));
    taken.push(await visibleMs(server, pathOf(app), true, act('publishVersion')));
  }
  const visible = latencies(taken, 0);
  say(
    `published to visible        median ${Math.round(visible.p50)} ms, p95 ${Math.round(visible.p95)} ms of ${taken.length}; under ${MOST_VISIBLE_MS}`,
  );
  const suspend = (command: 'suspendApp' | 'reinstateApp') => () =>
    askServer({ command, packageId: first.packageId, reason: 'bench' }, { dataDir });
  const gone = await visibleMs(server, pathOf(first), false, suspend('suspendApp'));
  const back = await visibleMs(server, pathOf(first), true, suspend('reinstateApp'));
  say(`suspended to gone           ${Math.round(gone)} ms; reinstated to back ${Math.round(back)} ms`);
  say(`memory of the server        ${Math.round(await server.memoryMb())} MB`);
  return visible.p95 > MOST_VISIBLE_MS || firstBytes > MOST_FIRST_BYTES || daily > MOST_DAILY_BYTES;
}

const { DATA_DIR: dataDir } = process.env;
if (dataDir === undefined || dataDir === '')
  throw new Error('Set DATA_DIR to a seeded folder: npm run seed -- --large');
if (process.argv[2] === 'sign') await signEverything(dataDir);
else await measure(dataDir);
