/**
 * Owns what each app offers to devices that have it, read by prepared SQL and held in bounded memory until the store changes.
 * It knows no request; that a device may take an offer is for the signed metadata to say.
 */
import { hash } from 'node:crypto';
import type { Database as RawHandle } from 'better-sqlite3';
import { compareSemver, parseSemver, type Semver } from '../../../format/semver.ts';
import type { Track } from '../../../format/trust/targets.ts';
import { AppTable } from './app-table.ts';
import type { AskedApps } from './asked-apps.ts';

/** What a device is told of a package, as JSON. */
export interface Told {
  /** Of ASCII alone, so that an answer has as many bytes as characters; one flat string. */
  readonly text: string;
  /** The first four words of its hash, which stand for the text in the tag of an answer. Beside it, not in a list: one look at memory less. */
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
  readonly word3: number;
}

/** A published package that devices are led to. */
export interface OfferedPackage {
  readonly versionCode: number;
  readonly minMosisVersion: Semver;
  /** Package id, version code, hash and size as JSON, without the braces. */
  readonly facts: string;
}

/** With what a device is told that has no base for a delta: made once, for most are told the same. */
export interface Offer extends OfferedPackage, Told {
  readonly track: Track;
  /** Every device of the track is offered it. */
  readonly full: boolean;
  /** What its developer notes on updates to it that fail for any reason; null for nothing. */
  readonly knownIssue: string | null;
  /** The same with the size of the delta from an earlier version, by its code; null where there is none. */
  readonly toldWithDelta: ReadonlyMap<number, Told> | null;
}

export interface OfferedRollback extends OfferedPackage {
  readonly track: Track;
  /** The version code that devices are taken back from. */
  readonly from: number;
  readonly told: Told;
}

/** What an app offers by track, newest first, without what no device could get. A device on beta takes stable versions too. */
export interface AppOffers {
  readonly stable: readonly Offer[];
  readonly beta: readonly Offer[];
  readonly rollbacks: readonly OfferedRollback[];
}

export interface OfferIndex {
  /**
   * What the n-th app of a check is offered: `gone` for one that is not served now, `current` where the device has the newest. Call
   * `look` before the first of a request.
   */
  of(apps: AskedApps, n: number): AppOffers | 'current' | 'gone';
  /** Forgets what was read too long ago. */
  look(): void;
  /** Forgets everything: the store changed. */
  forget(): void;
}

type Candidate = Omit<Offer, keyof Told | 'toldWithDelta'>;

interface OfferRow {
  readonly id: string;
  readonly code: number;
  readonly minMosisVersion: string;
  readonly sha256: string;
  readonly size: number;
  readonly track: string;
  readonly full: number;
  readonly knownIssue: string | null;
}
interface RollbackRow extends Omit<OfferRow, 'id' | 'full' | 'knownIssue'> {
  readonly from: number;
  readonly reason: string;
}

/** Apps held in memory: about 1 KB each. Half of them are those asked for last. */
const MAX_APPS = 20_000;
/** No listener is told of what another process (an operator's command) changes. */
const MAX_AGE_MS = 30_000;

/** Prepares the statements on a read-only handle, which stays the caller's. `nowMs` is monotonic. */
export function createOfferIndex(
  handle: RawHandle,
  { maxApps = MAX_APPS, nowMs = () => performance.now() } = {},
): OfferIndex {
  const served = handle.prepare<[string], { id: string }>(
    `SELECT id FROM apps WHERE package_id = ? AND status = 'PUBLISHED'`,
  );
  const offers = handle.prepare<[string], OfferRow>(`
    SELECT v.id, v.version_code AS code, v.min_mosis_version AS minMosisVersion, v.package_sha256 AS sha256,
      v.package_size AS size, r.track, r.basis_points >= 10000 AS full,
      (SELECT k.note FROM known_issues k WHERE k.version_id = v.id AND k.reason = '') AS knownIssue
    FROM rollouts r JOIN app_versions v ON v.id = r.version_id
    WHERE r.app_id = ? AND r.state IN ('ACTIVE', 'COMPLETE') AND r.track IN ('STABLE', 'BETA') AND v.state = 'PUBLISHED'
      AND v.bytes_removed_at IS NULL
    ORDER BY v.version_code DESC`);
  const rollbacks = handle.prepare<[string], RollbackRow>(`
    SELECT r.track, r.from_code AS "from", r.reason, v.version_code AS code, v.min_mosis_version AS minMosisVersion,
      v.package_sha256 AS sha256, v.package_size AS size
    FROM rollbacks r JOIN app_versions v ON v.id = r.to_version_id
    WHERE r.app_id = ? AND v.state = 'PUBLISHED' AND v.bytes_removed_at IS NULL
    ORDER BY r.created_at DESC, r.id DESC`);
  const deltas = handle.prepare<[string], { code: number; size: number }>(`
    SELECT b.version_code AS code, d.size FROM package_deltas d JOIN app_versions b ON b.id = d.base_version_id
    WHERE d.version_id = ?`);
  const newTable = () => new AppTable<AppOffers>(Math.ceil(maxApps / 2));
  let held = newTable();
  /** Was full; what is asked for again moves over, and the rest goes when the next one is full. */
  let before = newTable();
  let sinceMs = nowMs();

  function deltasOf(versionId: string, offer: Candidate): Offer['toldWithDelta'] {
    const told = deltas.all(versionId).map(({ code, size }) => [code, updateText(offer, size)] as const);
    return told.length === 0 ? null : new Map(told);
  }

  function read(packageId: string): AppOffers | null {
    const app = served.get(packageId);
    if (app === undefined) return null;
    const found = offers.all(app.id).map((row) => ({
      ...packageOf(packageId, row),
      id: row.id,
      track: row.track === 'BETA' ? ('beta' as const) : ('stable' as const),
      full: row.full === 1,
      knownIssue: row.knownIssue,
    }));
    const withDeltas = (list: readonly (Candidate & { id: string })[]): Offer[] =>
      list.map(({ id, ...offer }) => ({
        ...offer,
        ...updateText(offer, null),
        toldWithDelta: deltasOf(id, offer),
      }));
    const stable = withDeltas(reachable(found.filter(({ track }) => track === 'stable')));
    const beta = withDeltas(reachable(found));
    return {
      stable,
      beta,
      rollbacks: rollbacks.all(app.id).map((row) => {
        const found = { ...packageOf(packageId, row), track: row.track === 'BETA' ? 'beta' : 'stable' } as const;
        return { ...found, from: row.from, told: rollbackText(found, row.reason) };
      }),
    };
  }

  function forget(): void {
    held = newTable();
    before = newTable();
    sinceMs = nowMs();
  }

  /** Of an app that is not among the last ones asked for. */
  function recall(apps: AskedApps, n: number): AppOffers | null {
    const slot = before.find(apps, n);
    // What is not served is not held: a stranger could name any number of those.
    const value = slot >= 0 ? before.value(slot) : read(apps.packageId(n));
    if (value === null) return null;
    if (held.isFull) [before, held] = [held, newTable()];
    // Somebody must leave a version that may be newer than all others.
    const newest = ([first]: readonly Offer[]) =>
      value.rollbacks.length > 0 ? Number.POSITIVE_INFINITY : (first?.versionCode ?? 0);
    held.add(apps, n, { value, newestStable: newest(value.stable), newestBeta: newest(value.beta) });
    return value;
  }

  return {
    of(apps, n) {
      let slot = held.find(apps, n);
      if (slot < 0) {
        if (recall(apps, n) === null) return 'gone';
        slot = held.find(apps, n);
      }
      return held.isNewest(slot, apps, n) ? 'current' : held.value(slot);
    },
    look() {
      if (nowMs() - sinceMs > MAX_AGE_MS) forget();
    },
    forget,
  };
}

/** Leaves out what a newer version that every device gets runs in place of, and the second mention of a version. */
function reachable<O extends Candidate>(newestFirst: readonly O[]): O[] {
  const kept: O[] = [];
  for (const offer of newestFirst) {
    const twin = kept.findIndex(({ versionCode }) => versionCode === offer.versionCode);
    if (twin >= 0) {
      // On both tracks: the one that reaches more devices counts.
      if (offer.full) kept[twin] = offer;
      continue;
    }
    const replaced = kept.some(
      (newer) => newer.full && compareSemver(newer.minMosisVersion, offer.minMosisVersion) <= 0,
    );
    if (!replaced) kept.push(offer);
  }
  return kept;
}

function updateText({ facts, track, knownIssue }: Candidate, deltaSize: number | null): Told {
  const issue = JSON.stringify(knownIssue);
  return toldAs(`{${facts},"track":"${track}","delta_size":${deltaSize},"kind":"update","known_issue":${issue}}`);
}

function rollbackText({ facts, track }: OfferedPackage & { track: Track }, reason: string): Told {
  const issue = JSON.stringify(reason);
  return toldAs(`{${facts},"track":"${track}","delta_size":null,"kind":"rollback","known_issue":${issue}}`);
}

/** Takes JSON that may hold any letter. */
export function toldAs(json: string): Told {
  const ascii = json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  // What is put together stays a tree of its parts in V8, which every answer would walk again.
  const text = Buffer.from(ascii, 'latin1').toString('latin1');
  const digest = hash('sha256', text, 'buffer');
  const word = (n: number) => digest.readInt32LE(n * 4);
  return { text, word0: word(0), word1: word(1), word2: word(2), word3: word(3) };
}

function packageOf(
  packageId: string,
  row: { code: number; minMosisVersion: string; sha256: string; size: number },
): OfferedPackage {
  const minMosisVersion = leastVersion(row.minMosisVersion);
  if (minMosisVersion === null) throw new Error(`${packageId} ${row.code} has no readable least Mosis version`);
  const facts = { package_id: packageId, version_code: row.code, sha256: row.sha256, size: row.size };
  return { versionCode: row.code, minMosisVersion, facts: JSON.stringify(facts).slice(1, -1) };
}

/** Few apps differ in what they need: one object for all that need the same is always at hand. */
const LEAST_VERSIONS = new Map<string, Semver>();
const MAX_LEAST_VERSIONS = 1_000;

function leastVersion(text: string): Semver | null {
  const known = LEAST_VERSIONS.get(text);
  if (known !== undefined) return known;
  const parsed = parseSemver(text);
  if (parsed !== null && LEAST_VERSIONS.size < MAX_LEAST_VERSIONS) LEAST_VERSIONS.set(text, parsed);
  return parsed;
}
