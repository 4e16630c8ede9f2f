/**
 * Owns the telemetry benchmark: 100-event batches over HTTP into a server process, beside its limit, the same rows by
 * multi-row INSERT in this process. Only the ratio means anything. Usage: ingest.ts [SECONDS] (default 5 each).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { EVENT_TYPES } from '../server/telemetry/events-schema.ts';
import { openPartition } from '../server/telemetry/partition.ts';

const EVENTS_PER_BATCH = 100;
const CONNECTIONS = 50;
const DEVICES = 5_000;
const TRANSACTION_ROWS = 5_000;
const CHUNK_ROWS = 50;
const WARM_UP_MS = 1_500;
const measureMs = Number(process.argv[2] ?? 5) * 1_000;

const KINDS: readonly (readonly [string, string | null])[] = [
  ['app_start', '{"cold":true,"launch_ms":412}'],
  ['frame_time', '{"avg_ms":16.4,"p95_ms":21.5}'],
  ['memory_usage', '{"mb":45}'],
  ['screen_view', '{"screen":"main.rml"}'],
  ['app_stop', null],
];

const startedMs = Date.now();

function eventOf(i: number): { type: string; atMs: number; data: string | null } {
  const [type, data] = KINDS[i % KINDS.length] ?? ['app_stop', null];
  return { type, atMs: startedMs - (i % 3) * 86_400_000 - i * 977, data };
}

const EVENTS = Array.from({ length: EVENTS_PER_BATCH }, (_, i) => {
  const { type, atMs, data } = eventOf(i);
  return `{"type":"${type}","at":"${new Date(atMs).toISOString()}"${data === null ? '' : `,"data":${data}`}}`;
}).join(',');

/** One request as bytes, made anew for each batch because its id and device differ. */
function requestOf(n: number): string {
  const id = n.toString(16).padStart(12, '0');
  const device = (n % DEVICES).toString(16).padStart(64, '0');
  const body = `{"batch_id":"00000000-0000-4000-8000-${id}","app_id":"com.example.bench${n % 20}","app_version":"1.0.${n % 5}","mosis_version":"1.0.0","device_id":"${device}","consent":true,"sent_at":"2026-01-01T00:00:00Z","events":[${EVENTS}]}`;
  return `POST /v1/telemetry/events HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

interface Load {
  readonly eventsPerSecond: number;
  /** Batches answered 202, warm-up included. */
  readonly acknowledged: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function loadServer(dir: string): Promise<Load> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./ingest-server.ts', import.meta.url)), dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  let next = 0;
  let acknowledged = 0;
  let measured = 0;
  const latencies: number[] = [];
  const begin = performance.now();
  const from = begin + WARM_UP_MS;
  const until = from + measureMs;
  const client = async (): Promise<void> => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    while (performance.now() < until) {
      const sentAt = performance.now();
      socket.write(requestOf(next++), 'latin1');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      if (!answer.toString('latin1').startsWith('HTTP/1.1 202'))
        throw new Error(`Refused: ${answer.toString('latin1')}`);
      acknowledged += 1;
      const now = performance.now();
      if (now < from || now > until) continue;
      measured += 1;
      latencies.push(now - sentAt);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  latencies.sort((a, b) => a - b);
  const quantile = (q: number): number => latencies[Math.floor(latencies.length * q)] ?? Number.NaN;
  return {
    eventsPerSecond: (measured * EVENTS_PER_BATCH) / (measureMs / 1_000),
    acknowledged,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

/** Everything acknowledged has to be in the file, or the figure is worth nothing. */
function storedEvents(dir: string): { events: number; bytesPerEvent: number } {
  let events = 0;
  let bytes = 0;
  for (const name of readdirSync(join(dir, 'telemetry')).filter((file) => /^\d{4}-\d{2}\.db$/.test(file))) {
    const db = new Database(join(dir, 'telemetry', name), { readonly: true });
    events += db.prepare<[], { n: number }>('SELECT count(*) AS n FROM events').get()?.n ?? 0;
    bytes += Number(db.pragma('page_count', { simple: true })) * Number(db.pragma('page_size', { simple: true }));
    db.close();
  }
  return { events, bytesPerEvent: bytes / events };
}

/** The limit: the same rows into the same table, nothing else. */
function insertRaw(path: string, synchronous: 'FULL' | 'NORMAL', forMs: number): number {
  const { db, close } = openPartition(path, { event: 0, batch: 0 });
  db.pragma(`synchronous = ${synchronous}`);
  const insert = db.prepare(
    `INSERT INTO events (id, batch, type, day, ms, data) VALUES ${new Array(CHUNK_ROWS).fill('(?,?,?,?,?,?)').join(',')}`,
  );
  const keys = new Map<string, number>(EVENT_TYPES.map(({ name, key }) => [name, key]));
  const rows = Array.from({ length: EVENTS_PER_BATCH }, (_, i) => {
    const { type, atMs, data } = eventOf(i);
    return { type: keys.get(type) ?? 0, day: Math.floor(atMs / 86_400_000), ms: atMs % 86_400_000, data };
  });
  let id = 1;
  const transaction = db.transaction(() => {
    for (let done = 0; done < TRANSACTION_ROWS; done += CHUNK_ROWS) {
      const values: (number | string | null)[] = [];
      for (let i = 0; i < CHUNK_ROWS; i += 1) {
        const row = rows[id % EVENTS_PER_BATCH] ?? { type: 0, day: 0, ms: 0, data: null };
        values.push(id, Math.floor(id / EVENTS_PER_BATCH), row.type, row.day, row.ms, row.data);
        id += 1;
      }
      insert.run(values);
    }
  });
  const begin = performance.now();
  while (performance.now() - begin < forMs) transaction.immediate();
  const perSecond = (id - 1) / ((performance.now() - begin) / 1_000);
  close();
  return perSecond;
}

const dir = mkdtempSync(join(tmpdir(), 'mosis-bench-'));
try {
  mkdirSync(join(dir, 'raw'));
  const full = insertRaw(join(dir, 'raw', '2026-01.db'), 'FULL', measureMs / 2);
  const normal = insertRaw(join(dir, 'raw', '2026-02.db'), 'NORMAL', measureMs / 2);
  const load = await loadServer(dir);
  const { events, bytesPerEvent } = storedEvents(dir);
  if (events !== load.acknowledged * EVENTS_PER_BATCH) {
    throw new Error(`${load.acknowledged * EVENTS_PER_BATCH} events were acknowledged, ${events} are stored`);
  }
  const thousand = (n: number): string => `${Math.round(n / 1_000)} K`.padStart(8);
  process.stdout.write(
    [
      `telemetry ingest, ${EVENTS_PER_BATCH}-event batches, ${CONNECTIONS} connections, ${measureMs / 1_000} s, aggregates on, synchronous=FULL`,
      `  limit: multi-row INSERT, FULL     ${thousand(full)} events/s`,
      `  limit: multi-row INSERT, NORMAL   ${thousand(normal)} events/s`,
      `  over HTTP, validated, durable     ${thousand(load.eventsPerSecond)} events/s   p50 ${load.p50Ms.toFixed(1)} ms, p99 ${load.p99Ms.toFixed(1)} ms`,
      `  ratio to the limit (FULL)         ${(load.eventsPerSecond / full).toFixed(2).padStart(8)}`,
      `  on disk                           ${bytesPerEvent.toFixed(0).padStart(8)} bytes an event`,
      '',
    ].join('\n'),
  );
} finally {
  rmSync(dir, { recursive: true, force: true });
}
