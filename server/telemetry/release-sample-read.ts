/**
 * Owns the reading of a sample of an app's devices from the raw rows of a few months: which crashed on which of two versions.
 * It writes nothing, knows no aggregates, and is bounded however many rows there are. All of it is synchronous: it runs in a
 * thread of its own (release-sample.ts).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { keyOfEventType } from './events-schema.ts';
import { monthAfter, monthOf } from './store.ts';

/** A version as telemetry knows it: a name is not unique, and the code is not always told. */
export interface SampledVersion {
  readonly name: string;
  readonly code: number;
}

export interface ReleaseQuestion {
  /** The app's id in the core database. */
  readonly app: string;
  readonly newer: SampledVersion;
  readonly previous: SampledVersion;
  /** Milliseconds since 1970, both by the server's clock. */
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** Devices of one network that count in an arm. */
  readonly maxDevicesPerNetwork: number;
  /** Where in the space of device hashes the sample begins: 16 bytes. */
  readonly from: Uint8Array;
  readonly budget: ReleaseBudget;
}

/** What one sample reads at most. */
export interface ReleaseBudget {
  readonly batches: number;
  readonly events: number;
  /** Of one device in one month: a device that sends without end does not use the sample up. */
  readonly batchesPerDevice: number;
}

/** Counted devices of one network. */
export interface SampledNetwork {
  readonly devices: number;
  readonly crashed: number;
}

/** Devices seen before the release, by network; a device may be in more than one arm. */
export interface ReleaseSample {
  /** On the new version since the release. */
  readonly newer: readonly SampledNetwork[];
  /** On the previous version, for as long before the release as has passed since. */
  readonly before: readonly SampledNetwork[];
  /** On the previous version since the release. */
  readonly beside: readonly SampledNetwork[];
  /** Devices looked at, of whatever version. */
  readonly devices: number;
  readonly batches: number;
  /** Every device of the app was looked at. */
  readonly whole: boolean;
}

interface BatchFacts {
  readonly version: number;
  readonly code: number | null;
  readonly receivedAt: number;
  readonly first: number;
  readonly count: number;
  readonly network: number;
}

type MonthFile = NonNullable<ReturnType<typeof openMonth>>;
type ArmName = 'newer' | 'before' | 'beside';
const ARMS: readonly ArmName[] = ['newer', 'before', 'beside'];
const CRASH = keyOfEventType('app_crash');

/**
 * Reads devices in the order of their hashes, from a point on and round, until all or the budget are used up: hashes are
 * uniform, so that is a random sample. A month that is not there is one without rows.
 */
export function readReleaseSample(dir: string, question: ReleaseQuestion): ReleaseSample {
  const files: MonthFile[] = [];
  try {
    for (const month of monthsOf(question)) {
      const file = openMonth(join(dir, `${month}.db`), question);
      if (file !== null) files.push(file);
    }
    return sampleOf(files, question);
  } finally {
    for (const { close } of files) close();
  }
}

/** From the month before the release, whose devices were seen before, to this one. */
function monthsOf({ startedAtMs, nowMs }: ReleaseQuestion): string[] {
  const months: string[] = [];
  const last = monthOf(nowMs);
  for (let month = monthAfter(monthOf(startedAtMs), -1); month <= last; month = monthAfter(month, 1))
    months.push(month);
  return months;
}

function sampleOf(files: readonly MonthFile[], question: ReleaseQuestion): ReleaseSample {
  const left = { batches: question.budget.batches, events: question.budget.events };
  const tallies = { newer: tally(), before: tally(), beside: tally() };
  let devices = 0;
  for (const device of devicesFrom(files, Buffer.from(question.from))) {
    if (left.batches <= 0 || left.events <= 0) return { ...sampleFrom(tallies, question, left), devices, whole: false };
    devices += 1;
    const found = lookAt(files, device, question, left);
    for (const arm of ARMS) tallies[arm].add(found[arm], question.maxDevicesPerNetwork);
  }
  return { ...sampleFrom(tallies, question, left), devices, whole: true };
}

type Tallies = Readonly<Record<ArmName, ReturnType<typeof tally>>>;
type Left = { batches: number; events: number };

function sampleFrom({ newer, before, beside }: Tallies, { budget }: ReleaseQuestion, left: Left) {
  return {
    newer: newer.networks(),
    before: before.networks(),
    beside: beside.networks(),
    batches: budget.batches - left.batches,
  };
}

/** One arm: the first few devices of each network count, which are random ones, for the hash is keyed. */
function tally() {
  const byNetwork = new Map<number, { devices: number; crashed: number }>();
  return {
    add(found: Sighting | null, maxPerNetwork: number): void {
      if (found === null) return;
      const network = byNetwork.get(found.network) ?? { devices: 0, crashed: 0 };
      if (network.devices >= maxPerNetwork) return;
      network.devices += 1;
      if (found.crashed) network.crashed += 1;
      byNetwork.set(found.network, network);
    },
    networks: (): SampledNetwork[] => [...byNetwork.values()],
  };
}

/** A device in an arm: the network that it was first seen from there, and whether it crashed. */
interface Sighting {
  readonly atMs: number;
  readonly network: number;
  readonly crashed: boolean;
}
type Sightings = Record<ArmName, Sighting | null>;

/** What one device did. One that was not seen before the release is in no arm: anybody can make such devices up. */
function lookAt(files: readonly MonthFile[], device: Buffer, question: ReleaseQuestion, left: Left): Sightings {
  const found: Sightings = { newer: null, before: null, beside: null };
  let seenBefore = false;
  for (const file of files) {
    const batches = file.batchesOf(device, question.budget.batchesPerDevice);
    left.batches -= batches.length + 1;
    for (const batch of batches) {
      if (batch.receivedAt < question.startedAtMs) seenBefore = true;
      const arm = armOf(batch, file, question);
      if (arm === null) continue;
      const known = found[arm];
      const earlier = known === null || batch.receivedAt < known.atMs;
      let crashed = known?.crashed ?? false;
      if (!crashed) {
        left.events -= batch.count;
        crashed = file.hasCrash(batch);
      }
      found[arm] = { ...(earlier ? { atMs: batch.receivedAt, network: batch.network } : known), crashed };
    }
  }
  return seenBefore ? found : { newer: null, before: null, beside: null };
}

function armOf(batch: BatchFacts, file: MonthFile, { startedAtMs, nowMs }: ReleaseQuestion): ArmName | null {
  const at = batch.receivedAt;
  if (at > nowMs) return null;
  if (file.isNewer(batch)) return at >= startedAtMs ? 'newer' : null;
  if (!file.isPrevious(batch) || at < startedAtMs - (nowMs - startedAtMs)) return null;
  return at < startedAtMs ? 'before' : 'beside';
}

/** Every device of the app once, in the order of the hashes from a point on, and then those up to it. */
function* devicesFrom(files: readonly MonthFile[], from: Buffer): Generator<Buffer> {
  yield* devicesBetween(files, from, null);
  yield* devicesBetween(files, Buffer.alloc(0), from);
}

function* devicesBetween(files: readonly MonthFile[], after: Buffer, upTo: Buffer | null): Generator<Buffer> {
  const next = files.map((file) => file.deviceAfter(after));
  while (true) {
    let least: Buffer | null = null;
    for (const device of next) if (device !== null && (least === null || device.compare(least) < 0)) least = device;
    if (least === null || (upTo !== null && least.compare(upTo) > 0)) return;
    yield least;
    for (const [index, file] of files.entries())
      if (next[index]?.equals(least) === true) next[index] = file.deviceAfter(least);
  }
}

/** Opens a month's file for reading; null where it is not there or has nothing of the app. */
function openMonth(path: string, { app, newer, previous }: ReleaseQuestion) {
  if (!existsSync(path)) return null;
  const db = new Database(path, { readonly: true, timeout: 5_000 });
  const key = db.prepare<[string], { id: number }>('SELECT id FROM apps WHERE app = ?').get(app)?.id;
  if (key === undefined) {
    db.close();
    return null;
  }
  const version = db.prepare<[number, string], { id: number }>('SELECT id FROM versions WHERE app = ? AND name = ?');
  const [newerId, previousId] = [version.get(key, newer.name)?.id, version.get(key, previous.name)?.id];
  const after = db.prepare<[number, Buffer], { device: Buffer | null }>(
    'SELECT min(device) AS device FROM batches WHERE app = ? AND device > ?',
  );
  const batches = db.prepare<[number, Buffer, number], BatchFacts>(
    `SELECT version, version_code AS code, received_at AS receivedAt, first_event AS first, event_count AS count,
       ${hasNetwork(db) ? 'network' : '0'} AS network
     FROM batches WHERE app = ? AND device = ? LIMIT ?`,
  );
  const crash = db.prepare<[number, number, number], { id: number }>(
    'SELECT id FROM events WHERE id BETWEEN ? AND ? AND type = ? LIMIT 1',
  );
  const sameName = newer.name === previous.name;
  const is =
    (id: number | undefined, { code }: SampledVersion) =>
    (batch: BatchFacts): boolean =>
      batch.version === id && (batch.code === code || (batch.code === null && !sameName));
  return {
    deviceAfter: (device: Buffer): Buffer | null => after.get(key, device)?.device ?? null,
    batchesOf: (device: Buffer, limit: number): BatchFacts[] => batches.all(key, device, limit),
    hasCrash: ({ first, count }: BatchFacts): boolean => crash.get(first, first + count - 1, CRASH) !== undefined,
    isNewer: is(newerId, newer),
    isPrevious: is(previousId, previous),
    close: (): void => {
      db.close();
    },
  };
}

/** A file that nothing was written to since an earlier release lacks the column. */
function hasNetwork(db: Database.Database): boolean {
  const found = db
    .prepare<[], { n: number }>(`SELECT count(*) AS n FROM pragma_table_info('batches') WHERE name = 'network'`)
    .get();
  return found?.n === 1;
}
