/**
 * Owns one simulated device in one round: the real client of device/ over real sockets, the events that its apps report, and a
 * ledger of what it saw. A round may be killed at any instant and is then run again; it judges nothing.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { createDevice, type Device } from '../device/device.ts';
import { DeviceError } from '../device/errors.ts';
import {
  type AppId,
  appsOf,
  chanceOf,
  type LedgerLine,
  NOTES,
  pathsOf,
  type Round,
  type Traits,
  traitsOf,
  type WorkerOrder,
} from './fleet-plan.ts';

/** Tries of one device in one round; past it something is wrong that no try mends. */
const MAX_TRIES = 200;
/** Failures of a link or of a busy or restarting server: the next try is the scheduler's. */
const PASSING = ['NETWORK', 'RATE_LIMITED', 'PROTOCOL'];

/** Takes a device through a round, over however many broken links. Throws when it cannot be done. */
export async function runDevice(order: WorkerOrder, number: number): Promise<void> {
  const traits = traitsOf(order.seed, number);
  const paths = pathsOf(order.folder, number);
  mkdirSync(paths.home, { recursive: true });
  const note = (line: LedgerLine) => appendFileSync(paths.ledger, `${JSON.stringify(line)}\n`);
  const lines = readLedger(paths.ledger);
  if (lines.some((line) => line.kind === 'round' && line.index === order.round.index)) return;
  settle(paths.root, lines, note);
  const problems: string[] = [];
  for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
    try {
      await attempt({ order, traits, device: deviceOf(order, traits, note), note, paths });
      note({ kind: 'round', index: order.round.index, tries });
      return;
    } catch (error) {
      if (!(error instanceof DeviceError) || !PASSING.includes(error.code)) throw named(number, order.round, error);
      problems.push(`${error.code} ${error.message}`);
    }
    await delay(Math.min(300, 5 + 10 * tries) * Math.random());
  }
  throw new Error(`Device ${number} gave up in ${order.round.name}: ${problems.slice(-3).join(' | ')}`);
}

function named(number: number, { name }: Round, error: unknown): Error {
  const text = error instanceof DeviceError ? `${error.code} ${error.message}` : String(error);
  return new Error(`Device ${number} in ${name}: ${text}`, { cause: error });
}

/** The whole lines of a ledger; a kill may have left half of one. */
export function readLedger(path: string): LedgerLine[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  if (!text.endsWith('\n')) appendFileSync(path, '\n');
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as LedgerLine];
    } catch {
      return [];
    }
  });
}

/** An event that was being tracked when the process died is on disk or not: its marker tells. */
function settle(root: string, lines: LedgerLine[], note: (line: LedgerLine) => void): void {
  const rotted = lines.find((line) => line.kind === 'rotted');
  if (rotted !== undefined) rotFile(join(root, 'state', 'telemetry'), rotted.file);
  const tracked = new Set(lines.flatMap((line) => (line.kind === 'tracked' ? [line.marker] : [])));
  const open = lines.flatMap((line) => (line.kind === 'intent' && !tracked.has(line.marker) ? [line.marker] : []));
  if (open.length === 0) return;
  const folder = join(root, 'state', 'telemetry');
  const names = existsSync(folder)
    ? readdirSync(folder).filter((name) => /\.jsonl?$|\.json$/.test(name) && !name.startsWith('.'))
    : [];
  const kept = names.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
  for (const marker of open) if (kept.includes(`"${marker}"`)) note({ kind: 'tracked', marker });
}

function deviceOf({ serverUrl, folder }: WorkerOrder, traits: Traits, note: (line: LedgerLine) => void): Device {
  const { number, skewMs, mosisVersion, address } = traits;
  return createDevice({
    root: pathsOf(folder, number).root,
    serverUrl,
    mosisVersion,
    clock: () => new Date(Date.now() + skewMs),
    // Patience costs a simulated device no time.
    sleep: (ms) => delay(Math.min(ms, 20)),
    fetch: (input, init) => fetchAs(address, note, input, init),
  });
}

async function fetchAs(
  address: string,
  note: (line: LedgerLine) => void,
  ...[input, init]: Parameters<typeof fetch>
): Promise<Response> {
  const headers = new Headers(init?.headers);
  headers.set('x-forwarded-for', address);
  if (String(input).includes('/v1/telemetry/')) note(batchOf(await textOf(init?.body, headers)));
  const [, app, code] = /\/v1\/packages\/([^/]+)\/(\d+)\//.exec(String(input)) ?? [];
  const isDownload = app !== undefined && (init?.method ?? 'GET') === 'GET';
  if (isDownload) note({ kind: 'asked', app, code: Number(code) });
  const response = await fetch(input, { ...init, headers });
  if (isDownload && (response.status === 200 || response.status === 206)) {
    const way = response.headers.get('content-encoding') === 'dcz' ? 'delta' : 'whole';
    note({ kind: 'bytes', app, code: Number(code), way, bytes: Number(response.headers.get('content-length')) });
  }
  return response;
}

/** A report as it was before the client packed it. */
async function textOf(body: RequestInit['body'], headers: Headers): Promise<string> {
  const bytes = Buffer.from(await new Response(body).arrayBuffer());
  return (headers.get('content-encoding') === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8');
}

/** What a report on the wire has in it. */
function batchOf(text: string): LedgerLine {
  const body = JSON.parse(text) as {
    batch_id?: string;
    report_id?: string;
    app_id: string;
    events?: { type: string }[];
    dropped?: Record<string, number>;
  };
  const types: Record<string, number> = {};
  for (const { type } of body.events ?? [{ type: 'app_crash' }]) types[type] = (types[type] ?? 0) + 1;
  const dropped = Object.values(body.dropped ?? {}).reduce((sum, count) => sum + count, 0);
  // The server keeps a crash under a hash of its id, so that it is no batch's.
  const hash = createHash('sha256').update(`crash\n${body.report_id}`).digest('hex').slice(0, 32);
  return { kind: 'batch', id: body.batch_id?.replaceAll('-', '') ?? hash, app: body.app_id, types, dropped };
}

interface Attempt {
  readonly order: WorkerOrder;
  readonly traits: Traits;
  readonly device: Device;
  readonly note: (line: LedgerLine) => void;
  readonly paths: ReturnType<typeof pathsOf>;
}

async function attempt(context: Attempt): Promise<void> {
  const { order, traits, device, paths } = context;
  const { round } = order;
  await device.recover();
  if (!existsSync(join(paths.root, 'state', 'trust', 'root.json')))
    await device.provisionFromFile(readFileSync(order.rootFile, 'utf8'));
  if (traits.isLost) return await expectRefusal(context);
  if (round.kind === 'refresh') {
    await device.refresh();
    return;
  }
  if (round.kind === 'update') await updateAll(device);
  else {
    const has = new Set((await device.list()).map(({ packageId }) => packageId));
    for (const app of appsOf(traits)) {
      if (!has.has(app)) await device.install(app, { track: app === NOTES ? traits.track : 'stable' });
    }
  }
  for (const app of appsOf(traits)) await runApp(context, app);
  if (round.rot && traits.rots) await rot(context);
  await sendAll(device);
}

/** A device that does not know what day it is must refuse, and say why. */
async function expectRefusal({ device, note }: Attempt): Promise<void> {
  try {
    await device.install(NOTES);
    note({ kind: 'refused', code: 'INSTALLED' });
  } catch (error) {
    if (!(error instanceof DeviceError) || PASSING.includes(error.code)) throw error;
    note({ kind: 'refused', code: error.code });
  }
}

async function updateAll(device: Device): Promise<void> {
  for (const outcome of (await device.updateAll()).outcomes) {
    if (outcome.kind === 'failed') throw outcome.error;
    if (outcome.kind === 'waiting') throw new Error(`An update waits: ${JSON.stringify(outcome.failure)}`);
  }
}

/** The installed version runs for a while: it writes its data and reports. Each event is tracked once, whatever is killed. */
async function runApp({ order, traits, device, note, paths }: Attempt, app: AppId): Promise<void> {
  const { index } = order.round;
  const lines = readLedger(paths.ledger);
  const file = join(paths.root, 'apps', app, 'data', 'note.txt');
  const installed = (await device.list()).find(({ packageId }) => packageId === app);
  if (!lines.some((line) => line.kind === 'data' && line.round === index && line.app === app))
    note({ kind: 'data', round: index, app, text: existsSync(file) ? readFileSync(file, 'utf8') : '' });
  writeFileSync(file, String(installed?.versionCode));
  const tracked = new Set(lines.flatMap((line) => (line.kind === 'tracked' ? [line.marker] : [])));
  const once = async (type: string, track: (marker: string) => Promise<unknown>): Promise<void> => {
    const marker = `d${traits.number}-r${index}-${app}-${type}`;
    if (tracked.has(marker)) return;
    note({ kind: 'intent', app, type, marker });
    if ((await track(marker)) !== false) note({ kind: 'tracked', marker });
  };
  const { reporter } = device;
  await once('lua_errors', (message) =>
    reporter.track(app, { type: 'lua_errors', data: { count: 1, message }, consent: traits.consent }),
  );
  await once('screen_view', (screen) =>
    reporter.track(app, { type: 'screen_view', data: { screen }, consent: traits.consent }),
  );
  if (chanceOf(order.seed, traits.number, index, app, 'crash') < 0.1)
    await once('app_crash', (message) =>
      reporter.crash(app, { crash_type: 'lua_error', message, stack_trace: 'main.lua:1: in main chunk' }),
    );
}

/** Bits rot in a report that waits: what was in it can only be counted. */
async function rot({ order, device, note, paths }: Attempt): Promise<void> {
  if (readLedger(paths.ledger).some((line) => line.kind === 'rotted')) return;
  // Without a network the events become reports and stay.
  const offline = createDevice({
    root: paths.root,
    serverUrl: order.serverUrl,
    clock: () => new Date(),
    fetch: () => Promise.reject(new TypeError('no network')),
  });
  await offline.reporter.flush({ urgent: true });
  const folder = join(paths.root, 'state', 'telemetry');
  const file = readdirSync(folder)
    .filter((name) => name.endsWith('.report.json'))
    .sort()
    .at(-1);
  if (file === undefined) throw new Error('Nothing waits that could rot.');
  const report = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { firstSentAt: string | null; body: unknown };
  const body = JSON.stringify(report.body);
  const markers = [...body.matchAll(/"(d\d+-r\d+-[a-z.]+-[a-z_]+)"/g)].map((match) => match[1] ?? '');
  const line = batchOf(body);
  if (line.kind !== 'batch' || line.dropped > 0) throw new Error('What rots tells of no drops.');
  const events = Object.values(line.types).reduce((sum, count) => sum + count, 0);
  const moves = (line.types.app_install ?? 0) + (line.types.app_update ?? 0);
  note({ kind: 'rotted', app: line.app, file, markers, events, moves });
  rotFile(folder, file);
  void device;
}

function rotFile(folder: string, file: string): void {
  const path = join(folder, file);
  if (existsSync(path)) writeFileSync(path, '\0\0\0\0');
}

/** Sends until nothing waits. The device's own patience would take minutes; what the server asks is kept. */
async function sendAll(device: Device): Promise<void> {
  const { waiting, problem, retryAfterMs } = await device.reporter.flush({ urgent: true });
  if (waiting === 0) return;
  await delay(Math.min(retryAfterMs ?? 0, 50));
  throw new DeviceError('NETWORK', problem ?? 'Reports wait.');
}
