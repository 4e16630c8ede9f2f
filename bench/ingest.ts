/**
 * Owns the telemetry benchmark: 100-event batches over 50 connections into a whole server, with its limits, its aggregates and
 * an API query beside them; before it the limits, the same rows by multi-row INSERT and by Prisma's createMany in this process.
 * Only ratios mean anything. Usage: ingest.ts [SECONDS] (default 5). BENCH_ALONE=1 measures telemetry without the rest of the server.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { openDatabase } from '../server/platform/db/sqlite.ts';
import { EVENT_TYPES } from '../server/telemetry/events-schema.ts';
import { openPartition } from '../server/telemetry/partition.ts';
import { EVENTS_PER_BATCH, eventOf, type Load, load } from './ingest-load.ts';
import { type Child, latencies, startBundle, startServer } from './load.ts';
import { seedQueue } from './queue-data.ts';

const TRANSACTION_ROWS = 5_000;
/** Rows a statement of the limit takes: the fastest of those tried counts. */
const CHUNKS = [50, 100, 200];
const QUERY_EVERY_MS = 100;
const RAW_MS = 2_500;
/** Telemetry and nothing else: no core database, no limits, no query beside. */
const isAlone = process.env.BENCH_ALONE === '1';
const measureMs = Number(process.argv[2] ?? 5) * 1_000;

/** The limit: the same rows into the same table with the same pragmas, nothing else. */
function insertRaw(path: string, synchronous: 'FULL' | 'NORMAL', chunkRows: number): number {
  const { db, close } = openPartition(path, { event: 0, batch: 0 });
  db.pragma(`synchronous = ${synchronous}`);
  const insert = db.prepare(
    `INSERT INTO events (id, batch, type, day, ms, data) VALUES ${new Array(chunkRows).fill('(?,?,?,?,?,?)').join(',')}`,
  );
  const keys = new Map<string, number>(EVENT_TYPES.map(({ name, key }) => [name, key]));
  const rows = Array.from({ length: EVENTS_PER_BATCH }, (_, i) => {
    const { type, atMs, data } = eventOf(i);
    return { type: keys.get(type) ?? 0, day: Math.floor(atMs / 86_400_000), ms: atMs % 86_400_000, data };
  });
  let id = 1;
  const transaction = db.transaction(() => {
    for (let done = 0; done < TRANSACTION_ROWS; done += chunkRows) {
      const values: (number | string | null)[] = [];
      for (let i = 0; i < chunkRows; i += 1) {
        const row = rows[id % EVENTS_PER_BATCH] ?? { type: 0, day: 0, ms: 0, data: null };
        values.push(id, Math.floor(id / EVENTS_PER_BATCH), row.type, row.day, row.ms, row.data);
        id += 1;
      }
      insert.run(values);
    }
  });
  const begin = performance.now();
  while (performance.now() - begin < RAW_MS) transaction.immediate();
  const perSecond = (id - 1) / ((performance.now() - begin) / 1_000);
  close();
  return perSecond;
}

/** Prisma's createMany of the same batches into the core database's event log, which is as wide; its indexes are taken away. */
async function createMany(path: string): Promise<number> {
  const handle = new Database(path);
  handle.exec('DROP INDEX events_version_id_n_idx; DROP INDEX events_app_id_n_idx');
  handle.close();
  const db = await openDatabase({ path });
  try {
    let n = 1n;
    const begin = performance.now();
    while (performance.now() - begin < RAW_MS) {
      const data = Array.from({ length: EVENTS_PER_BATCH }, (_, i) => {
        const { type, atMs, data: content } = eventOf(i);
        n += 1n;
        return { n, type, appId: 'app', payload: content ?? '', at: new Date(atMs) };
      });
      await db.prisma.event.createMany({ data });
    }
    return Number(n) / ((performance.now() - begin) / 1_000);
  } finally {
    await db.close();
  }
}

/** A developer's dashboard of an app that is being reported on, asked again and again until it is stopped. */
function askBeside(server: Child, cookie: string): { stop(): Promise<readonly number[]> } {
  const day = new Date().toISOString().slice(0, 10);
  const from = new Date(Date.now() - 29 * 86_400_000).toISOString().slice(0, 10);
  const query = `{ viewer { apps(first: 20) { nodes { name telemetry(range: { from: "${from}", to: "${day}" }) {
    activeDevices crashFreeDevices totals { type count devices } series { date type count } } } } } }`;
  const taken: number[] = [];
  let stopped = false;
  const asking = (async () => {
    while (!stopped) {
      const begin = performance.now();
      const answer = await fetch(`http://127.0.0.1:${server.port}/graphql`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Sec-Fetch-Site': 'same-origin', Cookie: cookie },
        body: JSON.stringify({ query }),
      });
      const { data, errors } = (await answer.json()) as { data?: { viewer: unknown } | null; errors?: unknown };
      if (data?.viewer == null) throw new Error(`The query beside was refused: ${JSON.stringify(errors)}`);
      taken.push(performance.now() - begin);
      await wait(QUERY_EVERY_MS);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await asking;
      return taken;
    },
  };
}

/** The program that `npm start` runs, as it runs it: the bundle takes less memory than the sources. */
async function startOurs(dataDir: string): Promise<Child> {
  if (isAlone) return startServer('bench/ingest-server.ts', { args: [dataDir], readyPath: '/' });
  const env = { DATA_DIR: dataDir, TRUSTED_PROXIES: '127.0.0.1', MALLOC_ARENA_MAX: '2' };
  return startBundle(env);
}

/** Makes the developer who asks a member of an app that is reported on. */
function joinApp(path: string): void {
  const handle = new Database(path);
  handle.exec(`UPDATE app_members SET developer_id = (SELECT developer_id FROM apps WHERE package_id = 'org.example.queue0')
    WHERE app_id = (SELECT id FROM apps WHERE package_id = 'org.example.queue10')`);
  handle.close();
}

interface Measured extends Load {
  readonly apiP95Ms: number;
  readonly mostMb: number;
  /** Microseconds of processor time that the server took for a batch, all threads. */
  readonly serverMicros: number;
}

async function measure(dataDir: string, cookie: string): Promise<Measured> {
  const server = await startOurs(dataDir);
  let mostMb = 0;
  const timer = setInterval(() => void server.memoryMb().then((mb) => (mostMb = Math.max(mostMb, mb))), 500);
  try {
    const before = await server.processorMs();
    const beside = isAlone ? null : askBeside(server, cookie);
    const done = await load(server.port, measureMs);
    const api = latencies((await beside?.stop()) ?? [], 0);
    const serverMicros = (((await server.processorMs()) - before) * 1_000) / done.acknowledged;
    return { ...done, apiP95Ms: api.p95, mostMb, serverMicros };
  } finally {
    clearInterval(timer);
    await server.stop();
  }
}

/** Everything acknowledged has to be in the file, or the figure is worth nothing. */
function storedEvents(dataDir: string): { events: number; bytesPerEvent: number } {
  let events = 0;
  let bytes = 0;
  for (const name of readdirSync(join(dataDir, 'telemetry')).filter((file) => /^\d{4}-\d{2}\.db$/.test(file))) {
    const db = new Database(join(dataDir, 'telemetry', name), { readonly: true });
    events += db.prepare<[], { n: number }>('SELECT count(*) AS n FROM events').get()?.n ?? 0;
    bytes += Number(db.pragma('page_count', { simple: true })) * Number(db.pragma('page_size', { simple: true }));
    db.close();
  }
  return { events, bytesPerEvent: bytes / events };
}

const dir = mkdtempSync(join(tmpdir(), 'mosis-bench-'));
try {
  mkdirSync(join(dir, 'raw'));
  mkdirSync(join(dir, 'data'));
  const { developer } = await seedQueue(join(dir, 'data', 'core.db'), 100);
  joinApp(join(dir, 'data', 'core.db'));
  await seedQueue(join(dir, 'raw', 'core.db'), 1);
  const many = await createMany(join(dir, 'raw', 'core.db'));
  const raw = (mode: 'FULL' | 'NORMAL') =>
    Math.max(...CHUNKS.map((rows) => insertRaw(join(dir, 'raw', `${mode}-${rows}.db`), mode, rows)));
  const [full, normal] = [raw('FULL'), raw('NORMAL')];
  const done = await measure(join(dir, 'data'), developer);
  const { events, bytesPerEvent } = storedEvents(join(dir, 'data'));
  if (events !== done.acknowledged * EVENTS_PER_BATCH) {
    throw new Error(`${done.acknowledged * EVENTS_PER_BATCH} events were acknowledged, ${events} are stored`);
  }
  const thousand = (n: number): string => `${Math.round(n / 1_000)} K`.padStart(8);
  process.stdout.write(
    [
      `telemetry ingest, ${EVENTS_PER_BATCH}-event batches, 50 connections, ${measureMs / 1_000} s, ${isAlone ? 'telemetry alone' : 'whole server with limits'}, aggregates, synchronous=FULL`,
      `  limit: multi-row INSERT, FULL     ${thousand(full)} events/s`,
      `  limit: multi-row INSERT, NORMAL   ${thousand(normal)} events/s`,
      `  Prisma createMany                 ${thousand(many)} events/s`,
      `  over HTTP, validated, durable     ${thousand(done.eventsPerSecond)} events/s   p50 ${done.p50Ms.toFixed(1)} ms, p99 ${done.p99Ms.toFixed(1)} ms`,
      `  ratio to the limit (FULL)         ${(done.eventsPerSecond / full).toFixed(2).padStart(8)}`,
      `  times createMany                  ${(done.eventsPerSecond / many).toFixed(1).padStart(8)}`,
      `  memory at most                    ${done.mostMb.toFixed(0).padStart(8)} MB`,
      `  a dashboard query beside it, p95  ${done.apiP95Ms.toFixed(1).padStart(8)} ms`,
      `  processor time of a batch         ${done.serverMicros.toFixed(0).padStart(8)} µs, and ${done.ownMicros.toFixed(0)} µs to send it; limit ${((EVENTS_PER_BATCH * 1e6) / full).toFixed(0)} µs`,
      `  on disk                           ${bytesPerEvent.toFixed(0).padStart(8)} bytes an event`,
      '',
    ].join('\n'),
  );
} finally {
  rmSync(dir, { recursive: true, force: true });
}
