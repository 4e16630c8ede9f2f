/**
 * Owns the watch over running rollouts: it compares each version with the one before by devices that crash, keeps what it found,
 * and pauses what is worse. It never does more than pause, for what it judges by can be forged.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { JsonObject } from '../platform/json.ts';
import type { GuardJson } from './guard-json.ts';
import { type GuardSettings, readGuardSettings } from './guard-settings.ts';
import { type DeviceCount, type Judgement, judgeRelease, type ReleaseArms } from './judgement.ts';
import type { WatchedRollout } from './watch.ts';

const DAY_MS = 86_400_000;
/** A run ends after this; the next one begins where it ended. */
const MAX_RUN_MS = 5 * 60_000;
/** What was found is written again after this, though nothing changed but its time. */
const REWRITE_MS = 3_600_000;

/** What of an app's devices is sampled. */
export interface GuardQuestion {
  readonly app: string;
  readonly newer: { readonly name: string; readonly code: number };
  readonly previous: { readonly name: string; readonly code: number };
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly maxDevicesPerNetwork: number;
  /** Where in the space of device hashes the sample begins: 16 bytes. */
  readonly from: Uint8Array;
}

/** Reads samples until it is closed. */
export interface GuardSampler {
  sample(
    question: GuardQuestion,
    signal?: AbortSignal,
  ): Promise<ReleaseArms & { readonly devices: number; readonly whole: boolean }>;
  close(): Promise<void>;
}

interface GuardOptions {
  readonly db: Pick<Database, 'prisma'>;
  readonly clock: Clock;
  readonly log: { info(details: object, message: string): void; error(details: object, message: string): void };
  readonly openSampler: () => GuardSampler;
  readonly rollouts: {
    watched(): Promise<readonly WatchedRollout[]>;
    recordGuard(rolloutId: string, judgement: GuardJson): Promise<void>;
    pauseByGuard(rolloutId: string, why: { readonly reason: string; readonly evidence: JsonObject }): Promise<boolean>;
  };
}

export type RolloutGuard = ReturnType<typeof createRolloutGuard>;

export function createRolloutGuard({ db, clock, log, openSampler, rollouts }: GuardOptions) {
  /** What was written of each rollout last. */
  let written = new Map<string, { readonly found: string; readonly atMs: number }>();
  /** Where a run that was cut short ended: the next one begins after it. */
  let lastSeen: string | null = null;

  /** Compares, keeps what was found and pauses what is worse. */
  async function look(
    rollout: WatchedRollout,
    { settings, sampler, signal }: { settings: GuardSettings; sampler: GuardSampler; signal: AbortSignal },
  ): Promise<void> {
    const nowMs = clock.ms();
    const sample = await sampler.sample(
      {
        app: rollout.appId,
        newer: rollout.version,
        previous: rollout.previous,
        startedAtMs: rollout.startedAt.getTime(),
        nowMs,
        maxDevicesPerNetwork: settings.maxDevicesPerNetwork,
        // Its own part of the devices for each rollout, and the same one at every look.
        from: createHash('sha256').update(rollout.rolloutId).digest().subarray(0, 16),
      },
      signal,
    );
    const judgement = judgeRelease(sample, settings);
    await record(rollout, judgement, nowMs);
    if (judgement.verdict !== 'WORSE' || !rollout.mayPause) return;
    const paused = await rollouts.pauseByGuard(rollout.rolloutId, {
      reason: reasonOf(rollout, judgement, settings),
      evidence: evidenceOf(rollout, judgement, settings, sample),
    });
    if (paused) log.info({ rolloutId: rollout.rolloutId, packageId: rollout.packageId }, 'The guard paused a rollout');
  }

  /** Writes what was found where it differs from what is there, or is old: most looks find nothing new. */
  async function record({ rolloutId, previous }: WatchedRollout, judgement: Judgement, nowMs: number): Promise<void> {
    const { verdict, newer, previous: compared, worseByAtLeast } = judgement;
    const found = {
      verdict,
      devices: newer.devices,
      crashFreePercent: crashFreePercent(newer),
      previousVersion: compared === null ? null : previous.name,
      previousDevices: compared?.devices ?? null,
      previousCrashFreePercent: compared === null ? null : crashFreePercent(compared),
      worseByAtLeast: worseByAtLeast === null ? null : rounded(worseByAtLeast),
    };
    const text = JSON.stringify(found);
    const known = written.get(rolloutId);
    if (known?.found === text && nowMs - known.atMs < REWRITE_MS) return;
    await rollouts.recordGuard(rolloutId, { at: new Date(nowMs).toISOString(), ...found });
    written.set(rolloutId, { found: text, atMs: nowMs });
  }

  return {
    /**
     * Looks at every watched rollout once, or for five minutes at most. A rollout that cannot be judged is logged and does not
     * keep the others from it. Throws what `signal` aborts with.
     */
    async run(signal: AbortSignal): Promise<void> {
      const settings = await readGuardSettings(db.prisma);
      if (!settings.enabled) return;
      const startedMs = clock.ms();
      const since = startedMs - settings.watchDays * DAY_MS;
      const watched = (await rollouts.watched()).filter(({ startedAt }) => startedAt.getTime() >= since);
      written = new Map([...written].filter(([id]) => watched.some(({ rolloutId }) => rolloutId === id)));
      if (watched.length === 0) return;
      // By their ids, which stay: neither a new rollout nor one that starts anew or ends keeps the others from their turn.
      const byId = watched.toSorted((a, b) => (a.rolloutId < b.rolloutId ? -1 : 1));
      const place = lastSeen;
      const next = place === null ? 0 : byId.findIndex(({ rolloutId }) => rolloutId > place);
      const first = Math.max(0, next);
      const turn = [...byId.slice(first), ...byId.slice(0, first)];
      lastSeen = null;
      const sampler = openSampler();
      try {
        for (const rollout of turn) {
          if (clock.ms() - startedMs > MAX_RUN_MS) return;
          try {
            await look(rollout, { settings, sampler, signal });
          } catch (error) {
            signal.throwIfAborted();
            log.error({ err: error, rolloutId: rollout.rolloutId }, 'A rollout could not be judged');
          }
          lastSeen = rollout.rolloutId;
        }
        lastSeen = null;
      } finally {
        await sampler.close();
      }
    },
  };
}

/** Two decimals, as percentages are shown. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Null without devices. */
function crashFreePercent({ devices, crashed }: DeviceCount): number | null {
  return devices === 0 ? null : rounded((100 * (devices - crashed)) / devices);
}

/** The reasoning, in the words that the developer is told. */
function reasonOf(
  { version, previous }: WatchedRollout,
  { newer, previous: compared, worseByAtLeast }: Judgement,
  { confidence, marginPoints }: GuardSettings,
): string {
  const share = (count: DeviceCount) => `${(crashFreePercent(count) ?? 0).toFixed(2)} % of ${count.devices}`;
  const when = compared?.arm === 'BESIDE' ? 'in the same time' : 'as long before';
  return [
    `Since the release ${share(newer)} devices looked at with ${version.name} (${version.code}) had no crash,`,
    `and ${when} ${share(compared ?? { devices: 0, crashed: 0 })} with ${previous.name} (${previous.code}).`,
    `That is worse by at least ${rounded(worseByAtLeast ?? 0).toFixed(2)} percentage points`,
    `(${rounded(100 * confidence)} % confidence), and more than ${marginPoints} is not let pass.`,
  ].join(' ');
}

/** The same as numbers, for the event log. */
function evidenceOf(
  { version, previous }: WatchedRollout,
  { newer, previous: compared, worseByAtLeast }: Judgement,
  settings: GuardSettings,
  sample: { readonly devices: number; readonly whole: boolean },
): JsonObject {
  return {
    versionCode: version.code,
    devices: newer.devices,
    crashedDevices: newer.crashed,
    previousVersionCode: previous.code,
    comparedWith: compared?.arm ?? null,
    previousDevices: compared?.devices ?? null,
    previousCrashedDevices: compared?.crashed ?? null,
    worseByAtLeast: worseByAtLeast === null ? null : rounded(worseByAtLeast),
    marginPoints: settings.marginPoints,
    confidence: settings.confidence,
    maxDevicesPerNetwork: settings.maxDevicesPerNetwork,
    distrustedNetworks: settings.distrustedNetworks,
    sampledDevices: sample.devices,
    everyDevice: sample.whole,
  };
}
