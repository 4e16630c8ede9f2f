/**
 * Owns the live counts of telemetry: what came in since the last message, at most one message a second for each follower. A
 * follower who does not read keeps one set of counters and no more. It stores nothing and decides no access.
 */
import { MIN_SLICE_DEVICES } from './anonymity.ts';
import { OTHER } from './limits.ts';

const INTERVAL_MS = 1_000;
/** With nothing to tell, access is asked again after so many intervals. */
const IDLE_CHECKS = 5;
/** Versions named in one message; telemetry can be forged. */
const MAX_VERSIONS = 100;

/** What came in since the last message. */
export interface LiveCounts {
  readonly at: Date;
  readonly events: number;
  readonly crashes: number;
  readonly reports: number;
  /** Versions with at least MIN_SLICE_DEVICES devices among these reports; OTHER for the rest, where that has so many too. */
  readonly versions: readonly string[];
}

/** One stored batch or crash report. */
export interface LiveReport {
  /** The hash of the device that sent it. */
  readonly device: Uint8Array;
  readonly version: string;
  readonly events: number;
  readonly crashes: number;
}

interface Tally {
  events: number;
  crashes: number;
  reports: number;
  /** Devices of each version, as many as it needs to be named. */
  versions: Map<string, Set<string>>;
}

const emptyTally = (): Tally => ({ events: 0, crashes: 0, reports: 0, versions: new Map() });

export type Live = ReturnType<typeof createLive>;

/** Makes the hub. `intervalMs` is the least time between two messages, one second unless a test says otherwise. */
export function createLive(now: () => Date, intervalMs = INTERVAL_MS) {
  const followers = new Map<string, Set<{ tally: Tally }>>();

  return { report, follow, followers: (): number => [...followers.values()].reduce((sum, { size }) => sum + size, 0) };

  /** Counts a report for whoever follows the app; costs a look-up when nobody does. */
  function report(appId: string, { version, events, crashes, device }: LiveReport): void {
    const known = followers.get(appId);
    if (known === undefined) return;
    for (const { tally } of known) {
      tally.events += events;
      tally.crashes += crashes;
      tally.reports += 1;
      const devices = tally.versions.get(version) ?? new Set();
      if (devices.size < MIN_SLICE_DEVICES) devices.add(Buffer.from(device).toString('latin1'));
      if (tally.versions.size < MAX_VERSIONS) tally.versions.set(version, devices);
    }
  }

  /**
   * Messages about an app until the reader stops, or `mayRead` answers false: asked before each message, and every few
   * seconds without one. What it throws ends the reading with that error.
   */
  function follow(appId: string, mayRead: () => Promise<boolean>): AsyncIterableIterator<LiveCounts> {
    const follower = { tally: emptyTally() };
    const waiting: { resolve: (result: IteratorResult<LiveCounts>) => void; reject: (error: unknown) => void }[] = [];
    let ended = false;
    let checking = false;
    let idle = 0;
    const mine = followers.get(appId) ?? new Set();
    mine.add(follower);
    followers.set(appId, mine);
    const timer = setInterval(() => void tick(), intervalMs).unref();

    async function tick(): Promise<void> {
      idle += 1;
      const isQuiet = follower.tally.reports === 0;
      if (ended || checking || waiting.length === 0 || (isQuiet && idle < IDLE_CHECKS)) return;
      idle = 0;
      checking = true;
      try {
        if (!(await mayRead())) end();
        else if (!ended && follower.tally.reports > 0) tell();
      } catch (error) {
        waiting.shift()?.reject(error);
        end();
      } finally {
        checking = false;
      }
    }

    function tell(): void {
      const { events, crashes, reports, versions } = follower.tally;
      follower.tally = emptyTally();
      const value = { at: now(), events, crashes, reports: reports, versions: namedVersions(versions) };
      waiting.shift()?.resolve({ done: false, value });
    }

    function end(): void {
      ended = true;
      clearInterval(timer);
      mine.delete(follower);
      if (mine.size === 0 && followers.get(appId) === mine) followers.delete(appId);
      for (const { resolve } of waiting.splice(0)) resolve({ done: true, value: undefined });
    }

    return {
      next: () =>
        ended
          ? Promise.resolve({ done: true, value: undefined })
          : new Promise((resolve, reject) => void waiting.push({ resolve, reject })),
      return() {
        end();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

/** What may be named: a message tells of one second, so a version in it is a slice like any other (anonymity.ts). */
function namedVersions(versions: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const bySize = [...versions].sort(([, a], [, b]) => a.size - b.size);
  const rest = new Set<string>();
  let merged = 0;
  for (const [, devices] of bySize) {
    const isNeeded = merged > 0 && rest.size < MIN_SLICE_DEVICES;
    if (devices.size >= MIN_SLICE_DEVICES && !isNeeded) break;
    for (const device of devices) rest.add(device);
    merged += 1;
  }
  const named = bySize.slice(merged).map(([version]) => version);
  return [...named.sort(), ...(rest.size < MIN_SLICE_DEVICES || named.includes(OTHER) ? [] : [OTHER])];
}
