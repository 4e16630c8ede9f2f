/**
 * Owns the load of the telemetry benchmark: what is sent, and the sending, by one socket for each connection and with as little
 * work as can be, since the load shares the machine with what is measured.
 */
import { connect } from 'node:net';

export const EVENTS_PER_BATCH = 100;
const CONNECTIONS = 50;
const WARM_UP_MS = 1_500;
/** So many that no device and no address meets its limit in ten minutes. */
const [DEVICES, ADDRESSES] = [20_000, 2_000];
const APPS = 20;

const KINDS: readonly (readonly [string, string | null])[] = [
  ['app_start', '{"cold":true,"launch_ms":412}'],
  ['frame_time', '{"avg_ms":16.4,"p95_ms":21.5}'],
  ['memory_usage', '{"mb":45}'],
  ['screen_view', '{"screen":"main.rml"}'],
  ['app_stop', null],
];

const startedMs = Date.now();

/** The `i`th event of every batch. */
export function eventOf(i: number): { type: string; atMs: number; data: string | null } {
  const [type, data] = KINDS[i % KINDS.length] ?? ['app_stop', null];
  return { type, atMs: startedMs - (i % 3) * 86_400_000 - i * 977, data };
}

const EVENTS = Array.from({ length: EVENTS_PER_BATCH }, (_, i) => {
  const { type, atMs, data } = eventOf(i);
  return `{"type":"${type}","at":"${new Date(atMs).toISOString()}"${data === null ? '' : `,"data":${data}`}}`;
}).join(',');

/** A request whose changing places have one width, so that the next one is written over it. */
function template(): { readonly bytes: Buffer; readonly fill: (n: number) => void } {
  const [id, app, version, device, hop] = ['#'.repeat(12), '@@', '%', '$'.repeat(64), '~~~.~~~'];
  const body = `{"batch_id":"00000000-0000-4000-8000-${id}","app_id":"org.example.queue${app}","app_version":"1.${version}.0","mosis_version":"1.0.0","device_id":"${device}","consent":true,"sent_at":"2026-01-01T00:00:00Z","events":[${EVENTS}]}`;
  const bytes = Buffer.from(
    `POST /v1/telemetry/events HTTP/1.1\r\nHost: bench\r\nX-Forwarded-For: 10.1.${hop}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    'latin1',
  );
  const [idAt = 0, appAt = 0, versionAt = 0, deviceAt = 0, hopAt = 0] = [id, app, version, device, hop].map((mark) =>
    bytes.indexOf(mark),
  );
  return {
    bytes,
    fill(n) {
      const address = n % ADDRESSES;
      bytes.write(n.toString(16).padStart(12, '0'), idAt, 'latin1');
      bytes.write(String(10 + (n % APPS)), appAt, 'latin1');
      bytes.write(String(1 + (n % 5)), versionAt, 'latin1');
      bytes.write((n % DEVICES).toString(16).padStart(64, '0'), deviceAt, 'latin1');
      bytes.write(`${100 + (address % 100)}.${100 + (Math.floor(address / 100) % 150)}`, hopAt, 'latin1');
    },
  };
}

export interface Load {
  readonly eventsPerSecond: number;
  /** Batches answered 202, warm-up included. */
  readonly acknowledged: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Microseconds of processor time that this end took for a batch. */
  readonly ownMicros: number;
}

/** Sends batches over 50 connections, each the next one when the last is answered. Throws for any answer but 202. */
export async function load(port: number, measureMs: number): Promise<Load> {
  let next = 0;
  let acknowledged = 0;
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const from = performance.now() + WARM_UP_MS;
  const until = from + measureMs;
  const client = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      const { bytes, fill } = template();
      let sentAt = 0;
      const send = (): void => {
        fill(next++);
        sentAt = performance.now();
        socket.write(bytes);
      };
      socket.on('connect', send);
      socket.on('error', reject);
      socket.on('data', (answer: Buffer) => {
        const head = answer.toString('latin1', 0, 12);
        if (head !== 'HTTP/1.1 202') return reject(new Error(`Refused: ${answer.toString('latin1')}`));
        acknowledged += 1;
        const now = performance.now();
        if (now >= from && now <= until) latencies.push(now - sentAt);
        if (now < until) return send();
        socket.destroy();
        resolve();
      });
    });
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  const { user, system } = process.cpuUsage(cpu);
  const sorted = Float64Array.from(latencies).sort();
  const quantile = (q: number): number => sorted[Math.floor(sorted.length * q)] ?? Number.NaN;
  return {
    eventsPerSecond: (latencies.length * EVENTS_PER_BATCH) / (measureMs / 1_000),
    acknowledged,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    ownMicros: (user + system) / acknowledged,
  };
}
