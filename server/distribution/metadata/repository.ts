/**
 * Owns the signed repository as it stands: which bins changed, signing what must be, and putting bins, snapshot and
 * timestamp in force in one transaction. Files that nothing names yet may lie there before it; nobody is served half.
 */
import { BIN_LEVELS, type BinLevel, binName, binOf } from '../../../format/trust/targets.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Tx } from '../../platform/db/database.ts';
import type { SqliteDatabase } from '../../platform/db/sqlite.ts';
import { createGivingWay } from '../../platform/giving-way.ts';
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

/**
 * Which bins to look at: those of these prefixes (`binPrefixOf`), or every one. `anew` signs every file again under a new number:
 * after a restore, when devices may have seen later ones.
 */
export type Changed = 'anew' | 'all' | ReadonlySet<number>;

interface RepositoryOptions {
  readonly db: SqliteDatabase;
  readonly clock: Clock;
}

/** One run of `publish`: what it goes by. */
interface Run {
  readonly level: BinLevel;
  readonly current: ReadonlyMap<string, RoleFile>;
  readonly now: Date;
  readonly signers: Signers;
}

export type Repository = ReturnType<typeof createRepository>;

export function createRepository({ db, clock }: RepositoryOptions) {
  const files = createSignedFiles({ db, clock });
  const bins = createBinReader(db.raw);
  let signers: Signers | null = null;
  /** Whether all that is in force is known to be signed by `signers`. */
  let signedByThese = false;

  /**
   * Brings the metadata up to the database. Signs the bins that changed, end soon or have another key's signature, and then
   * snapshot and timestamp where anything was, or they end soon; `within` runs in the transaction that puts them in force.
   * Returns what was signed. One call at a time.
   */
  async function publish(
    changed: Changed,
    within: (tx: Tx) => Promise<void> = async () => undefined,
  ): Promise<string[]> {
    if (signers === null) throw new Error('There are no keys to sign with');
    const now = clock.now();
    const current = await files.current();
    const run: Run = { level: await levelFor(current), current, now, signers };
    const foreign = signedByThese ? new Set<string>() : await signedByOthers(run);
    const anew = changed === 'anew';
    const ahead = await signBins(foreign.has('bins') ? 'anew' : changed, run);
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
    const timestamp = signedTimestamp(snapshot, foreign.has('timestamp'), run);
    await files.putInForce({ ahead, snapshot, timestamp, now }, within);
    signedByThese = true;
    return [...ahead, snapshot, timestamp].flatMap((file) => file?.name ?? []);
  }

  /** Levels only rise: a client that knows a bin refuses a snapshot without it, so all old ones would have to stay anyway. */
  async function levelFor(current: ReadonlyMap<string, RoleFile>): Promise<BinLevel> {
    const begun = BIN_LEVELS.findLast((level) => current.has(binName(0, level))) ?? BIN_LEVELS[0];
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
  async function signBins(changed: Changed, run: Run): Promise<RoleFile[]> {
    const signed: RoleFile[] = [];
    let waiting: SignedFile[] = [];
    const giveWay = createGivingWay();
    for (const bin of binsToSign(changed, run)) {
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
    return signed;
  }

  /** The bin's next file; null when the one in force says the same and holds for long enough. */
  async function nextBin(bin: number, anew: boolean, run: Run): Promise<SignedFile | null> {
    const role = binName(bin, run.level);
    const targets = await bins.targetsOf(bin, run.level);
    const last = run.current.get(role);
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

function binsToSign(changed: Changed, { level, current, now }: Run): number[] {
  const touched = typeof changed === 'string' ? null : new Set([...changed].map((prefix) => binOf(prefix, level)));
  const bins: number[] = [];
  for (let bin = 0; bin < 1 << level; bin += 1) {
    if (touched === null || touched.has(bin) || due('bin', current.get(binName(bin, level)), now)) bins.push(bin);
  }
  return bins;
}

/** The number of every file that the next snapshot names. */
function versionsOf(current: ReadonlyMap<string, RoleFile>, fresh: readonly RoleFile[]): Map<string, number> {
  const versions = new Map<string, number>();
  for (const { role, version } of [...current.values(), ...fresh]) {
    if (role !== 'snapshot' && role !== 'timestamp') versions.set(`${role}.json`, version);
  }
  return versions;
}

function signedTimestamp(fresh: SignedFile | null, foreign: boolean, run: Run): SignedFile | null {
  const { current, now } = run;
  const last = current.get('timestamp');
  if (fresh === null && !foreign && !due('timestamp', last, now)) return null;
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
