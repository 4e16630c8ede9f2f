/** Owns which of the versions that the server names a device takes: the first that the signed metadata lets it take. */
import type { Track } from '../format/trust/targets.ts';
import { DeviceError, type DeviceErrorCode } from './errors.ts';
import type { FailedUpdate } from './outcomes.ts';
import type { InstalledApp } from './storage.ts';
import { type Authorisation, authorise } from './trust/authorise.ts';
import type { TrustedRepository, TrustedTarget } from './trust/repository.ts';

/** Versions that a device looks at, of however many are named: each may cost a file of signed metadata. */
const MAX_LOOKED_AT = 8;

export interface ChoiceOptions {
  readonly repository: TrustedRepository;
  readonly deviceNumber: Uint8Array;
  readonly mosisVersion: string;
  readonly track: Track;
  readonly installed: InstalledApp | null;
  /** The failure that keeps a target from being tried now; none where a person asks. */
  readonly standing: (sha256: string) => Promise<FailedUpdate | null>;
}

/** Why a version was not taken. */
export interface Refusal {
  readonly versionCode: number;
  /** Null where the repository does not list the version. */
  readonly target: TrustedTarget | null;
  readonly error: DeviceError;
}

export type Choice =
  | { readonly kind: 'take'; readonly target: TrustedTarget; readonly authorisation: Authorisation }
  | { readonly kind: 'current' }
  /** All that could be taken failed before, and is not due yet. */
  | { readonly kind: 'waiting'; readonly failure: FailedUpdate }
  | { readonly kind: 'none'; readonly refusals: readonly Refusal[] };

/**
 * Goes through the version codes from the highest down, in whatever order the server named them, and past those that are not
 * for this device. Throws what keeps the metadata from being read.
 */
export async function chooseVersion(
  packageId: string,
  codes: readonly number[],
  options: ChoiceOptions,
): Promise<Choice> {
  const { repository, installed } = options;
  const refusals: Refusal[] = [];
  let failure: FailedUpdate | null = null;
  const wanted = [...new Set(codes)].sort((a, b) => b - a).slice(0, MAX_LOOKED_AT);
  for (const versionCode of wanted) {
    const target = await repository.target(packageId, versionCode);
    if (target === null) {
      const why = `The store offers ${packageId} ${versionCode}, which the signed repository does not list.`;
      refusals.push({ versionCode, target, error: new DeviceError('NOT_VOUCHED_FOR', why) });
      continue;
    }
    if (installed?.versionCode === versionCode && installed.sha256 === target.sha256) return { kind: 'current' };
    const failed = await options.standing(target.sha256);
    if (failed !== null) {
      failure ??= failed;
      continue;
    }
    try {
      const installedFacts = await factsOfInstalled(versionCode, options);
      return { kind: 'take', target, authorisation: authorise(target, { ...options, installedFacts }) };
    } catch (error) {
      if (!(error instanceof DeviceError) || error.code.startsWith('METADATA_')) throw error;
      refusals.push({ versionCode, target, error });
    }
  }
  return failure === null ? { kind: 'none', refusals } : { kind: 'waiting', failure };
}

/** Only a way up asks for it: it may have been taken back. */
async function factsOfInstalled(versionCode: number, { repository, installed }: ChoiceOptions) {
  if (installed === null || versionCode <= installed.versionCode) return null;
  return (await repository.target(installed.packageId, installed.versionCode))?.facts ?? null;
}

/** Refusals that mean no more than: not for this device now. */
const NOT_FOR_US: readonly DeviceErrorCode[] = ['NOT_OFFERED', 'MOSIS_TOO_OLD'];

/** The refusal worth telling: one that warns before one that only says to wait. */
export function worstRefusal(refusals: readonly Refusal[]): Refusal | null {
  const warns = ({ error }: Refusal) => !NOT_FOR_US.includes(error.code);
  const isUnknown = ({ error }: Refusal) => error.code === 'NOT_VOUCHED_FOR';
  return refusals.find((each) => warns(each) && !isUnknown(each)) ?? refusals.find(warns) ?? refusals[0] ?? null;
}

/** Whether nothing is wrong: the versions are for other devices, or there are none. */
export function isForOthers(refusals: readonly Refusal[]): boolean {
  return refusals.every(({ error }) => NOT_FOR_US.includes(error.code));
}
