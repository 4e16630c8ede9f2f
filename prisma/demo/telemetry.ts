/**
 * Owns a month in the life of simulated devices: who installs when, updates, uses and crashes. It gives the same events for
 * the same seed and time, and sends nothing.
 */
import { createHmac } from 'node:crypto';
import { type CrashReport, crashesOf } from './crashes.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MONTH_DAYS = 30;
const EVENTS_PER_BATCH = 400;

export interface TelemetryEvent {
  readonly type: string;
  readonly at: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** The body of one POST to `/v1/telemetry/events`. */
export interface Batch {
  readonly batch_id: string;
  readonly app_id: string;
  readonly app_version: string;
  readonly version_code: number;
  readonly mosis_version: string;
  readonly device_id: string;
  readonly consent: boolean;
  readonly sent_at: string;
  readonly events: readonly TelemetryEvent[];
}

/** When a version reached its first devices. */
export interface ReleaseDay {
  readonly version: string;
  readonly versionCode: number;
  readonly daysAgo: number;
}

/** How people use one app. */
export interface AppLife {
  readonly packageId: string;
  /** Oldest first. */
  readonly releases: readonly ReleaseDay[];
  readonly screens: readonly string[];
  readonly buttons: readonly string[];
  /** Sessions of a keen device on each day of the week, Sunday first. */
  readonly weekdays: readonly number[];
  /** Share of the devices that install it. */
  readonly reach: number;
}

export interface Month {
  readonly batches: readonly Batch[];
  readonly crashes: readonly CrashReport[];
}

/** A number in [0, 1) each time, always the same row for the same seed (mulberry32). */
export type Chance = () => number;

export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const MODELS = [
  { model: 'Mosis One', memory_mb: 4_096, screen_width: 1_080, screen_height: 2_400 },
  { model: 'Mosis One Lite', memory_mb: 2_048, screen_width: 720, screen_height: 1_600 },
  { model: 'Mosis Fold', memory_mb: 8_192, screen_width: 1_768, screen_height: 2_208 },
] as const;
const LOCALES = ['en', 'en', 'en', 'de', 'de', 'fr', 'es'] as const;
const MOSIS_VERSIONS = ['1.0.0', '1.1.0', '1.1.2'] as const;

interface Device {
  readonly secret: Buffer;
  readonly consent: boolean;
  readonly keenness: number;
  readonly mosisVersion: string;
  readonly info: Readonly<Record<string, unknown>>;
}

/** The last 30 days up to `now` of `devices` devices with these apps. */
export function simulateMonth(given: {
  readonly apps: readonly AppLife[];
  readonly devices: number;
  readonly now: Date;
  readonly seed: number;
  readonly newId: () => string;
}): Month {
  const chance = createChance(given.seed);
  const batches: Batch[] = [];
  const crashes: CrashReport[] = [];
  for (let index = 0; index < given.devices; index += 1) {
    const device = makeDevice(chance, given.seed, index);
    for (const app of given.apps) {
      if (chance() > app.reach) continue;
      const life = liveWith(device, app, { chance, nowMs: given.now.getTime(), newId: given.newId });
      batches.push(...life.batches);
      crashes.push(...life.crashes);
    }
  }
  return { batches, crashes };
}

function makeDevice(chance: Chance, seed: number, index: number): Device {
  const { model, ...hardware } = pick(chance, MODELS);
  return {
    secret: createHmac('sha256', `demo device of seed ${seed}`).update(String(index)).digest(),
    consent: chance() < 0.7,
    keenness: 0.25 + 0.75 * chance(),
    mosisVersion: pick(chance, MOSIS_VERSIONS),
    info: { model, os: 'Mosis', os_version: '1.1', locale: pick(chance, LOCALES), ...hardware },
  };
}

export function pick<Item>(chance: Chance, items: readonly Item[]): Item {
  const item = items[Math.floor(chance() * items.length)];
  if (item === undefined) throw new RangeError('There is nothing to pick from.');
  return item;
}

interface World {
  readonly chance: Chance;
  readonly nowMs: number;
  readonly newId: () => string;
}

function liveWith(device: Device, app: AppLife, { chance, nowMs, newId }: World): Month {
  const [first] = app.releases;
  if (first === undefined) return { batches: [], crashes: [] };
  // Most come early, and some come every day.
  const installedDaysAgo = Math.floor(MONTH_DAYS * (1 - chance() ** 1.6));
  const leavesDaysAgo = chance() < 0.12 ? Math.floor(installedDaysAgo * chance()) : -1;
  const updateLag = Math.floor(chance() * 5);
  const events = new Map<ReleaseDay, TelemetryEvent[]>();
  const crashes: CrashReport[] = [];
  const deviceId = createHmac('sha256', device.secret).update(app.packageId).digest('hex');
  let current: ReleaseDay | null = null;
  for (let daysAgo = installedDaysAgo; daysAgo >= 0; daysAgo -= 1) {
    const midnight = Math.floor((nowMs - daysAgo * DAY_MS) / DAY_MS) * DAY_MS;
    const wanted: ReleaseDay | null =
      current === null ? newestBy(app, daysAgo) : (newestBy(app, daysAgo + updateLag) ?? current);
    if (wanted === null) continue;
    const list = events.get(wanted) ?? [];
    events.set(wanted, list);
    const at = (hour: number): string | null => {
      const ms = Math.round(midnight + hour * HOUR_MS);
      return ms < nowMs ? new Date(ms).toISOString() : null;
    };
    arrive(list, { from: current, to: wanted, device, at, chance });
    current = wanted;
    if (daysAgo === leavesDaysAgo) {
      put(list, at(21), 'app_uninstall');
      break;
    }
    const sessions = Math.round((app.weekdays[new Date(midnight).getUTCDay()] ?? 0) * device.keenness * 2 * chance());
    for (let session = 0; session < sessions; session += 1) {
      const hour = 6 + 15 * Math.min(0.999, (chance() + chance()) / 2) + session * 0.1;
      const crash = crashesOf(app.packageId, current.version, chance);
      useOnce(list, { app, device, hour, at, chance, crashed: crash !== null });
      const crashedAt = at(hour + 0.06);
      if (crash === null || crashedAt === null) continue;
      crashes.push({
        report_id: newId(),
        app_id: app.packageId,
        app_version: current.version,
        version_code: current.versionCode,
        mosis_version: device.mosisVersion,
        device_id: deviceId,
        timestamp: crashedAt,
        ...crash,
      });
    }
  }
  return {
    crashes,
    batches: batchesOf(events, { app, device, deviceId, newId, sentAt: new Date(nowMs).toISOString() }),
  };
}

/** The newest release that was out so many days ago, or null before the first. */
function newestBy({ releases }: AppLife, daysAgo: number): ReleaseDay | null {
  return releases.findLast((release) => release.daysAgo >= daysAgo) ?? null;
}

type At = (hour: number) => string | null;

function put(list: TelemetryEvent[], at: string | null, type: string, data?: Record<string, unknown>): void {
  if (at !== null) list.push(data === undefined ? { type, at } : { type, at, data });
}

function arrive(
  list: TelemetryEvent[],
  step: { from: ReleaseDay | null; to: ReleaseDay; device: Device; at: At; chance: Chance },
): void {
  const { from, to, device, at, chance } = step;
  if (from === to) return;
  const duration = { duration_ms: Math.round(200 + 900 * chance()) };
  if (from === null) {
    put(list, at(5.5), 'app_install', duration);
    put(list, at(5.5), 'device_info', { ...device.info });
  } else put(list, at(4), 'app_update', { from_version: from.version, ...duration });
}

interface Session {
  readonly app: AppLife;
  readonly device: Device;
  readonly hour: number;
  readonly at: At;
  readonly chance: Chance;
  readonly crashed: boolean;
}

function useOnce(list: TelemetryEvent[], { app, device, hour, at, chance, crashed }: Session): void {
  const slow = device.info.model === 'Mosis One Lite' ? 1.8 : 1;
  put(list, at(hour), 'app_start', { cold: chance() < 0.6, launch_ms: Math.round(slow * (140 + 160 * chance())) });
  const views = 1 + Math.floor(chance() * 4);
  for (let view = 0; view < views; view += 1) {
    const screen = pick(chance, app.screens);
    if (device.consent) put(list, at(hour + view * 0.015), 'screen_view', { screen });
    if (device.consent && chance() < 0.4)
      put(list, at(hour + view * 0.015 + 0.005), 'button_click', { button: pick(chance, app.buttons), screen });
  }
  if (chance() < 0.35) {
    const avg = slow * (7 + 4 * chance());
    put(list, at(hour + 0.05), 'frame_time', { avg_ms: round1(avg), p95_ms: round1(avg * 1.9), frames: 1_800 });
  }
  if (chance() < 0.25) put(list, at(hour + 0.05), 'memory_usage', { mb: round1(18 + 14 * chance()) });
  const session_seconds = crashed ? 216 : Math.round(30 + 600 * chance() ** 2);
  put(list, at(hour + session_seconds / 3_600), 'app_stop', { reason: crashed ? 'crash' : 'user', session_seconds });
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}

function batchesOf(
  events: ReadonlyMap<ReleaseDay, readonly TelemetryEvent[]>,
  given: { app: AppLife; device: Device; deviceId: string; newId: () => string; sentAt: string },
): Batch[] {
  const batches: Batch[] = [];
  for (const [release, list] of events) {
    for (let from = 0; from < list.length; from += EVENTS_PER_BATCH) {
      batches.push({
        batch_id: given.newId(),
        app_id: given.app.packageId,
        app_version: release.version,
        version_code: release.versionCode,
        mosis_version: given.device.mosisVersion,
        device_id: given.deviceId,
        consent: given.device.consent,
        sent_at: given.sentAt,
        events: list.slice(from, from + EVENTS_PER_BATCH),
      });
    }
  }
  return batches;
}
