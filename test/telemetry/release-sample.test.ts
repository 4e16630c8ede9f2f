// The sample of devices that two versions are compared by, from real month files.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judgeRelease } from '../../server/rollouts/judgement.ts';
import { packedEvent } from '../../server/telemetry/bodies.ts';
import { keyOfEventType } from '../../server/telemetry/events-schema.ts';
import { openReleaseSampler } from '../../server/telemetry/release-sample.ts';
import {
  type ReleaseQuestion,
  type ReleaseSample,
  readReleaseSample,
  type SampledNetwork,
} from '../../server/telemetry/release-sample-read.ts';
import type { BatchRow } from '../../server/telemetry/rows.ts';
import { createStore, monthOf } from '../../server/telemetry/store.ts';

const HOUR = 3_600_000;
const APP = 'app-1';
const NEWER = { name: '1.1.0', code: 2 };
const PREVIOUS = { name: '1.0.0', code: 1 };
const RELEASE = Date.UTC(2026, 2, 10, 12);
const RULES = { minDevices: 50, marginPoints: 1, confidence: 0.99, distrustedNetworks: 3 };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mosis-sample-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

let sent = 0;
interface Sent {
  readonly device: number | string;
  readonly at: number;
  readonly version?: { readonly name: string; readonly code: number | null };
  readonly crash?: boolean;
  readonly network?: number;
  readonly app?: string;
}
const hashOf = (text: string) => createHash('sha256').update(text).digest().subarray(0, 16);

function rowOf({ device, at, version = PREVIOUS, crash = false, network = 0, app = APP }: Sent): BatchRow {
  sent += 1;
  return {
    app,
    version: version.name,
    versionCode: version.code,
    mosisVersion: '1.0.0',
    devices: [hashOf(`device ${device}`)],
    network,
    batchId: hashOf(`batch ${sent}`),
    receivedAtMs: at,
    answer: '{}',
    events: packedEvent(keyOfEventType(crash ? 'app_crash' : 'app_start'), at),
    crash: null,
    losses: null,
  };
}

/** Writes as the server does. */
function write(batches: readonly Sent[]): void {
  const store = createStore(dir, () => ({ event: 0, batch: 0 }));
  for (const [month, rows] of Map.groupBy(batches.map(rowOf), (row) => monthOf(row.receivedAtMs)))
    store.commit(month, rows);
  store.close();
}

function ask(changes: Partial<ReleaseQuestion> = {}): ReleaseQuestion {
  return {
    app: APP,
    newer: NEWER,
    previous: PREVIOUS,
    startedAtMs: RELEASE,
    nowMs: RELEASE + 24 * HOUR,
    maxDevicesPerNetwork: 5,
    from: new Uint8Array(16),
    budget: { batches: 50_000, events: 500_000, batchesPerDevice: 500 },
    ...changes,
  };
}
function read(changes: Partial<ReleaseQuestion> = {}): ReleaseSample {
  return readReleaseSample(dir, ask(changes));
}
function count(networks: readonly SampledNetwork[]): [devices: number, crashed: number] {
  return networks.reduce<[number, number]>((sum, one) => [sum[0] + one.devices, sum[1] + one.crashed], [0, 0]);
}
const countsOf = ({ newer, before, beside }: ReleaseSample) => ({
  newer: count(newer),
  before: count(before),
  beside: count(beside),
});
const range = (n: number, from = 0) => Array.from({ length: n }, (_, index) => from + index);

describe('a sample', () => {
  it('counts devices on the new version since the release, and on the previous one before and since', () => {
    write([
      { device: 1, at: RELEASE - HOUR, network: 1, crash: true },
      { device: 1, at: RELEASE + HOUR, network: 1, version: NEWER },
      { device: 2, at: RELEASE - HOUR, network: 2 },
      { device: 2, at: RELEASE + HOUR, network: 2, version: NEWER, crash: true },
      { device: 2, at: RELEASE + 2 * HOUR, network: 2, version: NEWER, crash: true },
      { device: 3, at: RELEASE - 2 * HOUR, network: 3 },
      { device: 3, at: RELEASE + HOUR, network: 3, crash: true },
    ]);
    const sample = read();
    expect(countsOf(sample)).toEqual({ newer: [2, 1], before: [3, 1], beside: [1, 1] });
    expect(sample).toMatchObject({ devices: 3, batches: 10, whole: true });
  });

  it('leaves out devices that were not seen before the release', () => {
    write([
      { device: 1, at: RELEASE + HOUR, network: 1, version: NEWER, crash: true },
      { device: 2, at: RELEASE, network: 2, version: NEWER, crash: true },
      { device: 2, at: RELEASE + HOUR, network: 2 },
      { device: 3, at: RELEASE - 1, network: 3, version: { name: '0.9.0', code: null } },
      { device: 3, at: RELEASE + HOUR, network: 3, version: NEWER },
    ]);
    expect(countsOf(read())).toEqual({ newer: [1, 0], before: [0, 0], beside: [0, 0] });
  });

  it('looks back before the release as long as has passed since, not further, and not past now', () => {
    write([
      { device: 1, at: RELEASE - 25 * HOUR, network: 1, crash: true },
      { device: 2, at: RELEASE - 24 * HOUR, network: 2, crash: true },
      { device: 3, at: RELEASE - HOUR, network: 3 },
      { device: 3, at: RELEASE + 25 * HOUR, network: 3, version: NEWER, crash: true },
    ]);
    expect(countsOf(read())).toEqual({ newer: [0, 0], before: [2, 1], beside: [0, 0] });
  });

  it('goes over the end of months, and finds devices seen only in the month before the release', () => {
    const release = Date.UTC(2026, 2, 31, 23, 30);
    write([
      { device: 1, at: Date.UTC(2026, 1, 2), network: 1, version: { name: '0.9.0', code: 1 } },
      { device: 1, at: Date.UTC(2026, 3, 1, 0, 10), network: 1, version: NEWER, crash: true },
      { device: 2, at: Date.UTC(2026, 0, 30), network: 2 },
      { device: 2, at: Date.UTC(2026, 3, 1, 0, 10), network: 2, version: NEWER, crash: true },
      { device: 3, at: Date.UTC(2026, 2, 31, 23, 0), network: 3 },
      { device: 3, at: Date.UTC(2026, 3, 1, 0, 5), network: 3 },
    ]);
    const sample = read({ startedAtMs: release, nowMs: Date.UTC(2026, 3, 1, 1) });
    expect(countsOf(sample)).toEqual({ newer: [1, 1], before: [1, 0], beside: [1, 0] });
  });

  it('tells versions of one name apart by their code, and believes the name where no code was told', () => {
    write(range(4).map((device) => ({ device, at: RELEASE - HOUR, network: device })));
    write([
      { device: 0, at: RELEASE + HOUR, network: 1, version: NEWER },
      { device: 1, at: RELEASE + HOUR, network: 2, version: { name: NEWER.name, code: 9 } },
      { device: 2, at: RELEASE + HOUR, network: 3, version: { name: NEWER.name, code: null } },
    ]);
    expect(countsOf(read()).newer).toEqual([2, 0]);
    expect(countsOf(read({ previous: { name: NEWER.name, code: 9 } }))).toMatchObject({
      newer: [1, 0],
      beside: [1, 0],
    });
  });

  it('is of one app alone, and of nothing where there are no files or no such app', () => {
    write([
      { device: 1, at: RELEASE - HOUR, network: 1, app: 'app-2' },
      { device: 1, at: RELEASE + HOUR, network: 1, version: NEWER, app: 'app-2' },
    ]);
    const nothing = { newer: [], before: [], beside: [], devices: 0, batches: 0, whole: true };
    expect(read()).toEqual(nothing);
    expect(read({ startedAtMs: Date.UTC(2030, 1), nowMs: Date.UTC(2030, 1, 2) })).toEqual(nothing);
  });

  it('counts at most so many devices of a network in an arm, and all of those as one where it is unknown', () => {
    const devices = range(40);
    write(devices.map((device) => ({ device, at: RELEASE - HOUR, network: device % 4 })));
    write(devices.map((device) => ({ device, at: RELEASE + HOUR, network: device % 4, version: NEWER, crash: true })));
    const sample = read();
    expect(sample.newer).toEqual(new Array(4).fill({ devices: 5, crashed: 5 }));
    expect(sample.before).toEqual(new Array(4).fill({ devices: 5, crashed: 0 }));
    expect(count(read({ maxDevicesPerNetwork: 2 }).newer)).toEqual([8, 8]);
  });

  it('reads files of an earlier release, which know no network', () => {
    write([
      { device: 1, at: RELEASE - HOUR },
      { device: 1, at: RELEASE + HOUR, version: NEWER },
    ]);
    const db = new Database(join(dir, '2026-03.db'));
    db.exec('ALTER TABLE batches DROP COLUMN network');
    db.close();
    expect(countsOf(read())).toEqual({ newer: [1, 0], before: [1, 0], beside: [0, 0] });
  });

  it('stops at its budget with a random part of the devices, another one from another point', () => {
    write(range(400).map((device) => ({ device, at: RELEASE - HOUR, network: device, crash: device % 2 === 0 })));
    const budget = { batches: 200, events: 10_000, batchesPerDevice: 500 };
    const one = read({ budget });
    const other = read({ budget, from: hashOf('elsewhere') });
    for (const sample of [one, other]) {
      expect(sample).toMatchObject({ devices: 100, batches: 200, whole: false });
      const [devices, crashed] = count(sample.before);
      expect(devices).toBe(100);
      expect(crashed).toBeGreaterThan(30);
      expect(crashed).toBeLessThan(70);
    }
    expect(other.before.map(({ crashed }) => crashed)).not.toEqual(one.before.map(({ crashed }) => crashed));
    expect(read({ budget: { ...budget, batches: 100_000, events: 50 } })).toMatchObject({ devices: 50, whole: false });
    expect(read({ from: hashOf('elsewhere') })).toMatchObject({ devices: 400, whole: true });
  });

  it('is not used up by a device that sends without end', () => {
    write(range(1_000).map(() => ({ device: 'loud', at: RELEASE - HOUR, network: 1 })));
    write(range(50).map((device) => ({ device, at: RELEASE - HOUR, network: device })));
    const budget = { batches: 1_000, events: 10_000, batchesPerDevice: 100 };
    expect(read({ budget })).toMatchObject({ devices: 51, batches: 100 + 50 + 51, whole: true });
  });

  it('comes from a thread of its own, and can be given up', async () => {
    write([
      { device: 1, at: RELEASE - HOUR, network: 1 },
      { device: 1, at: RELEASE + HOUR, network: 1, version: NEWER },
    ]);
    const { budget: _budget, ...question } = ask();
    const sampler = openReleaseSampler(dir);
    for (const previous of [PREVIOUS, PREVIOUS])
      expect(countsOf(await sampler.sample({ ...question, previous }))).toEqual({
        newer: [1, 0],
        before: [1, 0],
        beside: [0, 0],
      });
    await expect(sampler.sample(question, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    const abort = new AbortController();
    const given = sampler.sample(question, abort.signal);
    abort.abort(new Error('enough now'));
    await expect(given).rejects.toThrow('enough now');
    await expect(sampler.sample(question)).rejects.toThrow('ended');
    const other = openReleaseSampler(dir);
    const last = other.sample(question);
    await other.close();
    await expect(last).rejects.toThrow('ended');
    await sampler.close();
  });

  it('says so when a file cannot be read, and reads the next', async () => {
    write([{ device: 1, at: RELEASE - HOUR }]);
    write([{ device: 1, at: Date.UTC(2026, 6, 2) }]);
    const db = new Database(join(dir, '2026-03.db'));
    db.exec('DROP TABLE batches');
    db.close();
    const { budget: _budget, ...question } = ask();
    const sampler = openReleaseSampler(dir);
    await expect(sampler.sample(question)).rejects.toThrow('no such table');
    const july = { startedAtMs: Date.UTC(2026, 6, 3), nowMs: Date.UTC(2026, 6, 5) };
    expect(count((await sampler.sample({ ...question, ...july })).before)).toEqual([1, 0]);
    await sampler.close();
  });
});

describe('an attacker', () => {
  /** 300 honest devices, half of which updated; one in 50 crashes, on either version. */
  function honest(): void {
    const devices = range(300);
    write(
      devices.map((device) => ({ device, at: RELEASE - HOUR, network: 10_000 + device, crash: device % 50 === 0 })),
    );
    write(
      devices
        .filter((device) => device % 2 === 0)
        .map((device) => ({
          device,
          at: RELEASE + HOUR,
          network: 10_000 + device,
          version: NEWER,
          crash: device % 50 === 0,
        })),
    );
  }
  const verdict = () => judgeRelease(read(), RULES).verdict;
  beforeEach(honest);

  it('with 10,000 new devices from everywhere, all crashing, changes nothing', () => {
    const before = countsOf(read());
    write(
      range(10_000).map((n) => ({
        device: `fake ${n}`,
        at: RELEASE + 2 * HOUR,
        network: 50_000 + n,
        version: NEWER,
        crash: true,
      })),
    );
    expect(countsOf(read())).toEqual(before);
    expect(verdict()).toBe('NO_WORSE');
  });

  it('with 1,000 devices made before the release in a few networks pauses nothing', () => {
    for (const networks of [1, 3]) {
      const fakes = range(1_000).map((n) => ({
        device: `fake ${networks} ${n}`,
        network: networks * 100 + (n % networks),
      }));
      write(fakes.map((fake) => ({ ...fake, at: RELEASE - HOUR })));
      write(fakes.map((fake) => ({ ...fake, at: RELEASE + HOUR, version: NEWER, crash: true })));
    }
    const { newer } = read();
    expect(count(newer)).toEqual([150 + 4 * 5, 6 + 4 * 5]);
    expect(verdict()).toBe('NO_WORSE');
    expect(judgeRelease(read({ maxDevicesPerNetwork: 1_000 }), { ...RULES, distrustedNetworks: 0 }).verdict).toBe(
      'WORSE',
    );
  });

  it('does not hide that the release crashes', () => {
    write(
      range(60).map((n) => ({
        device: 2 * n,
        at: RELEASE + 2 * HOUR,
        version: NEWER,
        crash: true,
        network: 10_000 + 2 * n,
      })),
    );
    expect(verdict()).toBe('WORSE');
  });
});
