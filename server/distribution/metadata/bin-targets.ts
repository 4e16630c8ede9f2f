/** Owns which packages the signed metadata lists, and what it says of each. It reads the core database and signs nothing. */
import { TargetFile } from '@tufjs/models';
import {
  type BinLevel,
  type RolloutEntry,
  type RolloutState,
  type TargetFacts,
  targetPath,
} from '../../../format/trust/targets.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import type { Database } from '../../platform/db/database.ts';

/** Of each app, so many newest versions are always listed. */
export const NEWEST_LISTED = 3;

const LISTED = {
  state: 'PUBLISHED',
  bytesRemovedAt: null,
  app: { status: 'PUBLISHED' },
} as const satisfies Prisma.AppVersionWhereInput;

const SELECTION = {
  state: true,
  bytesRemovedAt: true,
  versionCode: true,
  versionName: true,
  minMosisVersion: true,
  permissions: true,
  packageSize: true,
  packageSha256: true,
  signerKeyId: true,
  rollouts: { select: { track: true, seed: true, basisPoints: true, state: true } },
  rollbacks: {
    select: { track: true, fromCode: true, reason: true, restoreData: true },
    orderBy: { createdAt: 'asc' },
  },
  app: {
    select: {
      packageId: true,
      status: true,
      pins: { orderBy: { serial: 'asc' } },
      versions: {
        select: {
          state: true,
          bytesRemovedAt: true,
          versionCode: true,
          minMosisVersion: true,
          rollouts: { select: { track: true, state: true } },
        },
      },
    },
  },
} as const satisfies Prisma.AppVersionSelect;
type ListedVersion = Prisma.AppVersionGetPayload<{ select: typeof SELECTION }>;

/** How many packages could be listed: what decides how many bins there are. */
export function countListed(db: Database): Promise<number> {
  return db.prisma.appVersion.count({ where: LISTED });
}

/** The targets of one bin, by path. */
export async function targetsOfBin(db: Database, bin: number, level: BinLevel): Promise<Record<string, TargetFile>> {
  const width = 1 << (16 - level);
  // By the place alone: asked for states too, SQLite reads every published version or rollout there is for each bin.
  const versions = await db.prisma.appVersion.findMany({
    where: { metadataBin: { gte: bin * width, lt: (bin + 1) * width } },
    select: SELECTION,
  });
  const targets = versions
    .filter((version) => isOffered(version) && version.app.status === 'PUBLISHED')
    .filter((version) => isListed(version, offeredOf(version.app)))
    .map(targetOf);
  targets.sort((a, b) => (a.path < b.path ? -1 : 1));
  return Object.fromEntries(targets.map((target) => [target.path, target]));
}

/** As `LISTED`, but for its app. */
function isOffered({ state, bytesRemovedAt }: Pick<ListedVersion, 'state' | 'bytesRemovedAt'>): boolean {
  return state === 'PUBLISHED' && bytesRemovedAt === null;
}

function offeredOf({ versions }: ListedVersion['app']): PublishedFacts[] {
  return versions.filter(isOffered).map(({ versionCode, minMosisVersion, rollouts }) => ({
    ...{ versionCode, minMosisVersion },
    rollouts: rollouts.filter(({ state }) => state === 'COMPLETE'),
  }));
}

/** A published version of the same app, with the tracks on which every device is offered it. */
interface PublishedFacts {
  readonly versionCode: number;
  readonly minMosisVersion: string;
  readonly rollouts: readonly { readonly track: string }[];
}

/**
 * The newest few, the newest for each Mosis that an old device may have, and what a rollout or rollback names. Of each track those
 * that every device is offered count by themselves, so that versions for few (a beta, one halted at 1 %) displace none of them.
 */
export function isListed(
  version: Pick<ListedVersion, 'versionCode' | 'minMosisVersion'> & {
    readonly rollouts: readonly { readonly track: string; readonly state: string }[];
    readonly rollbacks: readonly unknown[];
  },
  versions: readonly PublishedFacts[],
): boolean {
  if (version.rollbacks.length > 0) return true;
  if (version.rollouts.some(({ state }) => state === 'ACTIVE' || state === 'PAUSED')) return true;
  if (isNewestOf(version, versions)) return true;
  return version.rollouts.some(
    ({ track, state }) =>
      state === 'COMPLETE' &&
      isNewestOf(
        version,
        versions.filter(({ rollouts }) => rollouts.some((complete) => complete.track === track)),
      ),
  );
}

/** Whether it is one of the newest few of these, or the newest of them for its Mosis. */
function isNewestOf(
  { versionCode, minMosisVersion }: Pick<ListedVersion, 'versionCode' | 'minMosisVersion'>,
  versions: readonly { readonly versionCode: number; readonly minMosisVersion: string }[],
): boolean {
  const newer = versions.filter((other) => other.versionCode > versionCode);
  return newer.length < NEWEST_LISTED || newer.every((other) => other.minMosisVersion !== minMosisVersion);
}

function targetOf(version: ListedVersion): TargetFile {
  const { app, signerKeyId, permissions } = version;
  if (signerKeyId === null)
    throw new Error(`${app.packageId} ${version.versionCode} was published without a signature`);
  const stable = rolloutOn(version, 'STABLE');
  const beta = rolloutOn(version, 'BETA');
  const facts: TargetFacts = {
    v: 1,
    version: version.versionName,
    min_mosis_version: version.minMosisVersion,
    permissions: permissions as string[],
    signer_key_id: signerKeyId,
    pins: app.pins.map((link) => ({
      serial: link.serial,
      key_ids: link.keyIds as string[],
      public_key: link.publicKey,
      signature: link.signature,
      recovered: link.recovered,
    })),
    rollouts: { ...(stable === null ? {} : { stable }), ...(beta === null ? {} : { beta }) },
    rollbacks: version.rollbacks.map(({ track, fromCode, reason, restoreData }) => ({
      track: track === 'BETA' ? 'beta' : 'stable',
      from: fromCode,
      reason,
      restore_data: restoreData,
    })),
  };
  return new TargetFile({
    path: targetPath(app.packageId, version.versionCode),
    length: version.packageSize,
    hashes: { sha256: version.packageSha256 },
    // As it will be read.
    unrecognizedFields: { custom: { mosis: JSON.parse(JSON.stringify(facts)) } },
  });
}

function rolloutOn({ rollouts }: ListedVersion, track: 'STABLE' | 'BETA'): RolloutEntry | null {
  const found = rollouts.find((rollout) => rollout.track === track);
  if (found === undefined) return null;
  return { seed: found.seed, basis_points: found.basisPoints, state: shownState(found.state) };
}

/** A rollout that a newer one took the place of still holds for those who have it, and for nobody else. */
function shownState(state: string): RolloutState {
  switch (state) {
    case 'ACTIVE':
      return 'active';
    case 'COMPLETE':
      return 'complete';
    case 'PAUSED':
      return 'paused';
    default:
      return 'halted';
  }
}
