/** Owns telemetry at the device: events queued on disk, sent in batches when there is a network, crash reports. It decides no consent. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DeviceError } from './errors.ts';
import type { Network } from './http.ts';
import { type InstalledApp, type Storage, withLock } from './storage.ts';
import { type FlushResult, sendAll } from './telemetry/courier.ts';
import { type LoggedEvent, QUEUE_LIMITS, uuidOf } from './telemetry/layout.ts';
import { appendEvent, finishSeals, logBytes, sealAll, sealOne } from './telemetry/log.ts';
import { countLosses, finishLosses } from './telemetry/losses.ts';
import { createPatience } from './telemetry/patience.ts';
import { enqueue, makeRoom, waitingReports } from './telemetry/queue.ts';

/** Events that say what a person did: without consent they are not even written down (docs/DEVICE_PROTOCOL.md §7). */
const USAGE_TYPES: readonly string[] = ['screen_view', 'button_click'];
/** What the server takes of a crash's texts; the rest is cut off, or it would refuse the report. */
const MAX_MESSAGE = 4_096;
const MAX_STACK = 32_768;
const MAX_SCREEN = 200;
/** How long the queue may be held by another process, which does no more than a few writes meanwhile. */
const MAX_LOCK_WAIT_MS = 30_000;

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

export interface OnceEvent {
  readonly type: string;
  /** When it happened, by this device's clock. */
  readonly at: string;
  /** What tells this very event from every other of this device. */
  readonly key: string;
}

export interface FlushOptions {
  /** A person asks, or an update failed: the device's own wait after a failure does not count, what the server asked does. */
  readonly urgent?: boolean;
}

export interface Reporter {
  /**
   * Queues one event of an installed app; on disk when it returns. False for a usage event without consent, and for one over
   * 16 KiB, which is counted as refused.
   */
  track(packageId: string, event: TrackedEvent): Promise<boolean>;
  /**
   * Queues an event in a batch of its own, whose id follows from `key` and this device: however often it is repeated, within seven
   * days it counts once.
   */
  trackOnce(packageId: string, event: OnceEvent): Promise<void>;
  /** Queues a crash report of an installed app; needs no consent. */
  crash(packageId: string, crash: Crash): Promise<void>;
  /** Seals open events into batches and sends what waits, unless it is too early. Never throws for the network: the queue keeps. */
  flush(options?: FlushOptions): Promise<FlushResult>;
}

export interface ReporterOptions {
  readonly storage: Storage;
  readonly network: Network;
  readonly mosisVersion: string;
  /** Called before each step that a kill could come before; for tests. */
  readonly onStep?: (step: string) => void;
}

/** The reporter of one device. Any number of processes may use it at once; one of them sends at a time. */
export function createReporter(options: ReporterOptions): Reporter {
  const { storage, network, mosisVersion, onStep = () => undefined } = options;
  const folder = storage.folders.telemetry;
  const appFields = async (packageId: string) => ({
    app_id: packageId,
    mosis_version: mosisVersion,
    device_id: await storage.deviceIdFor(packageId),
  });
  const sealing = { folder, appFields, onStep };
  const patience = createPatience(folder);
  const inTurn = createTurns();
  const locked = <T>(work: () => Promise<T>) =>
    inTurn(() => patiently(() => withLock(join(storage.folders.state, 'telemetry.lock'), work)));
  const oneAtATime = createTurns();
  /** Carries through what a kill interrupted; before anything is dropped or sent. */
  const tidy = async () => {
    await finishLosses(folder);
    await finishSeals(sealing);
  };

  const sealAndSend = async ({ urgent = false }: FlushOptions): Promise<FlushResult> => {
    const dropped = await locked(async () => {
      await tidy();
      await sealAll(sealing);
      return await makeRoom(folder);
    });
    const retryAfterMs = await patience.remainingMs(network.clock(), urgent);
    if (retryAfterMs === 0) return await sendAll({ folder, network, patience, locked, onStep }, dropped);
    const waiting = (await waitingReports(folder)).length;
    if (waiting === 0) return { sent: 0, dropped, waiting, retryAfterMs: null, problem: null, knownIssues: [] };
    const problem = 'The last try failed, and the next one is not due.';
    return { sent: 0, dropped, waiting, retryAfterMs, problem, knownIssues: [] };
  };

  return {
    async track(packageId, { type, data, consent }) {
      const app = await requireInstalled(storage, packageId);
      if (!consent && USAGE_TYPES.includes(type)) return false;
      const at = network.clock().toISOString();
      const version = { app_version: app.versionName, version_code: app.versionCode };
      const event: LoggedEvent = { type, at, ...(data === undefined ? {} : { data }), ...version, consent };
      const line = JSON.stringify(event);
      return await locked(async () => {
        if (Buffer.byteLength(line) > QUEUE_LIMITS.maxEventBytes) {
          await countLosses(folder, packageId, { refused: 1 }, '');
          return false;
        }
        if ((await logBytes(folder, packageId)) + line.length > QUEUE_LIMITS.maxOpenBytes) {
          await tidy();
          await sealOne(sealing, packageId);
          await makeRoom(folder);
        }
        onStep('append');
        await appendEvent(folder, packageId, line);
        onStep('appended');
        return true;
      });
    },
    async trackOnce(packageId, { type, at, key }) {
      const app = await requireInstalled(storage, packageId);
      const fields = await appFields(packageId);
      const id = uuidOf(`${fields.device_id}/${key}`);
      const version = { app_version: app.versionName, version_code: app.versionCode };
      const body = { batch_id: id, ...fields, ...version, consent: false, events: [{ type, at }] };
      await locked(async () => {
        await tidy();
        if ((await waitingReports(folder)).some((each) => each.id === id)) return;
        await makeRoom(folder, 1);
        await enqueue(folder, { id, packageId, count: 1 }, { path: '/v1/telemetry/events', firstSentAt: null, body });
      });
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
        ...shortened(crash),
      };
      await locked(async () => {
        await tidy();
        await makeRoom(folder, 1);
        await enqueue(folder, { id, packageId, count: 1 }, { path: '/v1/telemetry/crash', firstSentAt: null, body });
      });
    },
    flush: (flushOptions = {}) =>
      oneAtATime(async () => {
        try {
          return await withLock(join(storage.folders.state, 'sending.lock'), () => sealAndSend(flushOptions));
        } catch (error) {
          if (!(error instanceof DeviceError) || error.code !== 'DEVICE_BUSY') throw error;
          const waiting = (await waitingReports(folder)).length;
          return { sent: 0, dropped: 0, waiting, retryAfterMs: null, problem: error.message, knownIssues: [] };
        }
      }),
  };
}

async function requireInstalled(storage: Storage, packageId: string): Promise<InstalledApp> {
  const installed = await storage.readInstalled();
  const app = Object.hasOwn(installed, packageId) ? installed[packageId] : undefined;
  if (app === undefined) throw new DeviceError('NOT_INSTALLED', `${packageId} is not installed on this device.`);
  return app;
}

function shortened({ message, stack_trace, context, ...crash }: Crash): Crash {
  const screen = context?.screen?.slice(0, MAX_SCREEN);
  return {
    ...crash,
    message: message.slice(0, MAX_MESSAGE),
    stack_trace: stack_trace.slice(0, MAX_STACK),
    ...(context === undefined ? {} : { context: { ...context, ...(screen === undefined ? {} : { screen }) } }),
  };
}

/** Runs what it is given one after the other, whatever became of the one before. */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next;
    return next;
  };
}

/** Tries again while another process holds the lock. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; ) {
    try {
      return await work();
    } catch (error) {
      const isBusy = error instanceof DeviceError && error.code === 'DEVICE_BUSY';
      if (!isBusy || waitedMs >= MAX_LOCK_WAIT_MS) throw error;
    }
    const ms = 2 + (waitedMs % 23);
    await delay(ms);
    waitedMs += ms;
  }
}
