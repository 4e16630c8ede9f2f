/**
 * Owns finding out what there is for an app, or for all of them at once, and having the right version taken. What the server says
 * are hints: the signed metadata decides. Callers hold the lock of the folder.
 */
import type { Track } from '../format/trust/targets.ts';
import { chooseVersion, isForOthers, type Refusal, worstRefusal } from './choice.ts';
import { DeviceError, type DeviceErrorCode, storageError } from './errors.ts';
import { findApp } from './find.ts';
import type { FailedUpdate } from './outcomes.ts';
import type { InstalledApp, Storage } from './storage.ts';
import { noteFailure, type Taken, type TakeParts, takeVersion, type UpdateRequest } from './take.ts';
import type { TrustedRepository } from './trust/repository.ts';
import { checkForApp, checkForUpdates, type UpdateHints } from './updates.ts';

export interface InstallRequest extends UpdateRequest {
  /** The track to follow from now on; what the app followed before, else stable. */
  readonly track?: Track;
}

export type InstallResult = Taken | { readonly kind: 'current'; readonly app: InstalledApp };

/** What became of one of all installed apps; whatever failed, the installed version stays. */
export type UpdateOutcome =
  | InstallResult
  | {
      readonly kind: 'failed';
      readonly app: InstalledApp;
      /** The version that was to come, where it came as far as choosing one. */
      readonly versionCode: number | null;
      readonly error: DeviceError;
    }
  /** It failed before and is not due again. */
  | { readonly kind: 'waiting'; readonly app: InstalledApp; readonly failure: FailedUpdate };

export interface UpdateSummary {
  readonly outcomes: readonly UpdateOutcome[];
  /** Installed apps that the store does not serve now, as it says; they stay. */
  readonly gone: readonly string[];
  /** False where the server answered no update check, and each app was looked up by itself. */
  readonly checked: boolean;
}

export interface AcquireParts extends TakeParts {
  readonly repository: TrustedRepository;
  readonly mosisVersion: string;
}

export interface Acquisition {
  install(packageId: string, request: InstallRequest): Promise<InstallResult>;
  update(packageId: string, request: UpdateRequest): Promise<InstallResult>;
  updateAll(request: UpdateRequest): Promise<UpdateSummary>;
}

/** Which app is chosen for, and whether an earlier failure is waited out (nobody asked) or not. */
interface Subject {
  readonly packageId: string;
  readonly installed: InstalledApp | null;
  readonly track: Track;
  readonly patient: boolean;
}

/** What the download address answers where it has no version for this device. */
const NOTHING_TO_DOWNLOAD: readonly DeviceErrorCode[] = ['NOT_FOUND', 'MOSIS_TOO_OLD', 'NOT_OFFERED'];

export function createAcquisition(parts: AcquireParts): Acquisition {
  const { storage, network, repository, outcomes, mosisVersion } = parts;
  const asking = { network, mosisVersion };

  const choose = async ({ packageId, patient, ...subject }: Subject, codes: readonly number[]) =>
    await chooseVersion(packageId, codes, {
      ...subject,
      repository,
      mosisVersion,
      deviceNumber: await storage.deviceNumber(),
      standing: async (sha256) => (patient ? await outcomes.standing(packageId, sha256) : null),
    });

  /** The version behind the download address; none where that is for other devices. */
  async function downloadCodes(packageId: string): Promise<number[]> {
    try {
      return [(await findApp(packageId, asking)).versionCode];
    } catch (error) {
      if (error instanceof DeviceError && error.code !== 'NOT_FOUND' && NOTHING_TO_DOWNLOAD.includes(error.code))
        return [];
      throw error;
    }
  }

  /** An app that is not there: by the update check, then by its download address, then its very first version. */
  async function fresh(packageId: string, track: Track, request: UpdateRequest): Promise<Taken> {
    const hints = await hintsOf(() => checkForApp(packageId, track, asking));
    const subject: Subject = { packageId, installed: null, track, patient: false };
    const refusals: Refusal[] = [];
    let missing: DeviceError | null = null;
    const sources = [
      async () => codesOf(hints, packageId),
      async () => {
        const found = await findApp(packageId, asking).catch((error: unknown) => {
          if (!(error instanceof DeviceError) || !NOTHING_TO_DOWNLOAD.includes(error.code)) throw error;
          missing = error;
          return null;
        });
        return found === null ? [] : [found.versionCode];
      },
      // The check names versions above the one that a device has, and a device without any asks as one with version 1.
      async () => (hints === null || hints.gone.includes(packageId) ? [] : [1]),
    ];
    for (const source of sources) {
      const codes = (await source()).filter((code) => !refusals.some(({ versionCode }) => versionCode === code));
      const choice = await choose(subject, codes);
      if (choice.kind === 'take') return await takeVersion(parts, { ...choice, ...subject, request });
      if (choice.kind === 'none') refusals.push(...choice.refusals);
    }
    const listed = refusals.filter(({ error, versionCode }) => error.code !== 'NOT_VOUCHED_FOR' || versionCode > 1);
    throw worstRefusal(listed)?.error ?? missing ?? worstRefusal(refusals)?.error ?? notFound(packageId);
  }

  /** One installed app, by what the check named of it or, without a check, by its download address. */
  async function bring(
    subject: Subject & { installed: InstalledApp },
    hints: UpdateHints | null,
    request: UpdateRequest,
  ): Promise<UpdateOutcome> {
    const { packageId, installed: app } = subject;
    const codes = hints === null ? await downloadCodes(packageId) : codesOf(hints, packageId);
    const notes = notesOf(hints, packageId);
    await outcomes.keepNotes(packageId, notes);
    const choice = await choose(subject, codes);
    if (choice.kind === 'waiting') return { kind: 'waiting', app, failure: choice.failure };
    if (choice.kind === 'take') {
      const { versionCode } = choice.target;
      const known = notes.find((each) => each.versionCode === versionCode);
      if (known !== undefined) request.onKnownIssue?.(packageId, versionCode, known.note);
      try {
        return await takeVersion(parts, { ...choice, ...subject, request });
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        return { kind: 'failed', app, versionCode, error };
      }
    }
    const worst = choice.kind === 'none' && !isForOthers(choice.refusals) ? worstRefusal(choice.refusals) : null;
    if (worst === null) return { kind: 'current', app };
    const { target, error, versionCode } = worst;
    // A version that goes down without an entry is a wrong hint, no failed update.
    if (target !== null && error.code !== 'DOWNGRADE_REFUSED') await noteFailure(parts, app, target, error);
    return { kind: 'failed', app, versionCode, error };
  }

  async function bringOne(app: InstalledApp, request: UpdateRequest): Promise<InstallResult> {
    const hints = await hintsOf(() => checkForUpdates(storage, asking));
    const { packageId, track } = app;
    const outcome = await bring({ packageId, installed: app, track, patient: false }, hints, request);
    if (outcome.kind === 'failed') throw outcome.error;
    return outcome.kind === 'waiting' ? { kind: 'current', app } : outcome;
  }

  /** A link that is down, or a server that asks to wait, is so for the apps that are left too. */
  async function bringAll(
    apps: readonly InstalledApp[],
    hints: UpdateHints | null,
    request: UpdateRequest,
  ): Promise<UpdateOutcome[]> {
    const done: UpdateOutcome[] = [];
    let ended: DeviceError | null = null;
    for (const app of apps) {
      const { packageId, track } = app;
      let outcome: UpdateOutcome;
      try {
        if (ended !== null) throw ended;
        outcome = await bring({ packageId, installed: app, track, patient: true }, hints, request);
      } catch (thrown) {
        const error = storageError(thrown);
        if (!(error instanceof DeviceError)) throw thrown;
        outcome = { kind: 'failed', app, versionCode: null, error };
      }
      if (outcome.kind === 'failed' && ['NETWORK', 'RATE_LIMITED'].includes(outcome.error.code)) ended = outcome.error;
      done.push(outcome);
    }
    return done;
  }

  return {
    async install(packageId, request) {
      const installed = await installedApp(storage, packageId);
      await repository.refresh();
      if (installed === null) return await fresh(packageId, request.track ?? 'stable', request);
      const app = { ...installed, track: request.track ?? installed.track };
      if (app.track !== installed.track) await storage.writeInstalled(packageId, app);
      return await bringOne(app, request);
    },
    async update(packageId, request) {
      const installed = await requireInstalled(storage, packageId);
      await repository.refresh();
      return await bringOne(installed, request);
    },
    async updateAll(request) {
      const apps = Object.values(await storage.readInstalled()).sort((a, b) => (a.packageId < b.packageId ? -1 : 1));
      if (apps.length === 0) return { outcomes: [], gone: [], checked: true };
      await repository.refresh();
      const hints = await hintsOf(() => checkForUpdates(storage, asking));
      return { outcomes: await bringAll(apps, hints, request), gone: hints?.gone ?? [], checked: hints !== null };
    },
  };
}

async function installedApp(storage: Storage, packageId: string): Promise<InstalledApp | null> {
  const installed = await storage.readInstalled();
  return (Object.hasOwn(installed, packageId) ? installed[packageId] : undefined) ?? null;
}

/** The record of an app. Throws NOT_INSTALLED. */
export async function requireInstalled(storage: Storage, packageId: string): Promise<InstalledApp> {
  const app = await installedApp(storage, packageId);
  if (app !== null) return app;
  throw new DeviceError('NOT_INSTALLED', `${packageId} is not installed on this device.`);
}

function notFound(packageId: string): DeviceError {
  return new DeviceError('NOT_FOUND', `The store has no app ${packageId}.`);
}

/** The hints of the update check, or null where the server gives none that can be read. */
async function hintsOf(check: () => Promise<UpdateHints>): Promise<UpdateHints | null> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof DeviceError && error.code === 'PROTOCOL') return null;
    throw error;
  }
}

function codesOf(hints: UpdateHints | null, packageId: string): number[] {
  return (hints?.updates ?? []).filter((each) => each.package_id === packageId).map((each) => each.version_code);
}

/** What the check says of versions on offer; of a rollback its reason is in the signed entry. */
function notesOf(hints: UpdateHints | null, packageId: string) {
  return (hints?.updates ?? []).flatMap(({ package_id: id, version_code: versionCode, known_issue: note, kind }) =>
    id === packageId && kind === 'update' && note !== null ? [{ versionCode, reason: null, note }] : [],
  );
}
