/**
 * Owns telemetry as a feature: what devices send in, what developers read out, and the life of the files behind it. It
 * never writes the core database, and nothing here knows HTTP or GraphQL.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DomainError, notFound } from '../errors.ts';
import { addressKey, siteKey } from '../platform/address.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { type AggregateReader, openAggregateReader } from './aggregate-reader.ts';
import { dateOfDay } from './aggregates.ts';
import {
  type BatchOutside,
  type CrashBody,
  type IngestAnswer,
  type JudgedEvents,
  judgeEvents,
  packedCount,
  packedEvent,
  parseCrashBody,
  parseDeviceRequest,
  parseDeviceResult,
  parseEventsBody,
} from './bodies.ts';
import { parseJson } from './body.ts';
import { crashSignature } from './crash-signature.ts';
import {
  createDeviceRequests,
  createInlineJobs,
  type DeviceRequestJobs,
  type DeviceRequestResult,
} from './device-requests.ts';
import { createDisposal, type DroppedMonth } from './dropped-files.ts';
import { keyOfEventType } from './events-schema.ts';
import { DAY_MS, OTHER, TELEMETRY_LIMITS } from './limits.ts';
import { createLive } from './live.ts';
import { lossesOf } from './losses.ts';
import { networkHash } from './network.ts';
import type { TelemetryThrottles, Throttle } from './rates.ts';
import { createReadings } from './readings.ts';
import { type TelemetryRetention, telemetryRetentionSchema } from './retention-settings.ts';
import type { BatchRow } from './rows.ts';
import { scanBatch } from './scan.ts';
import { deviceHashes, type TelemetrySecrets } from './secret.ts';
import { monthOf } from './store.ts';
import { failuresOf, type UpdateFailure, type UpdateNote, withNotes } from './update-failures.ts';
import { createWriter } from './writer.ts';
import type { WriterReply } from './writer-thread.ts';

const MAINTENANCE_MS = 3_600_000;

/** An app that telemetry is taken for: one that was published at some time. */
export interface TelemetryApp {
  readonly id: string;
  /** The version names that were ever published; others are counted as `other`. Left out: any version is taken. */
  readonly versions?: ReadonlySet<string>;
}

export interface TelemetryOptions {
  /** `DATA_DIR/telemetry`. */
  readonly dir: string;
  readonly secrets: TelemetrySecrets;
  readonly clock: Clock;
  readonly log: Log;
  readonly throttles: TelemetryThrottles;
  readonly apps: { resolvePackage(packageId: string): TelemetryApp | null | Promise<TelemetryApp | null> };
  /** What a device is told of updates that failed; nothing when left out. */
  readonly updateNotes?: (appId: string, failures: readonly UpdateFailure[]) => Promise<readonly UpdateNote[]>;
  /** Writes down, for an admin to see, that a month of raw rows is given up; before it is gone, and again after a kill in between. */
  readonly noteDropped?: (dropped: DroppedMonth) => Promise<void>;
  /** The same for aggregates, once they are gone. */
  readonly noteTrimmed?: (trimmed: TrimmedAggregates) => Promise<void>;
  /** Runs device requests; without one they run here, one after the other, and go on after a restart. */
  readonly jobs?: DeviceRequestJobs;
  /** Default 1,000. */
  readonly flushIntervalMs?: number;
  /** How long what is stored is kept; asked at each maintenance. The setting's defaults when left out. */
  readonly retention?: () => Promise<TelemetryRetention>;
}

/** Aggregates that were removed: those of days before `before` (`YYYY-MM-DD`), and crash groups not seen since. */
export interface TrimmedAggregates {
  readonly before: string;
  readonly rows: number;
  readonly crashGroups: number;
}

export type Telemetry = ReturnType<typeof createTelemetry>;

/** Makes the feature; `start` opens its files, `stop` closes them with everything acknowledged in the aggregates. */
export function createTelemetry(options: TelemetryOptions) {
  const { dir, secrets, clock, log, throttles, apps } = options;
  const { flushIntervalMs = TELEMETRY_LIMITS.flushIntervalMs } = options;
  const writer = createWriter({ dir, log, flushIntervalMs });
  const live = createLive(clock.now);
  const inline = createInlineJobs(
    (requestId) => requests.run(requestId),
    (error) => log.error({ err: error }, 'a device request failed; it is tried again at the next start'),
  );
  const requests = createDeviceRequests({ dir: join(dir, 'requests'), clock, writer, jobs: options.jobs ?? inline });
  const disposal = createDisposal(dir, async (dropped) => {
    log.info(dropped, 'dropped raw telemetry');
    await options.noteDropped?.(dropped);
  });
  let reader: AggregateReader | null = null;
  let maintenance: NodeJS.Timeout | null = null;
  /** The day before which nothing is left; null until it was looked. */
  let trimmedBefore: number | null = null;

  return {
    start,
    stop,
    admit,
    admitDeviceRequest,
    ingestEvents,
    ingestBytes,
    ingestCrash,
    requestDeviceData,
    deviceRequestResult,
    /** The handler of DEVICE_REQUEST_JOB. */
    runDeviceRequest: requests.run,
    flush,
    maintain,
    rotateSecret,
    /** Resolves when the files of dropped months are gone. */
    disposed: disposal.run,
    /** Counts of an app as they come in (see `createLive`); the caller has checked access. */
    follow: live.follow,
    ...createReadings(() => reader),
  };

  /** Opens the files and replays what a kill left uncounted. Throws when the folder cannot be used. */
  async function start(): Promise<void> {
    await writer.start();
    reader = openAggregateReader(join(dir, 'aggregates.db'));
    await maintain();
    await requests.resume();
    maintenance = setInterval(() => {
      maintain().catch((error: unknown) => log.error({ err: error }, 'telemetry maintenance failed'));
    }, MAINTENANCE_MS);
    maintenance.unref();
  }

  /** Finishes what was taken in, then closes everything. */
  async function stop(): Promise<void> {
    if (maintenance !== null) clearInterval(maintenance);
    await inline.stop();
    await disposal.stop();
    await writer.stop();
    reader?.close();
    reader = null;
  }

  /** To be asked with the client's address before a body is read. Throws RATE_LIMITED. */
  function admit(address: string): void {
    take(throttles.address, addressKey(address));
    take(throttles.site, siteKey(address));
  }

  /** The same for device requests. Throws RATE_LIMITED. */
  function admitDeviceRequest(address: string): void {
    take(throttles.requestAddress, addressKey(address));
  }

  /**
   * Takes a batch in from a client address (empty where it is not known). Resolves, once it survives a power cut, with the answer as JSON (`IngestAnswer`); a repeat gets the
   * first answer. Throws VALIDATION, NOT_FOUND (an app never published), RATE_LIMITED, OVERLOADED; then nothing is kept.
   */
  async function ingestEvents(body: unknown, address = ''): Promise<string> {
    const batch = parseEventsBody(body);
    const receivedAtMs = clock.ms();
    return takeBatch(batch, judgeEvents(batch, receivedAtMs), receivedAtMs, address);
  }

  /** The same for a body that was not parsed. Throws also BAD_REQUEST for one that is not JSON. */
  async function ingestBytes(bytes: Buffer, address: string): Promise<string> {
    const receivedAtMs = clock.ms();
    const scanned = scanBatch(bytes, receivedAtMs);
    if (scanned === null) return ingestEvents(parseJson(bytes), address);
    const { batch, events } = scanned;
    return takeBatch(batch, { events, answer: { accepted: packedCount(events), rejected: [] } }, receivedAtMs, address);
  }

  async function takeBatch(
    batch: BatchOutside,
    { events, answer }: JudgedEvents,
    receivedAtMs: number,
    address: string,
  ): Promise<string> {
    const app = await resolve(batch.app_id);
    const devices = identify(app, batch.device_id);
    const batchId = Buffer.from(batch.batch_id.replaceAll('-', ''), 'hex');
    const versions = versionsOf(app, batch);
    const failures = failuresOf(events);
    const stored = await writer.write({
      ...versions,
      app: app.id,
      devices,
      network: networkHash(secrets.current(), app.id, address),
      batchId,
      receivedAtMs,
      events,
      answer: JSON.stringify(failures.length === 0 ? answer : await answerTo(app.id, failures, answer)),
      crash: null,
      losses: lossesOf(batch.dropped, answer.rejected),
    });
    live.report(app.id, {
      version: versions.version,
      events: packedCount(events),
      crashes: 0,
      device: firstOf(devices),
    });
    return stored;
  }

  /** With the notes on the updates that failed; stored with the batch, so that a repeat gets the same. */
  async function answerTo(
    appId: string,
    failures: readonly UpdateFailure[],
    answer: IngestAnswer,
  ): Promise<IngestAnswer> {
    return options.updateNotes === undefined ? answer : withNotes(answer, await options.updateNotes(appId, failures));
  }

  /** Takes a crash report in, like `ingestEvents`; the same report again (by `report_id`, else by content) counts once. */
  async function ingestCrash(body: unknown, address = ''): Promise<string> {
    const receivedAtMs = clock.ms();
    const report = parseCrashBody(body, receivedAtMs);
    const app = await resolve(report.app_id);
    const devices = identify(app, report.device_id);
    const { crash_type: crashType, message, stack_trace: stackTrace, atMs } = report;
    const answer: IngestAnswer = { accepted: 1, rejected: [] };
    const versions = versionsOf(app, report);
    const stored = await writer.write({
      ...versions,
      app: app.id,
      devices,
      network: networkHash(secrets.current(), app.id, address),
      batchId: reportId(report.report_id, report),
      receivedAtMs,
      events: packedEvent(keyOfEventType('app_crash'), atMs),
      answer: JSON.stringify(answer),
      crash: {
        ...crashSignature({ crashType, message, stackTrace, override: report.fingerprint }),
        crashType,
        message,
        stackTrace,
        context: report.context === undefined ? null : JSON.stringify(report.context),
      },
      losses: null,
    });
    live.report(app.id, { version: versions.version, events: 1, crashes: 1, device: firstOf(devices) });
    return stored;
  }

  /** Begins the export or erasure of a device's raw rows. Throws VALIDATION, NOT_FOUND, RATE_LIMITED. */
  async function requestDeviceData(body: unknown): Promise<{ readonly token: string }> {
    const request = parseDeviceRequest(body);
    const app = await resolve(request.package_id);
    const devices = deviceHashes(secrets.current(), app.id, request.device_id);
    take(throttles.requestDevice, hex(devices[0]));
    return requests.create(app.id, devices, request.action);
  }

  /** What came of a device request. Throws VALIDATION, and NOT_FOUND for an unknown token or an expired result. */
  function deviceRequestResult(body: unknown): DeviceRequestResult {
    return requests.result(parseDeviceResult(body).token);
  }

  /** Resolves when everything acknowledged so far is in what the queries see. */
  async function flush(): Promise<void> {
    const reply = await writer.request({ kind: 'flush' });
    if (reply.kind === 'failed') throw new Error(reply.message);
  }

  /**
   * Drops raw months and aggregates past retention, the secrets that only those months were under, and expired results. Runs
   * at start and hourly. The files themselves go meanwhile, and nothing waits for them.
   */
  async function maintain(): Promise<void> {
    requests.sweep();
    const nowMs = clock.ms();
    const { rawDays, aggregateDays } = (await options.retention?.()) ?? telemetryRetentionSchema.parse({});
    const reply = await writer.request({ kind: 'drop', nowMs, keepDays: rawDays });
    if (reply.kind === 'failed') throw new Error(reply.message);
    if (reply.kind !== 'dropped') return;
    await secrets.forget(new Date(`${reply.oldest ?? monthOf(nowMs)}-01T00:00:00Z`));
    disposal.run().catch((error: unknown) => log.error({ err: error }, 'a dropped month could not be removed'));
    if (aggregateDays !== null) await trimBefore(Math.floor(nowMs / DAY_MS) - aggregateDays);
  }

  /** Removes the aggregates of the days before one, piece by piece, and notes it; nothing where that was done before. */
  async function trimBefore(day: number): Promise<void> {
    if (trimmedBefore !== null && day <= trimmedBefore) return;
    let [rows, crashGroups] = [0, 0];
    for (let after: number | null = 0; after !== null; ) {
      const reply: WriterReply = await writer.request({ kind: 'trim', day, after });
      if (reply.kind !== 'trimmed') throw new Error(reply.kind === 'failed' ? reply.message : 'unexpected reply');
      rows += reply.trimmed.rows;
      crashGroups += reply.trimmed.crashGroups;
      after = reply.trimmed.next;
    }
    if (rows + crashGroups > 0) {
      const trimmed = { before: dateOfDay(day), rows, crashGroups };
      log.info(trimmed, 'removed aggregates of telemetry');
      await options.noteTrimmed?.(trimmed);
    }
    trimmedBefore = day;
  }

  /**
   * Hashes devices under a new secret from now on, so that they cannot be told to be the ones from before, but for the old
   * secrets, which go with the last month that used them. Answers how many are kept. Throws STATE_CONFLICT with too many.
   */
  async function rotateSecret(): Promise<number> {
    return (await secrets.rotate(clock.now())).keys.length;
  }

  async function resolve(packageId: string): Promise<TelemetryApp> {
    const app = await apps.resolvePackage(packageId);
    if (app === null) throw notFound(`An app ${packageId} in the store`);
    return app;
  }

  /** The device's hashes, after its own and then the app's limit. */
  function identify(app: TelemetryApp, deviceId: string): Uint8Array[] {
    const devices = deviceHashes(secrets.current(), app.id, deviceId);
    take(throttles.device, hex(devices[0]));
    take(throttles.app, app.id);
    return devices;
  }
}

function versionsOf(
  app: TelemetryApp,
  body: { readonly app_version: string; readonly version_code?: number | undefined; readonly mosis_version: string },
): Pick<BatchRow, 'version' | 'versionCode' | 'mosisVersion'> {
  const known = app.versions === undefined || app.versions.has(body.app_version);
  return {
    version: known ? body.app_version : OTHER,
    versionCode: body.version_code ?? null,
    mosisVersion: body.mosis_version,
  };
}

/**
 * 16 bytes; a report without an id of its own is known again by its content, but for the times that change from one
 * sending to the next. The prefix keeps it apart from batch ids.
 */
function reportId(id: string | undefined, report: CrashBody & { readonly atMs: number }): Uint8Array {
  const { sent_at: _sentAt, atMs: _atMs, ...content } = report;
  return createHash('sha256')
    .update(`crash\n${id ?? JSON.stringify(content)}`)
    .digest()
    .subarray(0, 16);
}

function firstOf(devices: readonly Uint8Array[]): Uint8Array {
  return devices[0] ?? new Uint8Array(0);
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}

function take(throttle: Throttle, key: string): void {
  const retryAfterSeconds = throttle.take(key);
  if (retryAfterSeconds === 0) return;
  throw new DomainError(
    'RATE_LIMITED',
    'Too many requests. Wait as long as Retry-After says, then send the same again.',
    { retryAfterSeconds },
  );
}
