import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openAggregateReader } from '../../server/telemetry/aggregate-reader.ts';
import { judgeEvents, parseEventsBody } from '../../server/telemetry/bodies.ts';
import { bucketOf, Digest } from '../../server/telemetry/digest.ts';
import { eventTypeOfKey } from '../../server/telemetry/events-schema.ts';
import { openPartition } from '../../server/telemetry/partition.ts';
import { createRecorder } from '../../server/telemetry/recorder.ts';
import type { BatchRow } from '../../server/telemetry/rows.ts';
import { Sketch } from '../../server/telemetry/sketch.ts';
import { createWriter } from '../../server/telemetry/writer.ts';

const SERVER = fileURLToPath(new URL('../../bench/ingest-server.ts', import.meta.url));
const APP = 'com.example.notes';

let dir: string;
let child: ChildProcess | null;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mosis-durability-'));
  child = null;
});
afterEach(async () => {
  if (child !== null && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(dir, { recursive: true, force: true });
});

async function startServer(): Promise<number> {
  child = spawn(process.execPath, [SERVER, dir, '15'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout ?? process.stdin, 'data')) as [Buffer];
  return Number(line.toString());
}

/** Resolves with the answer to a 202, or null for anything else: refused, broken off. */
function post(port: number, agent: Agent, path: string, body: unknown): Promise<string | null> {
  return new Promise((resolve) => {
    const sent = request({
      port,
      host: '127.0.0.1',
      path: `/v1/telemetry/${path}`,
      method: 'POST',
      agent,
      headers: { 'Content-Type': 'application/json' },
    });
    sent.on('error', () => resolve(null));
    sent.on('response', async (response) => {
      try {
        const text = Buffer.concat(await response.toArray()).toString();
        resolve(response.statusCode === 202 && response.complete ? text : null);
      } catch {
        resolve(null);
      }
    });
    sent.end(JSON.stringify(body));
  });
}

interface Sent {
  readonly path: 'events' | 'crash';
  readonly body: { readonly batch_id?: string; readonly [key: string]: unknown };
  readonly events: number;
}

function message(n: number): Sent {
  const id = `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
  const at = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
  const common = {
    app_id: APP,
    app_version: `1.0.${n % 3}`,
    mosis_version: '1.0.0',
    device_id: (n % 40).toString(16).padStart(64, 'a'),
  };
  if (n % 10 === 0) {
    const crash = {
      crash_type: 'lua_error',
      message: `kind ${'abc'.charAt((n / 10) % 3)}`,
      stack_trace: "a.lua:1: in function 'f'",
    };
    return { path: 'crash', body: { ...common, ...crash, report_id: id, timestamp: at(n % 60) }, events: 1 };
  }
  const types = ['app_start', 'app_stop', 'app_uninstall'];
  const events = Array.from({ length: 1 + (n % 7) }, (_, i) => {
    const type = types[(n + i) % 3];
    return { type, at: at((n * i) % 100), ...(type === 'app_start' ? { data: { launch_ms: 100 + n * i } } : {}) };
  });
  return {
    path: 'events',
    body: { ...common, batch_id: id, consent: false, sent_at: at(0), events },
    events: events.length,
  };
}

/** Every batch in the raw files, by the hexadecimal id, with the number of its rows. */
function rawBatches(): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const name of readdirSync(join(dir, 'telemetry')).filter((file) => /^\d{4}-\d{2}\.db$/.test(file))) {
    const db = new Database(join(dir, 'telemetry', name), { readonly: true });
    const rows = db
      .prepare<[], { id: string; n: number }>(
        'SELECT hex(b.batch) AS id, count(e.id) AS n FROM batches b LEFT JOIN events e ON e.batch = b.id GROUP BY b.id',
      )
      .all();
    for (const { id, n } of rows) found.set(id, [...(found.get(id) ?? []), n]);
    db.close();
  }
  return found;
}

/** Every stored digest, as text. */
function measured(): string[] {
  const db = new Database(join(dir, 'telemetry', 'aggregates.db'), { readonly: true });
  const rows = db
    .prepare<[], { day: number; metric: number; version: string; buckets: Uint8Array; devices: Uint8Array }>(
      'SELECT d.day, d.metric, v.name AS version, d.buckets, d.devices FROM digests d JOIN versions v ON v.id = d.version',
    )
    .all();
  db.close();
  return rows
    .map(
      ({ day, metric, version, buckets, devices }) =>
        `${day} ${metric} ${version} ${Buffer.from(buckets).toString('hex')} ${Sketch.fromBytes(devices).count()}`,
    )
    .sort();
}

/** What the digests of launches should be, from the raw rows. */
function remeasure(): string[] {
  const found = new Map<string, { digest: Digest; devices: Sketch }>();
  for (const name of readdirSync(join(dir, 'telemetry')).filter((file) => /^\d{4}-\d{2}\.db$/.test(file))) {
    const db = new Database(join(dir, 'telemetry', name), { readonly: true });
    const rows = db
      .prepare<[], { day: number; version: string; device: Uint8Array; ms: number }>(
        `SELECT e.day, v.name AS version, b.device, json_extract(e.data, '$.launch_ms') AS ms FROM events e
         JOIN batches b ON b.id = e.batch JOIN versions v ON v.id = b.version WHERE e.data IS NOT NULL`,
      )
      .all();
    for (const { day, version, device, ms } of rows) {
      const key = `${day} 1 ${version}`;
      const known = found.get(key) ?? { digest: new Digest(), devices: new Sketch() };
      known.digest.add(bucketOf(ms));
      known.devices.add(device);
      found.set(key, known);
    }
    db.close();
  }
  return [...found]
    .map(([key, { digest, devices }]) => `${key} ${Buffer.from(digest.toBytes()).toString('hex')} ${devices.count()}`)
    .sort();
}

/** What the aggregates should be, counted from the raw rows without any of the code that keeps them. */
function recount(): string[] {
  const counts = new Map<string, { count: number; devices: Sketch }>();
  for (const name of readdirSync(join(dir, 'telemetry')).filter((file) => /^\d{4}-\d{2}\.db$/.test(file))) {
    const db = new Database(join(dir, 'telemetry', name), { readonly: true });
    const rows = db
      .prepare<[], { day: number; type: number; version: string; device: Uint8Array }>(
        `SELECT e.day, e.type, v.name AS version, b.device FROM events e JOIN batches b ON b.id = e.batch JOIN versions v ON v.id = b.version`,
      )
      .all();
    for (const { day, type, version, device } of rows) {
      const key = `${day} ${eventTypeOfKey(type)} ${version}`;
      const known = counts.get(key) ?? { count: 0, devices: new Sketch() };
      known.count += 1;
      known.devices.add(device);
      counts.set(key, known);
    }
    db.close();
  }
  return [...counts]
    .map(([key, { count, devices }]) => `${key} ${count} ${Buffer.from(devices.toBytes()).toString('hex')}`)
    .sort();
}

function aggregated(): { daily: string[]; crashes: number; groups: number } {
  const reader = openAggregateReader(join(dir, 'telemetry', 'aggregates.db'));
  const daily = reader
    .daily(APP, 0, 100_000)
    .map(
      ({ day, type, version, count, devices }) =>
        `${day} ${type} ${version} ${count} ${Buffer.from(devices.toBytes()).toString('hex')}`,
    )
    .sort();
  const groups = reader.crashGroupKeys(APP, 'COUNT', { version: null, search: null });
  reader.close();
  return { daily, crashes: groups.reduce((sum, group) => sum + group.value, 0), groups: groups.length };
}

describe('a server killed in the middle of the load', () => {
  it('has everything it acknowledged exactly once, and aggregates equal to a recount', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const acknowledged = new Map<number, string>();
    let next = 0;
    for (let round = 0; round < 3; round += 1) {
      const port = await startServer();
      // What was broken off in an earlier round comes again first, as a device would send it, and some of what was acknowledged.
      const queue = Array.from({ length: next }, (_, n) => n).filter((n) => !acknowledged.has(n) || n % 20 === 0);
      const killAt = acknowledged.size + 250 + round * 70;
      const send = async (): Promise<void> => {
        while (acknowledged.size < killAt) {
          const n = queue.shift() ?? next++;
          const { path, body } = message(n);
          const answer = await post(port, agent, path, body);
          if (answer === null) return;
          const before = acknowledged.get(n);
          if (before !== undefined) expect(answer).toBe(before);
          acknowledged.set(n, answer);
        }
        child?.kill('SIGKILL');
      };
      const ended = once(child ?? process, 'exit');
      await Promise.all(Array.from({ length: 16 }, send));
      await ended;
    }
    agent.destroy();

    const raw = rawBatches();
    const repeated = [...raw].filter(([, rows]) => rows.length !== 1);
    expect(repeated).toEqual([]);
    for (const n of acknowledged.keys()) {
      const { body, events, path } = message(n);
      if (path === 'events')
        expect(raw.get((body.batch_id ?? '').replaceAll('-', '').toUpperCase()), `batch ${n}`).toEqual([events]);
    }
    const crashesSent = [...acknowledged.keys()].filter((n) => n % 10 === 0).length;

    createRecorder(join(dir, 'telemetry'), () => undefined).close();
    const { daily, crashes, groups } = aggregated();
    expect(daily).toEqual(recount());
    expect(measured()).toEqual(remeasure());
    expect(remeasure().length).toBeGreaterThan(2);
    expect(groups).toBe(3);
    expect(crashes).toBe(
      daily.reduce((sum, row) => sum + (row.includes(' app_crash ') ? Number(row.split(' ')[3]) : 0), 0),
    );
    expect(crashes).toBeGreaterThanOrEqual(crashesSent);
    expect(acknowledged.size).toBeGreaterThan(700);
  });
});

const row = (n: number, changes: Partial<BatchRow> = {}): BatchRow => ({
  app: APP,
  version: '1.0.0',
  versionCode: null,
  mosisVersion: '1.0.0',
  devices: [new Uint8Array(16).fill(n)],
  network: 0,
  batchId: new Uint8Array(16).fill(n),
  receivedAtMs: Date.parse('2026-01-15T12:00:00Z'),
  answer: `{"n":${n}}`,
  events: { numbers: Int32Array.of(1, 20_468, 0, -1, 1, 20_468, 1, -1), data: '', values: new Int32Array(0) },
  crash: null,
  losses: null,
  ...changes,
});

/** Two starts of one day that took 400 and 900 ms, as the service packs them. */
const launches = judgeEvents(
  parseEventsBody({
    batch_id: '00000000-0000-4000-8000-000000000001',
    app_id: APP,
    app_version: '1.0.0',
    mosis_version: '1.0.0',
    device_id: 'a'.repeat(64),
    consent: false,
    sent_at: '2026-01-15T12:00:00Z',
    events: [400, 900].map((launch_ms) => ({ type: 'app_start', at: '2026-01-15T11:00:00Z', data: { launch_ms } })),
  }),
  Date.parse('2026-01-15T12:00:00Z'),
).events;

describe('the writer', () => {
  it('replaces a thread that died: waiting batches are told to come again, and nothing acknowledged is lost or doubled', async () => {
    const writer = createWriter({
      dir: join(dir, 'telemetry'),
      log: pino({ level: 'silent' }),
      flushIntervalMs: 60_000,
    });
    await writer.start();
    expect(await writer.write(row(1))).toBe('{"n":1}');
    // What no caller can send, since the types forbid it: the thread throws outside of any request.
    await Promise.allSettled([writer.request(undefined as never)]);
    await vi.waitFor(() => writer.write(row(2)), { timeout: 20_000, interval: 50 });
    expect(await writer.write({ ...row(1), answer: 'another' })).toBe('{"n":1}');
    await writer.stop();
    await expect(writer.write(row(3))).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(aggregated().daily).toEqual(recount());
    expect([...rawBatches().values()]).toEqual([[2], [2]]);
  });
});

describe('the recorder', () => {
  const folder = () => join(dir, 'telemetry');
  const broken = row(9, { versionCode: 0.5 });

  it('stores the neighbours of a batch that cannot be stored', () => {
    const recorder = createRecorder(folder(), () => undefined);
    const outcomes = recorder.record([row(1), broken, row(2)]);
    expect(outcomes).toMatchObject([{ answer: '{"n":1}' }, { failure: expect.any(String) }, { answer: '{"n":2}' }]);
    recorder.close();
    expect([...rawBatches().values()]).toEqual([[2], [2]]);
    expect(aggregated().daily).toEqual(recount());
  });

  it('keeps versions usable after the transaction that made them was rolled back', () => {
    const recorder = createRecorder(folder(), () => undefined);
    recorder.record([{ ...broken, version: '9.9.9' }]);
    recorder.record([row(1, { version: '9.9.9' })]);
    recorder.close();
    expect(aggregated().daily).toEqual(recount());
    expect(recount()).toHaveLength(1);
  });

  it('makes up for a flush that failed, once and without doubling', () => {
    const warnings: string[] = [];
    const recorder = createRecorder(folder(), (warning) => warnings.push(warning));
    recorder.record([row(1)]);
    const saboteur = new Database(join(folder(), 'aggregates.db'));
    saboteur.exec(`CREATE TRIGGER no BEFORE INSERT ON watermarks BEGIN SELECT raise(ABORT, 'disk says no'); END`);
    expect(recorder.flush()).toBe(false);
    recorder.record([row(2)]);
    expect(recorder.flush()).toBe(false);
    saboteur.exec('DROP TRIGGER no');
    saboteur.close();
    recorder.record([row(3)]);
    expect(recorder.flush()).toBe(true);
    recorder.record([row(4)]);
    recorder.close();
    expect(warnings).toEqual([expect.stringContaining('disk says no'), expect.stringContaining('disk says no')]);
    expect(aggregated().daily).toEqual(recount());
  });

  it('gives no id twice: after an erasure took the last rows, a kill loses none of the next ones', () => {
    const first = createRecorder(folder(), () => undefined);
    first.record([row(1)]);
    expect(first.erase(APP, row(1).devices)).toBe(2);
    first.close();
    // Never closed and never flushed, as if killed.
    createRecorder(folder(), () => undefined).record([row(2)]);
    createRecorder(folder(), () => undefined).close();
    expect(aggregated().daily.map((line) => line.split(' ')[3])).toEqual(['4']);
  });

  it('counts everything again when the aggregates file is lost', () => {
    const recorder = createRecorder(folder(), () => undefined);
    recorder.record([
      row(1),
      row(2, { events: launches }),
      row(3, { receivedAtMs: Date.parse('2026-02-02T00:00:00Z') }),
    ]);
    recorder.close();
    for (const end of ['', '-wal', '-shm']) rmSync(join(folder(), `aggregates.db${end}`), { force: true });
    createRecorder(folder(), () => undefined).close();
    expect(aggregated().daily).toEqual(recount());
    expect(recount()).toHaveLength(1);
    expect(measured()).toEqual(remeasure());
    expect(remeasure()).toHaveLength(1);
  });

  it('syncs every commit to the disk', () => {
    mkdirSync(folder());
    const partition = openPartition(join(folder(), '2026-01.db'), { event: 0, batch: 0 });
    expect(partition.db.pragma('synchronous', { simple: true })).toBe(2);
    expect(partition.db.pragma('journal_mode', { simple: true })).toBe('wal');
    partition.close();
  });
});
