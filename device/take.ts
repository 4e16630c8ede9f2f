/**
 * Owns bringing one chosen version onto the device: room, download, verification, the user's word, its place, and telling how
 * that went. Whatever fails, the installed version stays. Callers hold the lock of the folder.
 */
import type { Manifest } from '../format/manifest.ts';
import { PERMISSION_REGISTRY } from '../format/permissions.ts';
import type { Track } from '../format/trust/targets.ts';
import type { Choice } from './choice.ts';
import { dataBytes, hasCopyOf } from './copies.ts';
import { installedBase, keepBase } from './delta.ts';
import { type Download, discardDownload, downloadPackage, type Wanted } from './download.ts';
import { DeviceError, storageError } from './errors.ts';
import type { Network } from './http.ts';
import { type InstallFacts, installPackage } from './install.ts';
import type { Journal, OnStep } from './journal.ts';
import type { Outcomes } from './outcomes.ts';
import type { Reporter } from './report.ts';
import { type freeBytesOf, requireRoom, whereRoom } from './space.ts';
import type { InstalledApp, Storage } from './storage.ts';
import { tellOfInstalled } from './telling.ts';
import type { TrustedTarget } from './trust/repository.ts';
import { verifyPackage } from './verify.ts';

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

export interface UpdateRequest {
  readonly onProgress?: (doneBytes: number, totalBytes: number, packageId: string) => void;
  /** Whether the user agrees; asked only when there are new dangerous permissions or recovered keys. Without it they are refused. */
  readonly confirm?: (plan: InstallPlan) => Promise<boolean>;
  /** What the developer says of a version that is about to come, before it does. */
  readonly onKnownIssue?: (packageId: string, versionCode: number, note: string) => void;
}

export interface Taken {
  readonly kind: 'installed' | 'updated';
  readonly app: InstalledApp;
  readonly before: InstalledApp | null;
  /** Set where the version code went down, as the signed metadata said. */
  readonly rollback: { readonly reason: string; readonly dataRestored: boolean } | null;
  /** Why an update kept no copy of the data from before it, or null. A rollback of it leaves the data as it is. */
  readonly dataNotKept: 'DATA_TOO_LARGE' | null;
}

export interface TakeParts {
  readonly storage: Storage;
  readonly journal: Journal;
  readonly network: Network;
  readonly reporter: Reporter;
  readonly outcomes: Outcomes;
  readonly onStep: OnStep;
  readonly freeBytes: typeof freeBytesOf;
}

export interface TakeOptions extends Pick<Extract<Choice, { kind: 'take' }>, 'target' | 'authorisation'> {
  readonly installed: InstalledApp | null;
  readonly track: Track;
  readonly request: UpdateRequest;
}

/** Takes a version that the signed metadata lets this device take. Throws DeviceErrors only, noted and told to the developer. */
export async function takeVersion(parts: TakeParts, options: TakeOptions): Promise<Taken> {
  const { target, installed } = options;
  try {
    return await take(parts, options);
  } catch (thrown) {
    const error = storageError(thrown);
    await parts.journal.clear().catch(() => undefined);
    if (error instanceof DeviceError && installed !== null) await noteFailure(parts, installed, target, error);
    throw error;
  }
}

/** Remembers a failed update and queues its report, unless it says nothing of the package or there is no room even for that. */
export async function noteFailure(
  { outcomes, reporter }: Pick<TakeParts, 'outcomes' | 'reporter'>,
  { packageId, versionCode }: InstalledApp,
  target: TrustedTarget,
  { code }: DeviceError,
): Promise<void> {
  try {
    if (!(await outcomes.failed(packageId, target, code))) return;
    const data = { from_code: versionCode, to_code: target.versionCode, reason: code };
    await reporter.track(packageId, { type: 'app_update_failed', data, consent: false });
  } catch (error) {
    // The failure itself is what the caller has to hear of.
    if (!(storageError(error) instanceof DeviceError)) throw error;
  }
}

async function take(parts: TakeParts, options: TakeOptions): Promise<Taken> {
  const { storage, network, outcomes, journal, onStep } = parts;
  const { target, authorisation, installed, track, request } = options;
  const { packageId } = target;
  const { data, copyBytes } = await fateOfData(storage, options);
  // The download, at least as much unpacked, and the copy of the data are there at the same time.
  await requireRoom(storage.root, 2 * target.sizeBytes + copyBytes, parts.freeBytes);
  const wanted = { ...target, url: packageUrl(network, target), signerKeyId: target.facts.signer_key_id };
  const download = await fetchPackage(parts, wanted, options);
  onStep('downloaded');
  try {
    const verified = await verifyPackage(download, wanted);
    await askUser(verified.manifest, { installed, recoveredKeys: authorisation.recoveredKeys }, request);
    const pins = target.facts.pins.map(({ key_ids: keyIds, signature }) => ({ keyIds, signature }));
    const { clock } = network;
    const app = await installPackage(verified, { track, pins, data }, { storage, journal, clock, onStep });
    await whereRoom(() => outcomes.forget(packageId));
    await whereRoom(() => tellOfInstalled(storage, parts.reporter));
    await whereRoom(() => keepBase(storage, packageId, download.path));
    const { rollback } = authorisation;
    const isKept = installed === null || rollback !== null || (await hasCopyOf(storage, installed));
    return {
      kind: installed === null ? 'installed' : 'updated',
      app,
      before: installed,
      rollback: rollback === null ? null : { reason: rollback.reason, dataRestored: data === 'restore' },
      dataNotKept: isKept ? null : 'DATA_TOO_LARGE',
    };
  } finally {
    await discardDownload(storage.folders.downloads, target.sha256);
  }
}

/** What a broken link left is kept for the next try; what filled the disk is not. */
async function fetchPackage(
  { storage, network }: TakeParts,
  offer: Wanted,
  { installed, request: { onProgress } }: TakeOptions,
): Promise<Download> {
  const folder = storage.folders.downloads;
  try {
    return await downloadPackage({
      network,
      folder,
      offer,
      base: installed === null ? null : await installedBase(storage, offer.packageId, installed.sha256),
      ...(onProgress === undefined ? {} : { onProgress: (done, total) => onProgress(done, total, offer.packageId) }),
    });
  } catch (thrown) {
    const error = storageError(thrown);
    if (error instanceof DeviceError && error.code === 'DISK_FULL') await discardDownload(folder, offer.sha256);
    throw error;
  }
}

/**
 * An update keeps the data of the version it leaves, unless that is too much; a way back uses that where its entry says so, and makes no
 * copy. `copyBytes` is the room that a copy takes.
 */
async function fateOfData(
  storage: Storage,
  { target, authorisation: { rollback }, installed }: TakeOptions,
): Promise<{ data: InstallFacts['data']; copyBytes: number }> {
  if (installed === null) return { data: 'leave', copyBytes: 0 };
  if (rollback === null) {
    const copyBytes = await dataBytes(storage, target.packageId);
    return copyBytes === 'too-large' ? { data: 'forget', copyBytes: 0 } : { data: 'copy', copyBytes };
  }
  return { data: rollback.restore_data && (await hasCopyOf(storage, target)) ? 'restore' : 'leave', copyBytes: 0 };
}

function packageUrl({ serverUrl }: Network, { packageId, versionCode }: TrustedTarget): string {
  return `${serverUrl}/v1/packages/${packageId}/${versionCode}/package.mosis`;
}

async function askUser(
  manifest: Manifest,
  { installed, recoveredKeys }: Pick<InstallPlan, 'installed' | 'recoveredKeys'>,
  { confirm }: UpdateRequest,
): Promise<void> {
  const had = installed?.permissions ?? [];
  const newDangerous = manifest.permissions.filter(
    (name) => PERMISSION_REGISTRY[name].level === 'dangerous' && !had.includes(name),
  );
  if (newDangerous.length === 0 && !recoveredKeys) return;
  if ((await confirm?.({ manifest, installed, newDangerous, recoveredKeys })) === true) return;
  if (recoveredKeys)
    throw new DeviceError(
      'PERMISSIONS_REFUSED',
      'The app has new signing keys, which the platform named after its developer lost the old ones. Nobody agreed to that here.',
    );
  throw new DeviceError('PERMISSIONS_REFUSED', `The permissions ${newDangerous.join(', ')} were not granted.`);
}
