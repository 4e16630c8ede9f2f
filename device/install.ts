/** Owns putting a verified package in place, and taking one away: extracted aside, synced, then swapped through the journal. */
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { beginCopy, makeCopy } from './copies.ts';
import { makeFolder, syncFolder, writeSynced } from './durable.ts';
import { DeviceError } from './errors.ts';
import type { Journal, OnStep } from './journal.ts';
import type { InstalledApp, Storage } from './storage.ts';
import type { VerifiedPackage } from './verify.ts';

export interface InstallOptions {
  readonly storage: Storage;
  readonly journal: Journal;
  readonly clock: () => Date;
  readonly onStep: OnStep;
}

/** What the record of an installed app keeps beside the package's own facts, and what becomes of its data. */
export interface InstallFacts extends Pick<InstalledApp, 'track' | 'pins'> {
  /**
   * `copy` keeps the data of the installed version, `forget` keeps none and drops what was kept; `restore` puts back what was kept,
   * and keeps the data until now.
   */
  readonly data: 'leave' | 'copy' | 'forget' | 'restore';
}

/** Extracts and swaps. A kill at any instant leaves the old version or the new one after `recover`, never a mix. */
export async function installPackage(
  verified: VerifiedPackage,
  facts: InstallFacts,
  options: InstallOptions,
): Promise<InstalledApp> {
  const { storage, journal, clock, onStep } = options;
  const { manifest } = verified;
  const before = (await storage.readInstalled())[manifest.id];
  const staged = `${manifest.id}-${manifest.version_code}-${randomBytes(6).toString('hex')}`;
  await extract(verified.files, join(storage.folders.staging, staged), onStep);
  const copy = before === undefined || facts.data === 'leave' ? null : `${staged}.copy`;
  if (before !== undefined && copy !== null) {
    const options = { storage, app: before, folder: join(storage.folders.staging, copy), now: clock(), onStep };
    await (facts.data === 'copy' ? makeCopy(options) : beginCopy(options));
    await syncFolder(storage.folders.staging);
    onStep('copied');
  }
  const now = clock().toISOString();
  const app: InstalledApp = {
    packageId: manifest.id,
    name: manifest.name,
    versionCode: manifest.version_code,
    versionName: manifest.version,
    sha256: verified.sha256,
    signerKeyId: verified.signerKeyId,
    permissions: [...manifest.permissions],
    track: facts.track,
    pins: facts.pins,
    installedAt: before?.installedAt ?? now,
    updatedAt: now,
  };
  await journal.carryOut({
    kind: 'swap',
    packageId: manifest.id,
    staged,
    app,
    copy,
    restore: facts.data === 'restore',
  });
  return app;
}

/** Removes an app; with `keepData` its `data`, `cache` and `db` stay for a later install. Throws NOT_INSTALLED. */
export async function uninstallPackage(
  packageId: string,
  keepData: boolean,
  { storage, journal }: Pick<InstallOptions, 'storage' | 'journal'>,
): Promise<InstalledApp> {
  const installed = await storage.readInstalled();
  const app = Object.hasOwn(installed, packageId) ? installed[packageId] : undefined;
  if (app === undefined) throw new DeviceError('NOT_INSTALLED', `${packageId} is not installed on this device.`);
  const trash = `${packageId}-removed-${randomBytes(6).toString('hex')}`;
  await journal.carryOut({ kind: 'remove', packageId, trash, keepData });
  return app;
}

/** Writes every file to a fresh folder and syncs files, then folders from the deepest up. */
async function extract(files: ReadonlyMap<string, Uint8Array>, folder: string, onStep: OnStep): Promise<void> {
  onStep('extract');
  await makeFolder(folder);
  const folders = new Set<string>([folder]);
  for (const [path, bytes] of files) {
    const target = join(folder, ...path.split('/'));
    // The format's rules exclude this; a folder that runs code is worth a second look.
    if (!target.startsWith(`${folder}/`) && process.platform !== 'win32')
      throw new DeviceError('PACKAGE_REFUSED', 'A file of the package would leave its folder.');
    for (let parent = dirname(target); !folders.has(parent); parent = dirname(parent)) folders.add(parent);
    await makeFolder(dirname(target));
    await writeSynced(target, bytes);
    onStep('extract-file');
  }
  for (const made of [...folders].sort((a, b) => b.length - a.length)) await syncFolder(made);
  await syncFolder(dirname(folder));
}
