/** Owns a device folder and its store for tests of what a device does with updates. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDevice, type Device, type DeviceOptions } from '../../device/device.ts';
import type { TargetFacts } from '../../format/trust/targets.ts';
import { type AppOptions, type Published, type StoreServer, startStore } from './store.ts';

export const APP = 'com.example.notes';

export interface Bench {
  readonly root: string;
  readonly store: StoreServer;
  /** The device's clock; a test moves it. */
  now: Date;
  device(options?: Partial<DeviceOptions>): Device;
  /** A device that trusts the store's root. */
  provisioned(options?: Partial<DeviceOptions>): Promise<Device>;
  /** Publishes with facts of the test's own. */
  publish(options: AppOptions, facts?: Partial<TargetFacts>): Published;
  /** The number in the installed package's own file. */
  installedVersion(packageId?: string): Promise<string>;
  close(): Promise<void>;
}

export async function createBench(): Promise<Bench> {
  const root = await mkdtemp(join(tmpdir(), 'mosis-device-'));
  const store = await startStore();
  const bench: Bench = {
    root,
    store,
    now: new Date(),
    device: (options = {}) =>
      createDevice({
        root,
        serverUrl: store.url,
        fetch,
        clock: () => bench.now,
        random: () => 0,
        sleep: async () => undefined,
        ...options,
      }),
    async provisioned(options) {
      const device = bench.device(options);
      await device.provisionFromNetwork();
      return device;
    },
    publish(options, facts = {}) {
      const made = store.publish(options);
      return made.facts === null ? made : store.publish(options, { facts: { ...made.facts, ...facts } });
    },
    installedVersion: async (packageId = APP) =>
      (await readFile(join(root, 'apps', packageId, 'package', 'assets', 'version.txt'), 'utf8')).trim(),
    async close() {
      await store.close();
      await rm(root, { recursive: true, force: true });
    },
  };
  return bench;
}

/** A rollout to a share of devices on one track. */
export function rollouts(track: 'stable' | 'beta', basisPoints: number, state: 'active' | 'halted' = 'active') {
  return { rollouts: { [track]: { seed: 'ab'.repeat(32), basis_points: basisPoints, state } } };
}
