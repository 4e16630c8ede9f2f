/** Owns what a device does, composed of its parts: find, download, verify, install, update, uninstall, report. */

import type { Manifest } from '../format/manifest.ts';
import { PERMISSION_REGISTRY } from '../format/permissions.ts';
import { compareSemver, parseSemver } from '../format/semver.ts';
import { discardDownload, downloadPackage, sweepDownloads } from './download.ts';
import { DeviceError } from './errors.ts';
import { findApp, type Offer } from './find.ts';
import { type Network, systemSleep } from './http.ts';
import { installPackage, uninstallPackage } from './install.ts';
import { type Change, createJournal, type OnStep } from './journal.ts';
import { keysFromNetwork, keysFromPem, type ProvisionResult, provision } from './provision.ts';
import { createReporter, type Reporter } from './report.ts';
import { createStorage, type InstalledApp, type PlatformKey } from './storage.ts';
import { verifyPackage } from './verify.ts';

export interface DeviceOptions {
  /** The device's folder; everything it keeps is below it. */
  readonly root: string;
  readonly serverUrl: string;
  /** Keys to trust instead of the provisioned ones. */
  readonly platformKeys?: readonly PlatformKey[];
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
}

export interface InstallRequest {
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Whether the user agrees; asked only when there are new dangerous permissions. Without it they are refused. */
  readonly confirm?: (plan: InstallPlan) => Promise<boolean>;
}

export type InstallResult =
  | { readonly kind: 'installed' | 'updated'; readonly app: InstalledApp; readonly before: InstalledApp | null }
  | { readonly kind: 'current'; readonly app: InstalledApp };

export interface Device {
  readonly root: string;
  /** Finishes what an interrupted run began; call it first. */
  recover(): Promise<Change | null>;
  provisionFromPem(pem: string): Promise<ProvisionResult>;
  provisionFromNetwork(): Promise<ProvisionResult>;
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
  const trustedKeys = async () => {
    const keys = options.platformKeys ?? (await storage.readProvisioning())?.keys;
    if (keys !== undefined && keys.length > 0) return keys;
    throw new DeviceError('DEVICE_NOT_PROVISIONED', 'This device has no platform key, so it can verify nothing.');
  };
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
    const platformKeys = await trustedKeys();
    const before = await installedApp(packageId);
    if (mustBeInstalled && before === null)
      throw new DeviceError('NOT_INSTALLED', `${packageId} is not installed on this device.`);
    const offer = await findApp(packageId, { network, mosisVersion });
    if (before !== null && before.versionCode === offer.versionCode && before.sha256 === offer.sha256)
      return { kind: 'current', app: before };
    refuseDowngrade(before, offer.versionCode, offer.sha256);
    const download = await downloadPackage({
      network,
      folder: storage.folders.downloads,
      offer,
      ...(request.onProgress === undefined ? {} : { onProgress: request.onProgress }),
    });
    try {
      const verified = await verifyPackage(download, { offer, platformKeys });
      const { manifest } = verified;
      refuseTooNew(manifest.min_mosis_version, mosisVersion);
      await askUser({ manifest, installed: before, newDangerous: newDangerous(manifest, before) }, request);
      const app = await installPackage(verified, { storage, journal, clock, onStep });
      await reporter.track(packageId, { type: before === null ? 'app_install' : 'app_update', consent: false });
      return { kind: before === null ? 'installed' : 'updated', app, before };
    } finally {
      await discardDownload(storage.folders.downloads, offer.sha256);
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
        return finished;
      });
    },
    async provisionFromPem(pem) {
      const keys = keysFromPem(pem);
      await alone(() => provision(storage, serverUrl, keys));
      return { keys, source: 'file' };
    },
    async provisionFromNetwork() {
      const keys = await keysFromNetwork(network);
      await alone(() => provision(storage, serverUrl, keys));
      return { keys, source: 'network' };
    },
    find: (packageId) => findApp(packageId, { network, mosisVersion }),
    install: (packageId, request = {}) => alone(() => install(packageId, request, false)),
    update: (packageId, request = {}) => alone(() => install(packageId, request, true)),
    uninstall: (packageId, { keepData }) =>
      alone(async () => {
        // While it is still there to be named; telling twice after a failed removal does no harm.
        await reporter.track(packageId, { type: 'app_uninstall', consent: false });
        return await uninstallPackage(packageId, keepData, { storage, journal });
      }),
    async list() {
      const installed = await storage.readInstalled();
      return Object.values(installed).sort((a, b) => (a.packageId < b.packageId ? -1 : 1));
    },
  };
}

/** A version code never goes down, and one code never means two packages (docs/DEVICE_PROTOCOL.md §4). */
function refuseDowngrade(before: InstalledApp | null, versionCode: number, sha256: string): void {
  if (before === null || versionCode > before.versionCode) return;
  if (versionCode === before.versionCode && sha256 === before.sha256) return;
  throw new DeviceError(
    'DOWNGRADE_REFUSED',
    versionCode === before.versionCode
      ? `The store offers another package with the installed version code ${versionCode}.`
      : `The store offers version code ${versionCode}, but ${before.versionCode} is installed.`,
  );
}

function newDangerous({ permissions }: Manifest, before: InstalledApp | null): string[] {
  const had = before?.permissions ?? [];
  return permissions.filter((name) => PERMISSION_REGISTRY[name].level === 'dangerous' && !had.includes(name));
}

async function askUser(plan: InstallPlan, { confirm }: InstallRequest): Promise<void> {
  if (plan.newDangerous.length === 0) return;
  if ((await confirm?.(plan)) === true) return;
  throw new DeviceError('PERMISSIONS_REFUSED', `The permissions ${plan.newDangerous.join(', ')} were not granted.`);
}

function refuseTooNew(minimum: string, mosisVersion: string): void {
  const wanted = parseSemver(minimum);
  const have = parseSemver(mosisVersion);
  if (wanted !== null && have !== null && compareSemver(have, wanted) >= 0) return;
  throw new DeviceError('MOSIS_TOO_OLD', `The app needs Mosis ${minimum}; this device has ${mosisVersion}.`);
}
