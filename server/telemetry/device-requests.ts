/**
 * Owns what a device asks about its own data: export and erasure, as jobs, with a result fetched by a one-time token. A
 * request is one small file named by the hash of its token; it holds device hashes only until it is done.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { notFound } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import { TELEMETRY_LIMITS } from './limits.ts';
import type { Writer } from './writer.ts';

export const DEVICE_REQUEST_JOB = 'telemetry.device-request';
const HOUR_MS = 3_600_000;

/** The part of the job queue that is needed: at-least-once, one job for each key. */
export interface DeviceRequestJobs {
  enqueue(kind: typeof DEVICE_REQUEST_JOB, key: string, payload: { readonly requestId: string }): Promise<void> | void;
}

const requestFile = z.discriminatedUnion('state', [
  z.strictObject({
    state: z.literal('pending'),
    action: z.enum(['export', 'erase']),
    created_at: z.number(),
    app: z.string(),
    devices: z.array(z.string()),
  }),
  z.strictObject({
    state: z.literal('done'),
    action: z.enum(['export', 'erase']),
    created_at: z.number(),
    finished_at: z.number(),
    events_removed: z.number(),
  }),
]);
type RequestFile = z.infer<typeof requestFile>;

export type DeviceRequestResult =
  | { readonly state: 'running' }
  | { readonly state: 'erased'; readonly eventsRemoved: number }
  /** A JSON file, there until the hours are over. */
  | { readonly state: 'exported'; readonly path: string };

export type DeviceRequests = ReturnType<typeof createDeviceRequests>;

/** Makes the requests' folder. `jobs` may run a request at any time after it was enqueued, also twice. */
export function createDeviceRequests(deps: {
  readonly dir: string;
  readonly clock: Clock;
  readonly writer: Pick<Writer, 'request'>;
  readonly jobs: DeviceRequestJobs;
}) {
  const { dir, clock, writer, jobs } = deps;
  mkdirSync(dir, { recursive: true, mode: 0o700 });

  return { create, run, result, resume, sweep };

  /** Stores the request, then enqueues its job. The token is known to the asker alone. */
  async function create(
    app: string,
    devices: readonly Uint8Array[],
    action: 'export' | 'erase',
  ): Promise<{ readonly token: string }> {
    const token = randomBytes(32).toString('base64url');
    const requestId = idOf(token);
    const hashes = devices.map((device) => Buffer.from(device).toString('hex'));
    save(requestId, { state: 'pending', action, created_at: clock.ms(), app, devices: hashes });
    await jobs.enqueue(DEVICE_REQUEST_JOB, requestId, { requestId });
    return { token };
  }

  /** The job: does nothing for a request that is done or gone. Throws when the files cannot be read or written. */
  async function run(requestId: string): Promise<void> {
    const request = load(requestId);
    if (request?.state !== 'pending') return;
    const { app, action, created_at } = request;
    const devices = request.devices.map((hash) => new Uint8Array(Buffer.from(hash, 'hex')));
    const path = exportPath(requestId);
    const reply = await writer.request(
      action === 'export' ? { kind: 'export', app, devices, path } : { kind: 'erase', app, devices },
    );
    if (reply.kind !== 'done')
      throw new Error(`Device request failed: ${reply.kind === 'failed' ? reply.message : reply.kind}`);
    save(requestId, { state: 'done', action, created_at, finished_at: clock.ms(), events_removed: reply.count });
  }

  /** What came of a request. Throws NOT_FOUND for an unknown token and once the result is no longer kept. */
  function result(token: string): DeviceRequestResult {
    const requestId = idOf(token);
    const request = load(requestId);
    if (request === null || isOver(request)) throw notFound('The request of this token');
    if (request.state === 'pending') return { state: 'running' };
    if (request.action === 'erase') return { state: 'erased', eventsRemoved: request.events_removed };
    return { state: 'exported', path: exportPath(requestId) };
  }

  /** Enqueues what a kill between storing and enqueueing left over; the queue drops what it already has. */
  async function resume(): Promise<void> {
    for (const requestId of requestIds()) {
      if (load(requestId)?.state === 'pending') await jobs.enqueue(DEVICE_REQUEST_JOB, requestId, { requestId });
    }
  }

  /** Removes results whose hours are over. */
  function sweep(): void {
    for (const requestId of requestIds()) {
      const request = load(requestId);
      if (request === null || !isOver(request)) continue;
      rmSync(exportPath(requestId), { force: true });
      rmSync(join(dir, `${requestId}.json`), { force: true });
    }
  }

  function isOver(request: RequestFile): boolean {
    return request.state === 'done' && clock.ms() - request.finished_at > TELEMETRY_LIMITS.exportHours * HOUR_MS;
  }

  function requestIds(): string[] {
    return readdirSync(dir).flatMap((name) => (/^[0-9a-f]{64}\.json$/.test(name) ? [name.slice(0, 64)] : []));
  }

  function exportPath(requestId: string): string {
    return join(dir, `${requestId}.export`);
  }

  function load(requestId: string): RequestFile | null {
    try {
      return requestFile.parse(JSON.parse(readFileSync(join(dir, `${requestId}.json`), 'utf8')));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
  }

  function save(requestId: string, request: RequestFile): void {
    const path = join(dir, `${requestId}.json`);
    const file = openSync(`${path}.new`, 'w', 0o600);
    try {
      writeSync(file, JSON.stringify(request));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(`${path}.new`, path);
    const folder = openSync(dir, 'r');
    fsyncSync(folder);
    closeSync(folder);
  }
}

/** Only the token's hash is stored, so that reading the disk does not give anybody an export. */
function idOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** A queue for a server without one: runs each request once, one after the other. `stop` waits for the running one. */
export function createInlineJobs(run: (requestId: string) => Promise<void>, failed: (error: unknown) => void) {
  let chain: Promise<void> = Promise.resolve();
  const known = new Set<string>();
  return {
    enqueue(_kind: typeof DEVICE_REQUEST_JOB, key: string): void {
      if (known.has(key)) return;
      known.add(key);
      chain = chain
        .then(() => run(key))
        .catch(failed)
        .finally(() => known.delete(key));
    },
    stop: (): Promise<void> => chain,
  };
}
