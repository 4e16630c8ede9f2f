/** Owns telemetry at the device: events queued on disk, sent in batches when there is a network, crash reports. It decides no consent. */
import { createHash, randomUUID } from 'node:crypto';
import { appendFile, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readIfThere, removeFile, replaceFile, syncFolder } from './durable.ts';
import { DeviceError } from './errors.ts';
import { asksToWait, type Network, request, retryAfterMs } from './http.ts';
import { type InstalledApp, namesIn, type Storage } from './storage.ts';

/** Events a batch holds at most; the server takes 500 (docs/DEVICE_PROTOCOL.md §7). */
const MAX_BATCH_EVENTS = 500;
/** Batches kept while there is no network; past it the oldest goes. */
const MAX_QUEUED_BATCHES = 200;
/** The server knows a repeated batch for so long; an older one could be counted twice. */
const MAX_RESEND_MS = 7 * 86_400_000;
const OPEN_SUFFIX = '.open.jsonl';
const SEALED_SUFFIX = '.sealed.jsonl';

const DROPPED_SUFFIX = '.dropped.json';
const TAKEN_SUFFIX = '.taken.json';
/** The server takes no higher count (docs/DEVICE_PROTOCOL.md §7). */
const MAX_DROPPED = 1_000_000_000;

type DropReason = 'queue_full' | 'too_old' | 'refused';

/** Events of an app dropped since its last batch. `last` names the report counted last, which may still have to be removed. */
const Dropped = z.object({ counts: z.record(z.string(), z.int()), last: z.string() });
type Dropped = z.infer<typeof Dropped>;

/** One line of the log: what happened, in which version, and whether the user had agreed to usage events then. */
const Logged = z.object({
  type: z.string(),
  at: z.string(),
  data: z.record(z.string(), z.unknown()).optional(),
  app_version: z.string(),
  version_code: z.int(),
  consent: z.boolean(),
});
type Logged = z.infer<typeof Logged>;

/** Events that say what a person did: without consent they are not even written down (docs/DEVICE_PROTOCOL.md §7). */
const USAGE_TYPES: readonly string[] = ['screen_view', 'button_click'];

const Queued = z.object({
  path: z.enum(['/v1/telemetry/events', '/v1/telemetry/crash']),
  firstSentAt: z.iso.datetime().nullable(),
  count: z.int(),
  body: z.record(z.string(), z.unknown()),
});
type Queued = z.infer<typeof Queued>;

/** A crash as the seed's schema has it, without what the device adds by itself. */
export interface Crash {
  readonly crash_type: 'lua_error' | 'out_of_memory' | 'not_responding' | 'native_crash';
  readonly message: string;
  readonly stack_trace: string;
  readonly context?: { readonly screen?: string; readonly memory_mb?: number; readonly uptime_seconds?: number };
}

export interface TrackedEvent {
  readonly type: string;
  readonly data?: Record<string, unknown>;
  /** Whether the user agreed to usage events. */
  readonly consent: boolean;
}

export interface FlushResult {
  /** Reports that the server took: batches and crashes. */
  readonly sent: number;
  /** Events and crashes that were dropped: refused by the server, too old, or too many. */
  readonly dropped: number;
  readonly waiting: number;
  /** Milliseconds that the server asks to wait before the next flush, or null. */
  readonly retryAfterMs: number | null;
  /** Why sending stopped, or null when all was sent. */
  readonly problem: string | null;
}

export interface Reporter {
  /** Queues one event of an installed app; on disk when it returns. False for a usage event without consent. */
  track(packageId: string, event: TrackedEvent): Promise<boolean>;
  /** Queues a crash report of an installed app; needs no consent. */
  crash(packageId: string, crash: Crash): Promise<void>;
  /** Seals open events into batches and sends what waits. Never throws for the network: the queue keeps. */
  flush(): Promise<FlushResult>;
}

export interface ReporterOptions {
  readonly storage: Storage;
  readonly network: Network;
  readonly mosisVersion: string;
}

export function createReporter({ storage, network, mosisVersion }: ReporterOptions): Reporter {
  const folder = storage.folders.telemetry;
  const appFields = async (packageId: string) => ({
    app_id: packageId,
    mosis_version: mosisVersion,
    device_id: await storage.deviceIdFor(packageId),
  });
  return {
    async track(packageId, { type, data, consent }) {
      const app = await requireInstalled(storage, packageId);
      if (!consent && USAGE_TYPES.includes(type)) return false;
      const at = network.clock().toISOString();
      const version = { app_version: app.versionName, version_code: app.versionCode };
      const event: Logged = { type, at, ...(data === undefined ? {} : { data }), ...version, consent };
      await appendFile(join(folder, `${packageId}${OPEN_SUFFIX}`), `${JSON.stringify(event)}\n`, { flush: true });
      return true;
    },
    async crash(packageId, crash) {
      const app = await requireInstalled(storage, packageId);
      const id = randomUUID();
      const body = {
        report_id: id,
        ...(await appFields(packageId)),
        app_version: app.versionName,
        version_code: app.versionCode,
        timestamp: network.clock().toISOString(),
        ...crash,
      };
      await enqueue(
        folder,
        { id, index: 0 },
        { path: '/v1/telemetry/crash', firstSentAt: null, count: 1, body },
        network.clock(),
      );
    },
    async flush() {
      await finishDrops(folder);
      await sealAll(folder, appFields, network.clock);
      const overflow = await dropOverflow(folder);
      return await sendAll(folder, network, overflow);
    },
  };
}

async function requireInstalled(storage: Storage, packageId: string): Promise<InstalledApp> {
  const installed = await storage.readInstalled();
  const app = Object.hasOwn(installed, packageId) ? installed[packageId] : undefined;
  if (app === undefined) throw new DeviceError('NOT_INSTALLED', `${packageId} is not installed on this device.`);
  return app;
}

type AppFields = (packageId: string) => Promise<Record<string, unknown>>;

/** Turns open events into batches. Each file is set aside first, so that events tracked meanwhile open a new one. */
async function sealAll(folder: string, appFields: AppFields, clock: () => Date): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!name.endsWith(OPEN_SUFFIX)) continue;
    const packageId = name.slice(0, -OPEN_SUFFIX.length);
    const sealId = randomUUID();
    await rename(join(folder, name), join(folder, `${packageId}.${sealId}${SEALED_SUFFIX}`));
    await syncFolder(folder);
    // After the events: a kill in between leaves the counts for the next batch.
    if ((await readDropped(folder, packageId)) === null) continue;
    await rename(join(folder, `${packageId}${DROPPED_SUFFIX}`), join(folder, `${packageId}.${sealId}${TAKEN_SUFFIX}`));
    await syncFolder(folder);
  }
  for (const name of await namesIn(folder)) {
    const sealed = /^(.+)\.([0-9a-f-]{36})\.sealed\.jsonl$/.exec(name);
    const [, packageId, sealId] = sealed ?? [];
    if (packageId === undefined || sealId === undefined) continue;
    const path = join(folder, name);
    // A kill in between repeats this with the same ids, before anything of it was sent: no event counts twice.
    const taken = join(folder, `${packageId}.${sealId}${TAKEN_SUFFIX}`);
    const counts = (await readDroppedFile(taken))?.counts ?? null;
    for (const [index, part] of batchesOf(parseEvents(await readFile(path, 'utf8'))).entries()) {
      const id = batchId(sealId, index);
      const dropped = index === 0 && counts !== null ? { dropped: counts } : {};
      const body = { batch_id: id, ...(await appFields(packageId)), ...dropped, ...part };
      await enqueue(
        folder,
        { id, index },
        { path: '/v1/telemetry/events', firstSentAt: null, count: part.events.length, body },
        clock(),
      );
    }
    await removeFile(path);
    if (counts !== null) await removeFile(taken);
  }
}

interface Batch {
  readonly app_version: string;
  readonly version_code: number;
  readonly consent: boolean;
  readonly events: Pick<Logged, 'type' | 'at' | 'data'>[];
}

/** Neighbours of the same version and consent, up to the server's limit. */
function batchesOf(events: readonly Logged[]): Batch[] {
  const batches: Batch[] = [];
  for (const { app_version, version_code, consent, ...event } of events) {
    const last = batches.at(-1);
    const fits = last !== undefined && last.version_code === version_code && last.app_version === app_version;
    if (fits && last.consent === consent && last.events.length < MAX_BATCH_EVENTS) last.events.push(event);
    else batches.push({ app_version, version_code, consent, events: [event] });
  }
  return batches;
}

/** A UUID (version 8: of our own making) that the same sealed file and place always get. */
function batchId(sealId: string, index: number): string {
  const hex = createHash('sha256').update(`${sealId}/${index}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The events of a log; a last line that a power cut left half written is not one. */
function parseEvents(text: string): Logged[] {
  const events: Logged[] = [];
  for (const line of text.split('\n')) {
    const event = Logged.safeParse(parseJson(line));
    if (event.success) events.push(event.data);
  }
  return events;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The same id is queued once. Files sort by the time they were queued, then by `index`. */
async function enqueue(
  folder: string,
  { id, index }: { id: string; index: number },
  queued: Queued,
  now: Date,
): Promise<void> {
  const earlier = (await waitingReports(folder)).find((name) => name.includes(id));
  const place = `${String(now.getTime()).padStart(15, '0')}-${String(index).padStart(6, '0')}`;
  const name = earlier ?? `${place}-${id}.report.json`;
  await replaceFile(join(folder, name), JSON.stringify(queued), 0o600);
}

async function waitingReports(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter((name) => name.endsWith('.report.json')).sort();
}

async function dropOverflow(folder: string): Promise<number> {
  const names = await waitingReports(folder);
  let dropped = 0;
  for (const name of names.slice(0, Math.max(0, names.length - MAX_QUEUED_BATCHES))) {
    dropped += await dropReport(folder, name, await readQueued(join(folder, name)), 'queue_full');
  }
  return dropped;
}

/**
 * Counts a report as dropped, with what it was to tell of earlier drops, then removes it. A kill in between leaves the
 * report named in the counts, and the next flush removes it uncounted. A file that cannot be read belongs to no app.
 */
async function dropReport(folder: string, name: string, queued: Queued | null, reason: DropReason): Promise<number> {
  const app = queued?.body.app_id;
  if (queued !== null && typeof app === 'string') {
    const counts = { ...(await readDropped(folder, app))?.counts };
    const told = Dropped.shape.counts.safeParse(queued.body.dropped);
    for (const [why, count] of [[reason, queued.count] as const, ...Object.entries(told.success ? told.data : {})])
      counts[why] = Math.min(MAX_DROPPED, (counts[why] ?? 0) + count);
    const next: Dropped = { counts, last: name };
    await replaceFile(join(folder, `${app}${DROPPED_SUFFIX}`), JSON.stringify(next), 0o600);
  }
  await removeFile(join(folder, name));
  return queued?.count ?? 1;
}

/** Removes what an interrupted run had counted as dropped, or had handed on, and not yet removed. */
async function finishDrops(folder: string): Promise<void> {
  const names = await namesIn(folder);
  for (const name of names) {
    if (name.endsWith(TAKEN_SUFFIX) && !names.includes(`${name.slice(0, -TAKEN_SUFFIX.length)}${SEALED_SUFFIX}`))
      await removeFile(join(folder, name));
    if (!name.endsWith(DROPPED_SUFFIX)) continue;
    const dropped = await readDroppedFile(join(folder, name));
    if (dropped !== null && names.includes(dropped.last)) await removeFile(join(folder, dropped.last));
  }
}

function readDropped(folder: string, packageId: string): Promise<Dropped | null> {
  return readDroppedFile(join(folder, `${packageId}${DROPPED_SUFFIX}`));
}

async function readDroppedFile(path: string): Promise<Dropped | null> {
  const bytes = await readIfThere(path);
  const dropped = Dropped.safeParse(bytes === null ? undefined : parseJson(bytes.toString('utf8')));
  return dropped.success ? dropped.data : null;
}

async function readQueued(path: string): Promise<Queued | null> {
  const bytes = await readIfThere(path);
  const queued = Queued.safeParse(bytes === null ? undefined : parseJson(bytes.toString('utf8')));
  return queued.success ? queued.data : null;
}

async function sendAll(folder: string, network: Network, overflow: number): Promise<FlushResult> {
  const names = await waitingReports(folder);
  let sent = 0;
  let dropped = overflow;
  let waiting = names.length;
  for (const name of names) {
    const path = join(folder, name);
    const queued = await readQueued(path);
    const outcome =
      queued === null ? ({ kind: 'dropped', reason: 'refused' } as const) : await sendOne(path, queued, network);
    if (outcome.kind === 'later')
      return { sent, dropped, waiting, retryAfterMs: outcome.waitMs, problem: outcome.problem };
    waiting -= 1;
    if (outcome.kind === 'dropped') {
      dropped += await dropReport(folder, name, queued, outcome.reason);
      continue;
    }
    sent += 1;
    await removeFile(path);
  }
  return { sent, dropped, waiting, retryAfterMs: null, problem: null };
}

type SendOutcome =
  | { readonly kind: 'sent' }
  | { readonly kind: 'dropped'; readonly reason: DropReason }
  | { readonly kind: 'later'; readonly waitMs: number | null; readonly problem: string };

async function sendOne(path: string, queued: Queued, network: Network): Promise<SendOutcome> {
  const now = network.clock();
  if (queued.firstSentAt !== null && now.getTime() - Date.parse(queued.firstSentAt) > MAX_RESEND_MS)
    return { kind: 'dropped', reason: 'too_old' };
  // Noted before the first try: the server may have the batch although its answer never comes.
  if (queued.firstSentAt === null)
    await replaceFile(path, JSON.stringify({ ...queued, firstSentAt: now.toISOString() }), 0o600);
  let response: Response;
  try {
    const body = JSON.stringify({ ...queued.body, sent_at: now.toISOString() });
    const headers = { 'content-type': 'application/json' };
    response = await request(network, `${network.serverUrl}${queued.path}`, { method: 'POST', headers, body });
    await response.body?.cancel();
  } catch (error) {
    if (error instanceof DeviceError && error.code === 'NETWORK')
      return { kind: 'later', waitMs: null, problem: error.message };
    throw error;
  }
  if (response.status === 202) return { kind: 'sent' };
  if (asksToWait(response) || response.status >= 500) {
    const problem = `The server answered ${response.status}.`;
    return { kind: 'later', waitMs: retryAfterMs(response, now), problem };
  }
  // Whatever else it says, it would say again.
  return { kind: 'dropped', reason: 'refused' };
}
