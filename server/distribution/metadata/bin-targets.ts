/** Owns which packages the signed metadata lists, and what it says of each. It reads the core database by prepared SQL and signs nothing. */
import type { Database as RawHandle } from 'better-sqlite3';
import {
  type BinLevel,
  type RolloutEntry,
  type RolloutState,
  type TargetFacts,
  targetPath,
} from '../../../format/trust/targets.ts';
import { createGivingWay } from '../../platform/giving-way.ts';

/** Of each app, so many newest versions are always listed. */
export const NEWEST_LISTED = 3;

/** A package as a bin lists it, with the fields in the order in which they are written. */
export interface Target {
  readonly length: number;
  readonly hashes: { readonly sha256: string };
  readonly custom: { readonly mosis: TargetFacts };
}
/** By path, in order. */
export type BinTargets = Readonly<Record<string, Target>>;

export interface BinReader {
  /** How many packages could be listed, counted no further than to `most`: what decides how many bins there are. */
  countListed(most: number): Promise<number>;
  /** The targets of one bin. What changes while it is read is an event, after which the bin is read again. */
  targetsOf(bin: number, level: BinLevel): Promise<BinTargets>;
}

interface VersionFacts {
  readonly id: string;
  readonly packageId: string;
  readonly versionCode: number;
  readonly versionName: string;
  readonly minMosisVersion: string;
  readonly permissions: string;
  readonly packageSize: number;
  readonly packageSha256: string;
  readonly signerKeyId: string | null;
  readonly hasRollbacks: number;
}
/** One row for each rollout; one without where there is none. */
interface VersionRow extends VersionFacts {
  readonly track: string | null;
  readonly seed: string;
  readonly basisPoints: number;
  readonly state: string;
}
interface PinRow {
  readonly id: string;
  readonly serial: number;
  readonly keyIds: string;
  readonly publicKey: string;
  readonly signature: string;
  readonly recovered: number;
}
/** One row for each track that it is COMPLETE on; one without where there is none. */
interface NewerRow {
  readonly id: string;
  readonly versionCode: number;
  readonly minMosisVersion: string;
  readonly track: string | null;
}
interface Rollout {
  readonly track: string;
  readonly seed: string;
  readonly basisPoints: number;
  readonly state: string;
}
interface RollbackRow {
  readonly track: string;
  readonly fromCode: number;
  readonly reason: string;
  readonly restoreData: number;
}
interface ListedVersion extends VersionFacts {
  readonly rollouts: readonly Rollout[];
  readonly rollbacks: readonly RollbackRow[];
  readonly pins: readonly PinRow[];
}

const PREFIX_BITS = 16;
/** Bins are counted in so many pieces. */
const COUNTED_LEVEL: BinLevel = 8;
/** A bin is read in so many pieces, each a few milliseconds where there are a million packages. */
const SLICES = 4;

/**
 * The plus signs keep SQLite from the indexes of states: it would read every published version or complete rollout there is for each
 * bin, and reads the few of one place instead.
 */
const PLACE = 'v.metadata_bin >= ? AND v.metadata_bin < ?';
const LISTED = `${PLACE} AND +v.state = 'PUBLISHED' AND v.bytes_removed_at IS NULL AND +a.status = 'PUBLISHED'`;

/** Prepares the statements on a read-only handle, which stays the caller's. A few for many rows each: a call costs more than a row. */
export function createBinReader(handle: RawHandle): BinReader {
  const count = handle
    .prepare<[number, number, number], number>(
      `SELECT count(*) FROM (SELECT 1 FROM app_versions v CROSS JOIN apps a ON a.id = v.app_id WHERE ${LISTED} LIMIT ?)`,
    )
    .pluck();
  const versions = handle.prepare<[number, number], VersionRow>(`
    SELECT v.id, a.package_id AS packageId, v.version_code AS versionCode, v.version_name AS versionName,
      v.min_mosis_version AS minMosisVersion, v.permissions, v.package_size AS packageSize, v.package_sha256 AS packageSha256,
      v.signer_key_id AS signerKeyId, EXISTS (SELECT 1 FROM rollbacks b WHERE b.to_version_id = v.id) AS hasRollbacks,
      r.track, r.seed, r.basis_points AS basisPoints, r.state
    FROM app_versions v CROSS JOIN apps a ON a.id = v.app_id LEFT JOIN rollouts r ON r.version_id = v.id WHERE ${LISTED}`);
  const pins = handle.prepare<[number, number], PinRow>(`
    SELECT v.id, p.serial, p.key_ids AS keyIds, p.public_key AS publicKey, p.signature, p.recovered
    FROM app_versions v CROSS JOIN pin_links p ON p.app_id = v.app_id WHERE ${PLACE} ORDER BY p.serial`);
  const newer = handle.prepare<[number, number], NewerRow>(`
    SELECT v.id, n.version_code AS versionCode, n.min_mosis_version AS minMosisVersion, r.track
    FROM app_versions v CROSS JOIN app_versions n ON n.app_id = v.app_id AND n.version_code > v.version_code
      AND +n.state = 'PUBLISHED' AND n.bytes_removed_at IS NULL
    LEFT JOIN rollouts r ON r.version_id = n.id AND +r.state = 'COMPLETE' WHERE ${PLACE}`);
  const rollbacks = handle.prepare<[string], RollbackRow>(`
    SELECT track, from_code AS fromCode, reason, restore_data AS restoreData FROM rollbacks
    WHERE to_version_id = ? ORDER BY created_at, id`);

  function listedBetween(from: number, to: number): ListedVersion[] {
    const pinsOf = Map.groupBy(pins.all(from, to), ({ id }) => id);
    const newerThan = Map.groupBy(newer.all(from, to), ({ id }) => id);
    const rows = Map.groupBy(versions.all(from, to), ({ id }) => id);
    return [...rows].flatMap(([id, ofVersion]) => {
      const [first] = ofVersion;
      if (first === undefined) return [];
      const rollouts = ofVersion.flatMap(({ track, seed, basisPoints, state }) =>
        track === null ? [] : [{ track, seed, basisPoints, state }],
      );
      const back = first.hasRollbacks === 0 ? [] : rollbacks.all(id);
      const version = { ...first, rollouts, rollbacks: back, pins: pinsOf.get(id) ?? [] };
      return isListed(version, publishedFacts(newerThan.get(id) ?? [])) ? [version] : [];
    });
  }

  return {
    async countListed(most) {
      const giveWay = createGivingWay();
      const width = 1 << (PREFIX_BITS - COUNTED_LEVEL);
      let listed = 0;
      for (let from = 0; from < 1 << PREFIX_BITS && listed < most; from += width) {
        listed += count.get(from, from + width, most - listed) ?? 0;
        await giveWay();
      }
      return listed;
    },
    async targetsOf(bin, level) {
      const giveWay = createGivingWay();
      const width = 1 << (PREFIX_BITS - level);
      const targets: [path: string, target: Target][] = [];
      for (let slice = 0; slice < SLICES; slice += 1) {
        const from = bin * width + (slice * width) / SLICES;
        for (const version of listedBetween(from, from + width / SLICES))
          targets.push([targetPath(version.packageId, version.versionCode), targetOf(version)]);
        await giveWay();
      }
      targets.sort(([a], [b]) => (a < b ? -1 : 1));
      return Object.fromEntries(targets);
    },
  };
}

function publishedFacts(rows: readonly NewerRow[]): PublishedFacts[] {
  const byCode = Map.groupBy(rows, ({ versionCode }) => versionCode);
  return [...byCode].map(([versionCode, ofVersion]) => ({
    versionCode,
    minMosisVersion: ofVersion[0]?.minMosisVersion ?? '',
    rollouts: ofVersion.flatMap(({ track }) => (track === null ? [] : [{ track }])),
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

function targetOf(version: ListedVersion): Target {
  const { packageId, versionCode, signerKeyId } = version;
  if (signerKeyId === null) throw new Error(`${packageId} ${versionCode} was published without a signature`);
  const stable = rolloutOn(version, 'STABLE');
  const beta = rolloutOn(version, 'BETA');
  const facts: TargetFacts = {
    v: 1,
    version: version.versionName,
    min_mosis_version: version.minMosisVersion,
    permissions: JSON.parse(version.permissions) as string[],
    signer_key_id: signerKeyId,
    pins: version.pins.map((link) => ({
      serial: link.serial,
      key_ids: JSON.parse(link.keyIds) as string[],
      public_key: link.publicKey,
      signature: link.signature,
      recovered: link.recovered !== 0,
    })),
    rollouts: { ...(stable === null ? {} : { stable }), ...(beta === null ? {} : { beta }) },
    rollbacks: version.rollbacks.map(({ track, fromCode, reason, restoreData }) => ({
      track: track === 'BETA' ? 'beta' : 'stable',
      from: fromCode,
      reason,
      restore_data: restoreData !== 0,
    })),
  };
  return { length: version.packageSize, hashes: { sha256: version.packageSha256 }, custom: { mosis: facts } };
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
