/**
 * Owns the decision whether a package that the repository vouches for may come onto this device in place of what is there:
 * the chain of pinned keys, the version code, the rollout. Pure; the bytes themselves are judged by `verify.ts`.
 */

import { fromBase64 } from '../../format/base64.ts';
import { verifyPinChain } from '../../format/pins.ts';
import { compareSemver, parseSemver } from '../../format/semver.ts';
import { PUBLIC_KEY_BYTES } from '../../format/signing.ts';
import { type TargetFacts, type Track, takesPart } from '../../format/trust/targets.ts';
import { DeviceError } from '../errors.ts';
import type { InstalledApp } from '../storage.ts';
import type { TrustedTarget } from './repository.ts';

export interface DeviceFacts {
  readonly installed: InstalledApp | null;
  /** 32 random bytes of this device, which nobody else is told. */
  readonly deviceNumber: Uint8Array;
  readonly mosisVersion: string;
  readonly track: Track;
  /** What the repository says of the installed version, where it lists that. */
  readonly installedFacts?: TargetFacts | null;
}

export interface Authorisation {
  /** Set where the version code goes down: what the repository says of that. */
  readonly rollback: TargetFacts['rollbacks'][number] | null;
  /** The platform, not a developer's key, changed who may sign since: the device's user is asked. */
  readonly recoveredKeys: boolean;
}

/** Throws a DeviceError that says why not; nothing was downloaded yet. */
export function authorise(target: TrustedTarget, device: DeviceFacts): Authorisation {
  const recoveredKeys = checkPins(target, device.installed);
  requireMosis(target, device.mosisVersion);
  const rollback = checkVersionCode(target, device);
  if (rollback === null) {
    checkRollout(target, device);
    checkTakenBack(target, device);
  }
  return { rollback, recoveredKeys };
}

/** The chain verifies, goes on from the one this device knows, and ends with a set that the signer is in. */
function checkPins({ packageId, facts }: TrustedTarget, installed: InstalledApp | null): boolean {
  const links = facts.pins.map((link) => ({
    packageId,
    serial: link.serial,
    keyIds: link.key_ids,
    publicKey: link.public_key,
    signature: link.signature,
    ...(link.recovered ? { recovered: true } : {}),
  }));
  // Who may sign a recovered link is for the signed metadata, which carries it.
  const platformKeys = links.flatMap((link) =>
    link.recovered === true ? (fromBase64(link.publicKey, PUBLIC_KEY_BYTES) ?? []) : [],
  );
  const chain = verifyPinChain(links, { packageId, platformKeys });
  if (!chain.ok) throw broken(`Link ${chain.serial} of the chain of keys does not hold (${chain.problem}).`);
  const known = installed?.pins ?? [];
  for (const [index, link] of known.entries()) {
    const same = links[index];
    if (same?.signature !== link.signature || same.keyIds.join() !== link.keyIds.join())
      throw broken(`Link ${index + 1} of the chain of keys is another one than this device knows.`);
  }
  if (!chain.keyIds.includes(facts.signer_key_id))
    throw new DeviceError('SIGNER_NOT_PINNED', `The key ${facts.signer_key_id} may not sign ${packageId}.`);
  return installed !== null && links.slice(known.length).some((link) => link.recovered === true);
}

function requireMosis({ facts }: TrustedTarget, mosisVersion: string): void {
  const wanted = parseSemver(facts.min_mosis_version);
  const have = parseSemver(mosisVersion);
  if (wanted !== null && have !== null && compareSemver(have, wanted) >= 0) return;
  throw new DeviceError(
    'MOSIS_TOO_OLD',
    `The app needs Mosis ${facts.min_mosis_version}; this device has ${mosisVersion}.`,
  );
}

/** A code never goes down but by a signed entry, and one code never means two packages. */
function checkVersionCode(target: TrustedTarget, { installed, track }: DeviceFacts): Authorisation['rollback'] {
  if (installed === null || target.versionCode > installed.versionCode) return null;
  if (target.versionCode === installed.versionCode) {
    if (target.sha256 === installed.sha256) return null;
    throw new DeviceError(
      'DOWNGRADE_REFUSED',
      `The store offers another package with the installed version code ${target.versionCode}.`,
    );
  }
  const entry = rollbackEntry(target.facts, installed.versionCode, track);
  if (entry !== undefined) return entry;
  throw new DeviceError(
    'DOWNGRADE_REFUSED',
    `The store offers version code ${target.versionCode}, but ${installed.versionCode} is installed.`,
  );
}

/**
 * The entry that takes devices on a track from a version to the one it stands on. A device on beta takes what is stable, so
 * it goes back with stable too; an entry of its own track comes first.
 */
function rollbackEntry({ rollbacks }: TargetFacts, from: number, track: Track): Authorisation['rollback'] | undefined {
  const entries = rollbacks.filter((each) => each.from === from);
  return (
    entries.find((each) => each.track === track) ??
    (track === 'beta' ? entries.find((each) => each.track === 'stable') : undefined)
  );
}

/** While an entry takes devices of a version back to the installed one, that version is none to go to: it would be a circle. */
function checkTakenBack(target: TrustedTarget, { installed, installedFacts, track }: DeviceFacts): void {
  if (installed === null || installedFacts == null) return;
  if (rollbackEntry(installedFacts, target.versionCode, track) === undefined) return;
  throw new DeviceError(
    'NOT_OFFERED',
    `Version code ${target.versionCode} of ${installed.name} was taken back to the installed one.`,
  );
}

/** The device's own number decides, so that no list of devices is needed and nobody can ask for a place. */
function checkRollout({ facts }: TrustedTarget, { deviceNumber, track, installed }: DeviceFacts): void {
  const { stable, beta } = facts.rollouts;
  // A device on the beta track takes what is stable too.
  const offers = track === 'beta' ? [beta, stable] : [stable];
  const reached = offers.some(
    (rollout) =>
      rollout !== undefined &&
      (rollout.state === 'active' || rollout.state === 'complete') &&
      takesPart(rollout, deviceNumber),
  );
  if (reached) return;
  const what = installed === null ? 'The app' : `The next version of ${installed.name}`;
  throw new DeviceError('NOT_OFFERED', `${what} is not offered to this device yet on its track (${track}).`);
}

function broken(why: string): DeviceError {
  return new DeviceError(
    'PIN_CHAIN_BROKEN',
    `${why} Nothing was installed; the app's developer or the platform must explain it.`,
  );
}
