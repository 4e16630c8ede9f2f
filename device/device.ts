/** Owns what a device does, composed of its parts: find, download, verify, install, update, uninstall, report. */

import type { Manifest } from '../format/manifest.ts';
import { PERMISSION_REGISTRY } from '../format/permissions.ts';
import { parseSemver } from '../format/semver.ts';
import type { Track } from '../format/trust/targets.ts';
import { installedBase, keepBase, sweepBases } from './delta.ts';
import { discardDownload, downloadPackage, sweepDownloads } from './download.ts';
import { DeviceError } from './errors.ts';
import { findApp, type Offer } from './find.ts';
import { type Network, systemSleep } from './http.ts';
import { installPackage, uninstallPackage } from './install.ts';
import { type Change, createJournal, type OnStep } from './journal.ts';
import { type ProvisionResult, provisionFromFile, provisionFromNetwork } from './provision.ts';
import { createReporter, type Reporter } from './report.ts';
import { createStorage, type InstalledApp } from './storage.ts';
import { authorise } from './trust/authorise.ts';
import { createTrustedRepository, type RootStatus } from './trust/repository.ts';
import { verifyPackage } from './verify.ts';

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
}

/** What the user is asked before a version that wants more than the installed one is put in place. */
export interface InstallPlan {
  /** Of the verified package. */
  readonly manifest: Manifest;
  readonly installed: InstalledApp | null;
  /** Dangerous permissions that the installed version does not have. */
  readonly newDangerous: readonly string[];
  /** Its developer lost every key, and the platform named new ones. */
  readonly recoveredKeys: boolean;
}

export interface InstallRequest {
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Whether the user agrees; asked only when there are new dangerous permissions or recovered keys. Without it they are refused. */
  readonly confirm?: (plan: InstallPlan) => Promise<boolean>;
  /** The track to follow from now on; what the app followed before, else stable. */
  readonly track?: Track;
}

export type InstallResult =
  | { readonly kind: 'installed' | 'updated'; readonly app: InstalledApp; readonly before: InstalledApp | null }
  | { readonly kind: 'current'; readonly app: InstalledApp };

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
  /** Installs the store's newest version, or updates to it; the same version again does nothing. */
  install(packageId: string, request?: InstallRequest): Promise<InstallResult>;
  /** Like `install`, but throws NOT_INSTALLED for an app that is not there. */
  update(packageId: string, request?: InstallRequest): Promise<InstallResult>;
  uninstall(packageId: string, options: { keepData: boolean }): Promise<InstalledApp>;
  list(): Promise<InstalledApp[]>;
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
  const reporter = createReporter({ storage, network, mosisVersion });
  const installedApp = async (packageId: string) => {
    const installed = await storage.readInstalled();
    return (Object.hasOwn(installed, packageId) ? installed[packageId] : undefined) ?? null;
  };
  const repository = createTrustedRepository({ network, folder: storage.folders.trust });
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    await storage.prepare();
    return await storage.exclusively(async () => {
      await journal.recover();
      return await work();
    });
  };

  const install = async (
    packageId: string,
    request: InstallRequest,
    mustBeInstalled: boolean,
  ): Promise<InstallResult> => {
    const before = await installedApp(packageId);
    if (mustBeInstalled && before === null)
      throw new DeviceError('NOT_INSTALLED', `${packageId} is not installed on this device.`);
    await repository.refresh();
    const offer = await findApp(packageId, { network, mosisVersion });
    const target = await repository.target(packageId, offer.versionCode);
    if (target === null)
      throw new DeviceError(
        'NOT_VOUCHED_FOR',
        `The store offers ${packageId} ${offer.versionCode}, which the signed repository does not list.`,
      );
    if (before !== null && before.versionCode === target.versionCode && before.sha256 === target.sha256)
      return { kind: 'current', app: before };
    const track = request.track ?? before?.track ?? 'stable';
    const deviceNumber = await storage.deviceNumber();
    const { recoveredKeys } = authorise(target, { installed: before, deviceNumber, mosisVersion, track });
    const wanted = { ...target, url: offer.url, signerKeyId: target.facts.signer_key_id };
    const download = await downloadPackage({
      network,
      folder: storage.folders.downloads,
      offer: wanted,
      base: before === null ? null : await installedBase(storage, packageId, before.sha256),
      ...(request.onProgress === undefined ? {} : { onProgress: request.onProgress }),
    });
    try {
      const verified = await verifyPackage(download, wanted);
      const { manifest } = verified;
      const plan = { manifest, installed: before, newDangerous: newDangerous(manifest, before), recoveredKeys };
      await askUser(plan, request);
      const pins = target.facts.pins.map(({ key_ids: keyIds, signature }) => ({ keyIds, signature }));
      const app = await installPackage(verified, { track, pins }, { storage, journal, clock, onStep });
      await keepBase(storage, packageId, download.path);
      await reporter.track(packageId, { type: before === null ? 'app_install' : 'app_update', consent: false });
      return { kind: before === null ? 'installed' : 'updated', app, before };
    } finally {
      await discardDownload(storage.folders.downloads, target.sha256);
    }
  };

  return {
    root,
    reporter,
    recover: async () => {
      await storage.prepare();
      return await storage.exclusively(async () => {
        const finished = await journal.recover();
        await sweepDownloads(storage.folders.downloads, clock());
        await sweepBases(storage);
        return finished;
      });
    },
    provisionFromFile: (text) => alone(() => provisionFromFile(storage.folders.trust, text)),
    provisionFromNetwork: () => alone(() => provisionFromNetwork(storage.folders.trust, network)),
    refresh: () => alone(() => repository.refresh()),
    find: (packageId) => findApp(packageId, { network, mosisVersion }),
    install: (packageId, request = {}) => alone(() => install(packageId, request, false)),
    update: (packageId, request = {}) => alone(() => install(packageId, request, true)),
    uninstall: (packageId, { keepData }) =>
      alone(async () => {
        // While it is still there to be named; telling twice after a failed removal does no harm.
        await reporter.track(packageId, { type: 'app_uninstall', consent: false });
        const removed = await uninstallPackage(packageId, keepData, { storage, journal });
        await sweepBases(storage);
        return removed;
      }),
    async list() {
      const installed = await storage.readInstalled();
      return Object.values(installed).sort((a, b) => (a.packageId < b.packageId ? -1 : 1));
    },
  };
}

function newDangerous({ permissions }: Manifest, before: InstalledApp | null): string[] {
  const had = before?.permissions ?? [];
  return permissions.filter((name) => PERMISSION_REGISTRY[name].level === 'dangerous' && !had.includes(name));
}

async function askUser(plan: InstallPlan, { confirm }: InstallRequest): Promise<void> {
  if (plan.newDangerous.length === 0 && !plan.recoveredKeys) return;
  if ((await confirm?.(plan)) === true) return;
  if (plan.recoveredKeys)
    throw new DeviceError(
      'PERMISSIONS_REFUSED',
      'The app has new signing keys, which the platform named after its developer lost the old ones. Nobody agreed to that here.',
    );
  throw new DeviceError('PERMISSIONS_REFUSED', `The permissions ${plan.newDangerous.join(', ')} were not granted.`);
}
