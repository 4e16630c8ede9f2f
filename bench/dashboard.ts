/**
 * Owns the measurement of a developer's dashboard over many events: 30 days of one app by type, by version and by day, with
 * unique devices and percentiles; and of dropping a month of raw rows. The events go through the real recorder.
 * Usage: dashboard.ts [MILLIONS,MILLIONS…] (default 1,10). BENCH_DIR keeps the data there for the next run; BENCH_DROP=0 drops no month.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createLog } from '../server/platform/log.ts';
import { openAggregateReader } from '../server/telemetry/aggregate-reader.ts';
import { dateOfDay, openAggregates } from '../server/telemetry/aggregates.ts';
import { judgeEvents, parseEventsBody } from '../server/telemetry/bodies.ts';
import { createDisposal } from '../server/telemetry/dropped-files.ts';
import { METRICS } from '../server/telemetry/metrics.ts';
import { createReadings } from '../server/telemetry/readings.ts';
import { createRecorder } from '../server/telemetry/recorder.ts';
import type { BatchRow } from '../server/telemetry/rows.ts';
import { createWriter } from '../server/telemetry/writer.ts';

const EVENTS_PER_BATCH = 100;
const BATCHES_PER_COMMIT = 500;
const DAYS = 30;
const VERSIONS = 5;
const DEVICES = 50_000;
/** One app takes half of all events, the others share the rest. */
const APPS = 10;
const BIG_APP = 'app-0';
const QUERIES = Number(process.env.BENCH_REQUESTS ?? 200);
const NOW_MS = Date.parse('2026-03-15T12:00:00Z');
const DAY_MS = 86_400_000;
const LAST_DAY = Math.floor(NOW_MS / DAY_MS);
const range = { from: dateOfDay(LAST_DAY - DAYS + 1), to: dateOfDay(LAST_DAY) };

const DATA: readonly (readonly [string, (n: number) => unknown])[] = [
  ['app_start', (n) => ({ cold: true, launch_ms: 300 + (n % 700) })],
  ['frame_time', (n) => ({ avg_ms: 10 + (n % 13), p95_ms: 15 + (n % 29) })],
  ['memory_usage', (n) => ({ mb: 30 + (n % 200) })],
  ['screen_view', () => ({ screen: 'main.rml' })],
  ['app_stop', () => undefined],
];

/** Some packed batches of one day each, as the service makes them; they are sent under many ids and devices. */
const PACKED = Array.from({ length: DAYS }, (_, day) => {
  const events = Array.from({ length: EVENTS_PER_BATCH }, (_unused, i) => {
    const [type, data] = DATA[i % DATA.length] ?? ['app_stop', () => undefined];
    const at = new Date(NOW_MS - day * DAY_MS - i * 1_000).toISOString();
    const content = data(day * 31 + i);
    return { type, at, ...(content === undefined ? {} : { data: content }) };
  });
  const body = parseEventsBody({
    batch_id: '00000000-0000-4000-8000-000000000000',
    app_id: 'com.example.bench',
    app_version: '1.0.0',
    mosis_version: '1.0.0',
    device_id: '0'.repeat(64),
    consent: true,
    sent_at: new Date(NOW_MS).toISOString(),
    events,
  });
  return judgeEvents(body, NOW_MS).events;
});

/** A number that looks random, for device hashes. */
function mix(n: number): number {
  let x = Math.imul(n ^ (n >>> 16), 0x45d9f3b);
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b);
  return (x ^ (x >>> 16)) >>> 0;
}

const HASHES = Array.from({ length: DEVICES }, (_, n) => {
  const hash = Buffer.alloc(16);
  for (let at = 0; at < 16; at += 4) hash.writeUInt32BE(mix(n * 4 + at + 1), at);
  return hash;
});

function batchOf(n: number, receivedAtMs: number): BatchRow {
  const batchId = Buffer.alloc(16);
  batchId.writeUInt32BE(n, 0);
  const events = PACKED[n % DAYS];
  const device = HASHES[mix(n) % DEVICES];
  if (events === undefined || device === undefined) throw new Error('unreachable');
  return {
    app: n % 2 === 0 ? BIG_APP : `app-${1 + (mix(n) % (APPS - 1))}`,
    version: `1.0.${mix(n + 7) % VERSIONS}`,
    versionCode: null,
    mosisVersion: '1.0.0',
    devices: [device],
    network: 0,
    batchId,
    receivedAtMs,
    answer: '{"accepted":100,"rejected":[]}',
    events,
    crash: null,
    losses: null,
  };
}

function p(latencies: number[], share: number): number {
  latencies.sort((a, b) => a - b);
  return latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
}

/** A folder with so many events in it: that of an earlier run under BENCH_DIR, or one made now. */
function loaded(millions: number): { readonly dir: string; readonly keeps: boolean; readonly told: string } {
  const keeps = process.env.BENCH_DIR;
  const dir = keeps === undefined ? mkdtempSync(join(tmpdir(), 'mosis-dashboard-')) : join(keeps, String(millions));
  if (existsSync(join(dir, 'done'))) return { dir, keeps: true, told: 'loaded before' };
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const recorder = createRecorder(dir, (warning) => process.stderr.write(`${warning}\n`));
  const batches = (millions * 1_000_000) / EVENTS_PER_BATCH;
  const begin = performance.now();
  for (let n = 0; n < batches; n += BATCHES_PER_COMMIT) {
    // The first half came in last month.
    const receivedAtMs = n < batches / 2 ? NOW_MS - DAYS * DAY_MS : NOW_MS;
    const rows = Array.from({ length: BATCHES_PER_COMMIT }, (_, i) => batchOf(n + i, receivedAtMs));
    recorder.record(rows);
  }
  recorder.close();
  const rate = Math.round((millions * 1_000_000) / (performance.now() - begin));
  writeFileSync(join(dir, 'done'), '');
  return { dir, keeps: keeps !== undefined, told: `${rate} K/s through the recorder` };
}

interface Timed {
  readonly p50: number;
  readonly p95: number;
  /** Milliseconds of processor time of one query: what a busy machine cannot spoil. */
  readonly cpuMs: number;
}

/** Runs a query again and again, one after the other. */
async function timed(query: () => Promise<unknown>): Promise<Timed> {
  for (let i = 0; i < 20; i += 1) await query();
  const latencies: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < QUERIES; i += 1) {
    const from = performance.now();
    await query();
    latencies.push(performance.now() - from);
  }
  const { user, system } = process.cpuUsage(before);
  return { p50: p(latencies, 0.5), p95: p(latencies, 0.95), cpuMs: (user + system) / 1_000 / QUERIES };
}

/** A month goes while batches come in, through the real writer's thread: how long they wait, and how long it takes. */
async function droppedMonth(dir: string, batches: number): Promise<string> {
  const bytes = statSync(join(dir, '2026-02.db')).size;
  const writer = createWriter({ dir, log: createLog('error') });
  await writer.start();
  const disposal = createDisposal(dir, async () => undefined);
  let next = batches + 1;
  const waits = async (until: () => boolean): Promise<number[]> => {
    const latencies: number[] = [];
    while (!until()) {
      const from = performance.now();
      await writer.write(batchOf(next++, NOW_MS));
      latencies.push(performance.now() - from);
    }
    return latencies;
  };
  const before = await waits(() => next > batches + 300);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const from = performance.now();
  let gone: number | null = null;
  const dropping = writer
    .request({ kind: 'drop', nowMs: NOW_MS + 100 * DAY_MS, keepDays: 90 })
    .then(() => {
      const droppedMs = performance.now() - from;
      return disposal.run().then(() => droppedMs);
    })
    .finally(() => {
      gone = performance.now() - from;
    });
  const during = await waits(() => gone !== null);
  const droppedMs = await dropping;
  loop.disable();
  await writer.stop();
  return [
    `  dropping a month of ${(bytes / 1e6).toFixed(0)} MB: out of the way after ${droppedMs.toFixed(0)} ms, gone after ${(gone ?? 0).toFixed(0)} ms;`,
    `    a batch beside it waits ${p(during, 0.5).toFixed(1)} ms, p99 ${p(during, 0.99).toFixed(1)} ms, at most ${Math.max(...during).toFixed(0)} ms`,
    `    (without: ${p(before, 0.5).toFixed(1)} ms, p99 ${p(before, 0.99).toFixed(1)} ms, at most ${Math.max(...before).toFixed(0)} ms); event loop at most ${(loop.max / 1e6).toFixed(0)} ms`,
  ].join('\n');
}

async function measure(millions: number): Promise<{ readonly p95: number; readonly lines: readonly string[] }> {
  const { dir, keeps, told } = loaded(millions);
  try {
    // Data kept from an earlier release gets what it lacks.
    openAggregates(join(dir, 'aggregates.db')).close();
    const reader = openAggregateReader(join(dir, 'aggregates.db'));
    const readings = createReadings(() => reader);
    const queries: Record<string, () => Promise<unknown>> = {
      'by type': () => readings.series(BIG_APP, range, 'TYPE'),
      'by version': () => readings.series(BIG_APP, range, 'VERSION'),
      'by day': () => readings.series(BIG_APP, range, 'DAY'),
      totals: () => readings.totals(BIG_APP, range),
      'release health': () => readings.releaseHealth(BIG_APP, range),
      percentiles: () => readings.percentiles(BIG_APP, range, METRICS, 'VERSION'),
    };
    let worst = 0;
    const lines: string[] = [];
    for (const [name, query] of Object.entries(queries)) {
      const { p50, p95, cpuMs } = await timed(query);
      worst = Math.max(worst, p95);
      lines.push(
        `  ${name.padEnd(16)} p50 ${p50.toFixed(2).padStart(7)} ms   p95 ${p95.toFixed(2).padStart(7)} ms   processor ${cpuMs.toFixed(2).padStart(6)} ms`,
      );
    }
    reader.close();
    if (process.env.BENCH_DROP !== '0') {
      rmSync(join(dir, 'done'), { force: true });
      lines.push(await droppedMonth(dir, (millions * 1_000_000) / EVENTS_PER_BATCH));
    }
    return { p95: worst, lines: [`${millions} million events (${told})`, ...lines] };
  } finally {
    if (!keeps) rmSync(dir, { recursive: true, force: true });
  }
}

const sizes = (process.argv[2] ?? '1,10').split(',').map(Number);
let first: number | null = null;
for (const millions of sizes) {
  const { p95, lines } = await measure(millions);
  first ??= p95;
  process.stdout.write(
    `${lines.join('\n')}\n  worst p95 ${p95.toFixed(2)} ms, ${(p95 / first).toFixed(2)} of the first\n`,
  );
}
