/** Owns what a device does, composed of its parts: find, download, verify, install, update, uninstall, report. */

import { parseSemver } from '../format/semver.ts';
import type { Track } from '../format/trust/targets.ts';
import {
  createAcquisition,
  type InstallRequest,
  type InstallResult,
  requireInstalled,
  type UpdateSummary,
} from './acquire.ts';
import { sweepCopies } from './copies.ts';
import { dropBase, sweepBases } from './delta.ts';
import { sweepDownloads } from './download.ts';
import { storageError } from './errors.ts';
import { findApp, type Offer } from './find.ts';
import { type Network, systemSleep } from './http.ts';
import { uninstallPackage } from './install.ts';
import { createJournal, type OnStep } from './journal.ts';
import { sweepLeftovers } from './leftovers.ts';
import { createOutcomes, type FailedUpdate } from './outcomes.ts';
import { type ProvisionResult, provisionFromFile, provisionFromNetwork } from './provision.ts';
import { createReporter, type Reporter } from './report.ts';
import { freeBytesOf, whereRoom } from './space.ts';
import { createStorage, type InstalledApp } from './storage.ts';
import type { Change } from './swap.ts';
import type { UpdateRequest } from './take.ts';
import { nameOf, tellOfInstalled } from './telling.ts';
import { createTrustedRepository, type RootStatus } from './trust/repository.ts';

export interface DeviceOptions {
  /** The device's folder; everything it keeps is below it. */
  readonly root: string;
  readonly serverUrl: string;
  /** The version of Mosis on this device, a semantic version. */
  readonly mosisVersion?: string;
  readonly fetch: typeof fetch;
  readonly clock: () => Date;
  readonly sleep?: Network['sleep'];
  readonly random?: () => number;
  readonly onStep?: OnStep;
  /** Bytes that may still be written where a folder lies; of the file system unless given. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/** An installed app as a person is told of it. */
export interface ListedApp extends InstalledApp {
  /** Updates of it that failed, the newest version first. */
  readonly failedUpdates: readonly FailedUpdate[];
}

export interface Device {
  readonly root: string;
  /** Finishes what an interrupted run began; call it first. */
  recover(): Promise<Change | null>;
  /** Trusts the root in this text, the content of a `root.json`. */
  provisionFromFile(text: string): Promise<ProvisionResult>;
  provisionFromNetwork(): Promise<ProvisionResult>;
  /** Brings the signed metadata up to date and says which root is in force. */
  refresh(): Promise<RootStatus>;
  find(packageId: string): Promise<Offer>;
  /**
   * Installs the newest version that this device is offered on the track, or updates to it; the same version again does nothing.
   */
  install(packageId: string, request?: InstallRequest): Promise<InstallResult>;
  /** Updates one app, even where the same update failed before. Throws NOT_INSTALLED for one that is not there. */
  update(packageId: string, request?: UpdateRequest): Promise<InstallResult>;
  /**
   * Updates all apps by one update check. One that fails does not keep the others; one that failed before waits (docs/DEVICE_PROTOCOL.md
   * §5). Throws what concerns them all: metadata, clock, lock.
   */
  updateAll(request?: UpdateRequest): Promise<UpdateSummary>;
  /** From now on the app follows this track; what is installed stays until there is something newer. Throws NOT_INSTALLED. */
  follow(packageId: string, track: Track): Promise<InstalledApp>;
  uninstall(packageId: string, options: { keepData: boolean }): Promise<InstalledApp>;
  list(): Promise<ListedApp[]>;
  /** Telemetry; a flush keeps what it hears of known issues. */
  readonly reporter: Reporter;
}

export const DEFAULT_MOSIS_VERSION = '1.0.0';

/** A device over one folder. Every failure is a DeviceError; what was installed before a failure still is. */
export function createDevice(options: DeviceOptions): Device {
  const { root, serverUrl, clock, mosisVersion = DEFAULT_MOSIS_VERSION, onStep = () => undefined } = options;
  if (parseSemver(mosisVersion) === null) throw new RangeError(`"${mosisVersion}" is not a semantic version.`);
  const storage = createStorage(root);
  const journal = createJournal(storage, onStep);
  const network: Network = {
    serverUrl,
    fetch: options.fetch,
    clock,
    sleep: options.sleep ?? systemSleep,
    random: options.random ?? Math.random,
  };
  const outcomes = createOutcomes(storage, clock);
  const queue = createReporter({ storage, network, mosisVersion });
  const reporter: Reporter = {
    ...queue,
    async flush(options) {
      const result = await queue.flush(options);
      for (const { packageId, ...note } of result.knownIssues) await outcomes.keepNotes(packageId, [note]);
      return result;
    },
  };
  const repository = createTrustedRepository({ network, folder: storage.folders.trust });
  const provisioning = { folder: storage.folders.trust, onStep };
  const { freeBytes = freeBytesOf } = options;
  const acquisition = createAcquisition({
    storage,
    journal,
    network,
    repository,
    reporter,
    outcomes,
    mosisVersion,
    onStep,
    freeBytes,
  });
  const locked = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      await storage.prepare();
      return await storage.exclusively(work);
    } catch (error) {
      throw storageError(error);
    }
  };
  const alone = <T>(work: () => Promise<T>): Promise<T> =>
    locked(async () => {
      await journal.recover();
      await whereRoom(() => tellOfInstalled(storage, reporter));
      return await work();
    });

  return {
    root,
    reporter,
    recover: () =>
      locked(async () => {
        const finished = await journal.recover();
        await sweepDownloads(storage.folders.downloads, clock());
        await sweepBases(storage);
        await sweepCopies(storage);
        await sweepLeftovers(storage);
        await whereRoom(() => tellOfInstalled(storage, reporter));
        return finished;
      }),
    provisionFromFile: (text) => alone(() => provisionFromFile(provisioning, text)),
    provisionFromNetwork: () => alone(() => provisionFromNetwork(provisioning, network)),
    refresh: () => alone(() => repository.refresh()),
    find: (packageId) => findApp(packageId, { network, mosisVersion }),
    install: (packageId, request = {}) => alone(() => acquisition.install(packageId, request)),
    update: (packageId, request = {}) => alone(() => acquisition.update(packageId, request)),
    updateAll: (request = {}) => alone(() => acquisition.updateAll(request)),
    follow: (packageId, track) =>
      alone(async () => {
        const app = { ...(await requireInstalled(storage, packageId)), track };
        await storage.writeInstalled(packageId, app);
        return app;
      }),
    uninstall: (packageId, { keepData }) =>
      alone(async () => {
        const app = await requireInstalled(storage, packageId);
        // First of all, so that there is room to write the removal down where there was none.
        await dropBase(storage, packageId);
        // While it is still there to be named; told again after a failed removal, it counts once.
        const at = clock().toISOString();
        const told = { type: 'app_uninstall', at, key: `uninstalled/${nameOf(app)}` };
        await whereRoom(() => reporter.trackOnce(packageId, told));
        const removed = await uninstallPackage(packageId, keepData, { storage, journal });
        await whereRoom(() => outcomes.forget(packageId));
        return removed;
      }),
    async list() {
      const apps = Object.values(await storage.readInstalled()).sort((a, b) => (a.packageId < b.packageId ? -1 : 1));
      return await Promise.all(apps.map(async (app) => ({ ...app, failedUpdates: await outcomes.of(app.packageId) })));
    },
  };
}
