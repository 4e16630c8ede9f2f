/** Owns what the benchmarks share: paced and saturating load over HTTP, percentiles, and servers as child processes. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Agent, type RequestOptions, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SERVER_FLAGS } from '../scripts/node.mjs';

/** Milliseconds, sorted by the fraction that was at most so slow. */
export interface Latencies {
  readonly count: number;
  readonly failed: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** One request: what to send and whether the answer is right. */
export interface Shot {
  readonly path: string;
  /** JSON; without one a GET is sent. */
  readonly body?: string;
}

export interface PacedOptions {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** Connections kept open; more requests than this at once wait in line, and their wait counts. */
  readonly connections: number;
  /** The n-th request, from 0. */
  readonly shot: (n: number) => Shot;
}

/**
 * Sends at a fixed pace whether or not answers come back (open loop). A latency counts from when the request was due, so a
 * server that stalls pays for every request that it kept from being sent.
 */
export async function paced(options: PacedOptions): Promise<Latencies> {
  const { port, perSecond, seconds, connections, shot } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const total = perSecond * seconds;
  const taken: number[] = [];
  let failed = 0;
  const running: Promise<void>[] = [];
  const startMs = performance.now();
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1000) * perSecond) + 1);
    for (; sent < due; sent += 1) {
      const dueMs = startMs + (sent / perSecond) * 1000;
      const answered = send({ port, agent, ...shot(sent) }).then(
        () => void taken.push(performance.now() - dueMs),
        () => {
          failed += 1;
        },
      );
      running.push(answered);
    }
    await wait(1);
  }
  await Promise.all(running);
  agent.destroy();
  return latencies(taken, failed);
}

/** Sends one request and reads the whole answer; rejects unless it is 200 and, for GraphQL, has no errors. */
export function send({ port, agent, path, body }: Shot & { port: number; agent?: Agent }): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options: RequestOptions = {
    host: '127.0.0.1',
    port,
    path,
    ...(agent === undefined ? {} : { agent }),
    method: body === undefined ? 'GET' : 'POST',
    headers:
      body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
  };
  const sent = request(options, (response) => {
    const parts: Buffer[] = [];
    response.on('data', (part: Buffer) => parts.push(part));
    response.on('error', reject);
    response.on('end', () => {
      const text = Buffer.concat(parts).toString('utf8');
      if (response.statusCode === 200 && !text.startsWith('{"errors"')) resolve(text);
      else reject(new Error(`${path} answered ${response.statusCode}: ${text.slice(0, 200)}`));
    });
  });
  sent.on('error', reject);
  sent.end(body);
  return promise;
}

/** Requests a second with so many connections, each sending the next request as soon as it has its answer. */
export async function saturated(options: {
  port: number;
  connections: number;
  seconds: number;
  shot: (n: number) => Shot;
}): Promise<number> {
  const { port, connections, seconds, shot } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let sent = 0;
  let answered = 0;
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const one = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await send({ port, agent, ...shot(sent++) });
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  const rate = (answered / (performance.now() - startMs)) * 1000;
  agent.destroy();
  return rate;
}

/** Percentiles of times in milliseconds. */
export function latencies(taken: readonly number[], failed: number): Latencies {
  const sorted = Float64Array.from(taken).sort();
  const at = (fraction: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
  return { count: sorted.length, failed, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

export interface Child {
  readonly process: ChildProcess;
  readonly port: number;
  /** Resident memory now, in MB. */
  memoryMb(): Promise<number>;
  /** Processor time it has taken so far, all threads, in milliseconds (to 10). */
  processorMs(): Promise<number>;
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Bundles the server where it is stale, and says where it is. */
const BUNDLE = `
  const { buildServer, SERVER_PROGRAM } = await import('./scripts/server-build.mjs');
  await buildServer();
  console.log(SERVER_PROGRAM);`;

/** Starts the whole server as `npm start` does, and waits until it is healthy. */
export function startBundle(env: Readonly<Record<string, string>>): Promise<Child> {
  const told = execFileSync(process.execPath, ['--input-type=module', '-e', BUNDLE], { cwd: ROOT, encoding: 'utf8' });
  return startServer(told.trim(), { flags: SERVER_FLAGS, env, readyPath: '/healthz' });
}

/** Starts a Node script that listens on the port in PORT, and waits until `readyPath` answers. Throws when it ends first. */
export async function startServer(
  script: string,
  options: {
    args?: readonly string[];
    /** Of Node. */
    flags?: readonly string[];
    env?: Readonly<Record<string, string>>;
    readyPath: string;
  },
): Promise<Child> {
  const port = await freePort();
  const environment = {
    ...process.env,
    HOST: '127.0.0.1',
    LOG_LEVEL: 'error',
    NODE_ENV: 'production',
    ...options.env,
    PORT: String(port),
  };
  const flags = options.flags ?? ['--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, script, ...(options.args ?? [])], {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  // Shown only when it fails: a greeting with a set-up link is nothing for a report.
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_096);
  });
  let ended = false;
  exited.then(() => {
    ended = true;
  });
  while (!(await isUp(port, options.readyPath))) {
    if (ended) throw new Error(`${script} ended before it was ready:\n${said}`);
    await wait(50);
  }
  return {
    process: child,
    port,
    memoryMb: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) / 1024;
    },
    processorMs: async () => {
      // proc(5): what follows the name in brackets begins with field 3; 14 and 15 are ticks of 10 ms.
      const fields = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).split(') ').at(-1)?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) * 10;
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function isUp(port: number, path: string): Promise<boolean> {
  return send({ port, path }).then(
    () => true,
    () => false,
  );
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The middle of the values, the upper one of two; NaN for none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
