/**
 * Owns the signed repository as it stands: which bins changed, signing what must be, and putting bins, snapshot and
 * timestamp in force in one transaction. Files that nothing names yet may lie there before it; nobody is served half.
 */
import { BIN_LEVELS, type BinLevel, binName, binOf } from '../../../format/trust/targets.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Tx } from '../../platform/db/database.ts';
import type { SqliteDatabase } from '../../platform/db/sqlite.ts';
import { createGivingWay } from '../../platform/giving-way.ts';
import type { BinLevelNote } from './bin-level.ts';
import { type BinTargets, createBinReader } from './bin-targets.ts';
import { type Signers, signBin, signSnapshot, signTargets, signTimestamp } from './role-files.ts';
import { ROOT_NAMED_ROLES } from './role-keys.ts';
import { createSignedFiles, type RoleFile, type SignedFile } from './signed-files.ts';
import { isDue, type MetadataKindName } from './times.ts';

/** Targets that a level holds before the next one is begun. */
const LEVEL_CAPACITY: Readonly<Record<BinLevel, number>> = { 4: 256, 8: 8_192, 12: Number.POSITIVE_INFINITY };
const WIDEST: BinLevel = 12;
/** Bin files written ahead in one transaction while many are signed: few, since others wait for it. */
const AHEAD = 16;
/** All bins of a level were signed together, so they end together: so many are renewed at once, the others by the next runs. */
export const RENEWED_AT_ONCE = 64;

/**
 * Which bins to look at: those of these prefixes (`binPrefixOf`), or every one. `anew` signs every file again under a new number:
 * after a restore, when devices may have seen later ones.
 */
export type Changed = 'anew' | 'all' | ReadonlySet<number>;

/** What one run has to do. */
export interface Publication {
  readonly changed: Changed;
  /** Signs the timestamp anew, however young it is. */
  readonly timestampDue?: boolean;
  /** Runs in the transaction that puts all of it in force. */
  readonly within?: (tx: Tx) => Promise<void>;
}

interface RepositoryOptions {
  readonly db: SqliteDatabase;
  readonly clock: Clock;
  readonly levelNote: BinLevelNote;
}

/** One run of `publish`: what it goes by. */
interface Run {
  readonly level: BinLevel;
  readonly current: ReadonlyMap<string, RoleFile>;
  readonly now: Date;
  readonly signers: Signers;
}

interface Bin {
  readonly level: BinLevel;
  readonly bin: number;
  readonly role: string;
}

export type Repository = ReturnType<typeof createRepository>;

export function createRepository({ db, clock, levelNote }: RepositoryOptions) {
  const files = createSignedFiles({ db, clock });
  const bins = createBinReader(db.raw);
  let signers: Signers | null = null;
  /** Whether all that is in force is known to be signed by `signers`. */
  let signedByThese = false;

  /**
   * Brings the metadata up to the database. Signs the bins that changed, end soon or have another key's signature, and then
   * snapshot and timestamp where anything was, or they end soon. Returns what was signed, and whether `more` bins end soon
   * than one run renews. One call at a time. Throws BinLevelUnfit.
   */
  async function publish({ changed, timestampDue = false, within = async () => undefined }: Publication): Promise<{
    signed: string[];
    more: boolean;
  }> {
    if (signers === null) throw new Error('There are no keys to sign with');
    const now = clock.now();
    const current = await files.current();
    const run: Run = { level: await levelFor(current), current, now, signers };
    await levelNote.raise(run.level);
    const foreign = signedByThese ? new Set<string>() : await signedByOthers(run);
    const anew = changed === 'anew';
    const { signed: ahead, more } = await signBins(foreign.has('bins') ? 'anew' : changed, run);
    const risen = !current.has(binName(0, run.level));
    if (anew || risen || foreign.has('targets') || foreign.has('bins') || due('targets', current.get('targets'), now)) {
      const targets = signTargets({ ...run, last: current.get('targets') });
      await files.writeAhead([targets], now);
      ahead.push(withoutBody(targets));
    }
    const last = current.get('snapshot');
    const snapshot =
      ahead.length > 0 || foreign.has('snapshot') || due('snapshot', last, now)
        ? signSnapshot({ ...run, last, versions: versionsOf(current, ahead) })
        : null;
    const timestamp = signedTimestamp(snapshot, timestampDue || foreign.has('timestamp'), run);
    await files.putInForce({ ahead, snapshot, timestamp, now }, within);
    signedByThese = true;
    return { signed: [...ahead, snapshot, timestamp].flatMap((file) => file?.name ?? []), more };
  }

  /**
   * Levels only rise: a client that knows a bin refuses a snapshot without it, so all old ones would have to stay anyway. The
   * database may have been restored from before a rise that clients saw.
   */
  async function levelFor(current: ReadonlyMap<string, RoleFile>): Promise<BinLevel> {
    const noted = await levelNote.highest();
    const begun = BIN_LEVELS.findLast((level) => level === noted || current.has(binName(0, level))) ?? BIN_LEVELS[0];
    // Counting takes long where there are many, and nothing follows from it any more.
    if (begun === WIDEST) return WIDEST;
    const count = await bins.countListed(LEVEL_CAPACITY[8] + 1);
    return BIN_LEVELS.find((level) => level >= begun && count <= LEVEL_CAPACITY[level]) ?? WIDEST;
  }

  /** Roles whose file in force lacks a signature of the keys that sign now; `bins` where targets names another key for them. */
  async function signedByOthers({ current, signers: keys }: Run): Promise<Set<string>> {
    const foreign = new Set<string>();
    for (const role of ROOT_NAMED_ROLES) {
      const name = current.get(role)?.name;
      const body = name === undefined ? null : await files.bodyOf(name);
      if (body === null) continue;
      const { signatures = [] } = JSON.parse(body) as { signatures?: readonly { keyid: string }[] };
      const signed = new Set(signatures.map(({ keyid }) => keyid));
      if (keys[role].some(({ key }) => !signed.has(key.keyID))) foreign.add(role);
      if (role === 'targets' && !body.includes(`"keyids":["${keys.bins.key.keyID}"]`)) foreign.add('bins');
    }
    return foreign;
  }

  /** Signs the bins that must be, a few at a time, and returns them; their text is written and forgotten. */
  async function signBins(changed: Changed, run: Run): Promise<{ signed: RoleFile[]; more: boolean }> {
    const signed: RoleFile[] = [];
    let waiting: SignedFile[] = [];
    const giveWay = createGivingWay();
    const { chosen, more } = binsToSign(changed, run);
    for (const bin of chosen) {
      const file = await nextBin(bin, changed === 'anew', run);
      // Whoever else waits for this process comes first.
      await giveWay();
      if (file === null) continue;
      waiting.push(file);
      signed.push(withoutBody(file));
      if (waiting.length < AHEAD) continue;
      await files.writeAhead(waiting, run.now);
      waiting = [];
    }
    await files.writeAhead(waiting, run.now);
    return { signed, more };
  }

  /** The bin's next file; null when the one in force says the same and holds for long enough. */
  async function nextBin({ bin, level, role }: Bin, anew: boolean, run: Run): Promise<SignedFile | null> {
    const last = run.current.get(role);
    // Nobody looks into bins of a level that was left; only their numbers count.
    if (level !== run.level) return signBin(role, { ...run, last, targets: {} });
    const targets = await bins.targetsOf(bin, level);
    const holds = last !== undefined && !anew && !due('bin', last, run.now);
    if (holds && (await saysTheSame(last, targets))) return null;
    return signBin(role, { ...run, last, targets });
  }

  async function saysTheSame(last: RoleFile, targets: BinTargets): Promise<boolean> {
    const body = await files.bodyOf(last.name);
    const before = (JSON.parse(body ?? '{}') as { signed?: { targets?: unknown } }).signed?.targets;
    return JSON.stringify(before) === JSON.stringify(targets);
  }

  return {
    publish,
    /** What signs from the next `publish` on; until then nothing changes. */
    useSigners(next: Signers): void {
      signers = next;
      signedByThese = false;
    },
    timestampExpires: files.timestampExpires,
    sweep: files.sweep,
  };
}

/**
 * What changed or is missing, before what ends soon, soonest end first: of that no more than a run's share, so that a change
 * never waits for all of it. `more` says that some is left.
 */
function binsToSign(changed: Changed, { level, current, now }: Run): { chosen: Bin[]; more: boolean } {
  const touched = typeof changed === 'string' ? null : new Set([...changed].map((prefix) => binOf(prefix, level)));
  const chosen: Bin[] = [];
  const ending: { bin: Bin; endsMs: number }[] = [];
  for (const bin of binsUpTo(level)) {
    const last = current.get(bin.role);
    if (last === undefined) chosen.push(bin);
    else if (bin.level !== level) {
      // A client may know a later number of each bin that it ever saw.
      if (changed === 'anew') chosen.push(bin);
    } else if (touched === null || touched.has(bin.bin)) chosen.push(bin);
    else if (due('bin', last, now)) ending.push({ bin, endsMs: last.expires.getTime() });
  }
  ending.sort((a, b) => a.endsMs - b.endsMs);
  chosen.push(...ending.slice(0, RENEWED_AT_ONCE).map(({ bin }) => bin));
  return { chosen, more: ending.length > RENEWED_AT_ONCE };
}

/** The bins of this level, and those of each below it: a client may have seen them, and refuses a snapshot without. */
function* binsUpTo(level: BinLevel): Generator<Bin> {
  for (const each of BIN_LEVELS.filter((lower) => lower <= level)) {
    for (let bin = 0; bin < 1 << each; bin += 1) yield { level: each, bin, role: binName(bin, each) };
  }
}

/** The number of every file that the next snapshot names. */
function versionsOf(current: ReadonlyMap<string, RoleFile>, fresh: readonly RoleFile[]): Map<string, number> {
  const versions = new Map<string, number>();
  for (const { role, version } of [...current.values(), ...fresh]) {
    if (role !== 'snapshot' && role !== 'timestamp') versions.set(`${role}.json`, version);
  }
  return versions;
}

function signedTimestamp(fresh: SignedFile | null, must: boolean, run: Run): SignedFile | null {
  const { current, now } = run;
  const last = current.get('timestamp');
  if (fresh === null && !must && !due('timestamp', last, now)) return null;
  const snapshot = fresh ?? current.get('snapshot');
  if (snapshot === undefined) throw new Error('There is no snapshot to be timestamped');
  return signTimestamp({ ...run, last, snapshot });
}

function due(kind: MetadataKindName, file: RoleFile | undefined, now: Date): boolean {
  return file === undefined || isDue(kind, file.expires, now);
}

function withoutBody({ name, role, version, expires }: SignedFile): RoleFile {
  return { name, role, version, expires };
}
