/**
 * Owns the signed repository as it stands: which bins changed, signing what must be, and putting bins, snapshot and
 * timestamp in force in one transaction. Files that nothing names yet may lie there before it; nobody is served half.
 */
import { Metadata, MetaFile, Snapshot, type TargetFile, Targets, Timestamp } from '@tufjs/models';
import { BIN_LEVELS, BIN_PREFIX, type BinLevel, binName, binOf } from '../../../format/trust/targets.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database, Tx } from '../../platform/db/database.ts';
import { countListed, targetsOfBin } from './bin-targets.ts';
import { type OnlineKeys, signWith } from './role-keys.ts';
import { expiryOf, isDue, KEEP_SUPERSEDED_MS, type MetadataKindName, nextVersion, SPEC_VERSION } from './times.ts';

/** Targets that a level holds before the next one is begun. */
const LEVEL_CAPACITY: Readonly<Record<BinLevel, number>> = { 4: 256, 8: 8_192, 12: Number.POSITIVE_INFINITY };
/** Bin files written ahead in one transaction while many are signed. */
const AHEAD = 64;

export const TIMESTAMP_FILE = 'timestamp.json';

interface RoleFile {
  readonly name: string;
  readonly role: string;
  readonly version: number;
  readonly expires: Date;
}

interface SignedFile extends RoleFile {
  readonly body: string;
}

/**
 * Which bins to look at: those of these prefixes (`binPrefixOf`), or every one. `anew` signs every file again under a new number:
 * after a restore, when devices may have seen later ones.
 */
export type Changed = 'anew' | 'all' | ReadonlySet<number>;

interface RepositoryOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly keys: OnlineKeys;
}

export type Repository = ReturnType<typeof createRepository>;

export function createRepository({ db, clock, keys }: RepositoryOptions) {
  /**
   * Brings the metadata up to the database. Signs the bins that changed or end soon, and then snapshot and timestamp where
   * anything was, or they end soon; `within` runs in the transaction that puts them in force. Returns what was signed.
   * One call at a time.
   */
  async function publish(
    changed: Changed,
    within: (tx: Tx) => Promise<void> = async () => undefined,
  ): Promise<string[]> {
    const now = clock.now();
    const anew = changed === 'anew';
    const current = await currentRoles();
    const level = await levelFor(current);
    const fresh: SignedFile[] = [];
    for (const bin of await binsToSign(changed, { level, current, now })) {
      const file = await signBin(bin, { level, current, now, anew });
      if (file === null) continue;
      fresh.push(file);
      if (fresh.length % AHEAD === 0) await writeAhead(fresh.slice(-AHEAD), now);
    }
    const ahead = fresh.length - (fresh.length % AHEAD);
    await writeAhead(fresh.slice(ahead), now);
    const targets = signTargets({ level, current, now, anew });
    if (targets !== null) {
      fresh.push(targets);
      await writeAhead([targets], now);
    }
    const snapshotDue = due('snapshot', current.get('snapshot'), now);
    if (fresh.length > 0 || snapshotDue) fresh.push(signSnapshot({ fresh, current, now }));
    const timestampDue = due('timestamp', current.get('timestamp'), now);
    const timestamp = fresh.length > 0 || timestampDue ? signTimestamp({ fresh, current, now }) : null;
    await putInForce(fresh, timestamp, { now, within });
    return [...fresh.map((file) => file.name), ...(timestamp === null ? [] : [timestamp.name])];
  }

  /** The file in force of each role. */
  async function currentRoles(): Promise<Map<string, RoleFile>> {
    const rows = await db.prisma.metadataFile.findMany({
      where: { supersededAt: null },
      select: { name: true, role: true, version: true, expiresAt: true },
    });
    return new Map(
      rows.map(({ name, role, version, expiresAt }) => [
        role,
        { name, role, version: Number(version), expires: expiresAt },
      ]),
    );
  }

  /** Levels only rise: a client that knows a bin refuses a snapshot without it, so all old ones would have to stay anyway. */
  async function levelFor(current: ReadonlyMap<string, RoleFile>): Promise<BinLevel> {
    const count = await countListed(db);
    const begun = BIN_LEVELS.findLast((level) => current.has(binName(0, level))) ?? BIN_LEVELS[0];
    return BIN_LEVELS.find((level) => level >= begun && count <= LEVEL_CAPACITY[level]) ?? 12;
  }

  async function binsToSign(
    changed: Changed,
    given: { level: BinLevel; current: ReadonlyMap<string, RoleFile>; now: Date },
  ): Promise<number[]> {
    const { level, current, now } = given;
    const touched = typeof changed === 'string' ? null : new Set([...changed].map((prefix) => binOf(prefix, level)));
    const bins: number[] = [];
    for (let bin = 0; bin < 1 << level; bin += 1) {
      if (touched === null || touched.has(bin) || due('bin', current.get(binName(bin, level)), now)) bins.push(bin);
    }
    return bins;
  }

  /** The bin's next file; null when the one in force says the same and holds for long enough. */
  async function signBin(
    bin: number,
    given: { level: BinLevel; current: ReadonlyMap<string, RoleFile>; now: Date; anew: boolean },
  ): Promise<SignedFile | null> {
    const role = binName(bin, given.level);
    const targets = await targetsOfBin(db, bin, given.level);
    const last = given.current.get(role);
    const holds = last !== undefined && !given.anew && !due('bin', last, given.now);
    if (holds && (await saysTheSame(last, targets))) return null;
    const version = nextVersion(last?.version ?? 0, given.now);
    const expires = expiryOf('bin', given.now);
    const metadata = new Metadata(new Targets({ version, specVersion: SPEC_VERSION, expires, targets }));
    signWith(metadata, keys.bins);
    return fileOf(role, { version, expires, metadata });
  }

  async function saysTheSame(last: RoleFile, targets: Record<string, TargetFile>): Promise<boolean> {
    const row = await db.prisma.metadataFile.findUnique({ where: { name: last.name }, select: { body: true } });
    const before = (JSON.parse(row?.body ?? '{}') as { signed?: { targets?: unknown } }).signed?.targets;
    const after = Object.fromEntries(Object.entries(targets).map(([path, target]) => [path, target.toJSON()]));
    return JSON.stringify(before) === JSON.stringify(after);
  }

  /** The top-level targets role: nothing but the delegation to the bins. Null while it holds and delegates to this level. */
  function signTargets(given: {
    level: BinLevel;
    current: ReadonlyMap<string, RoleFile>;
    now: Date;
    anew: boolean;
  }): SignedFile | null {
    const { level, current, now, anew } = given;
    const last = current.get('targets');
    const risen = !current.has(binName(0, level));
    if (last !== undefined && !anew && !risen && !due('targets', last, now)) return null;
    const version = nextVersion(last?.version ?? 0, now);
    const expires = expiryOf('targets', now);
    const { key } = keys.bins;
    const signed = Targets.fromJSON({
      _type: 'targets',
      spec_version: SPEC_VERSION,
      version,
      expires,
      targets: {},
      delegations: {
        keys: { [key.keyID]: key.toJSON() },
        succinct_roles: { bit_length: level, keyids: [key.keyID], name_prefix: BIN_PREFIX, threshold: 1 },
      },
    });
    const metadata = new Metadata(signed);
    signWith(metadata, keys.targets);
    return fileOf('targets', { version, expires, metadata });
  }

  function signSnapshot(given: {
    fresh: readonly SignedFile[];
    current: ReadonlyMap<string, RoleFile>;
    now: Date;
  }): SignedFile {
    const { fresh, current, now } = given;
    const versions = new Map<string, number>();
    for (const { role, version } of [...current.values(), ...fresh]) {
      if (role !== 'snapshot' && role !== 'timestamp') versions.set(`${role}.json`, version);
    }
    const version = nextVersion(current.get('snapshot')?.version ?? 0, now);
    const expires = expiryOf('snapshot', now);
    const metadata = new Metadata(new WideSnapshot({ version, specVersion: SPEC_VERSION, expires }, versions));
    signWith(metadata, keys.snapshot);
    return fileOf('snapshot', { version, expires, metadata });
  }

  function signTimestamp(given: {
    fresh: readonly SignedFile[];
    current: ReadonlyMap<string, RoleFile>;
    now: Date;
  }): SignedFile {
    const { fresh, current, now } = given;
    const snapshot = fresh.find(({ role }) => role === 'snapshot') ?? current.get('snapshot');
    if (snapshot === undefined) throw new Error('There is no snapshot to be timestamped');
    const version = nextVersion(current.get('timestamp')?.version ?? 0, now);
    const expires = expiryOf('timestamp', now);
    const snapshotMeta = new MetaFile({ version: snapshot.version });
    const metadata = new Metadata(new Timestamp({ version, specVersion: SPEC_VERSION, expires, snapshotMeta }));
    signWith(metadata, keys.timestamp);
    return { ...fileOf('timestamp', { version, expires, metadata }), name: TIMESTAMP_FILE };
  }

  /** Files that nothing names yet: superseded from the start, so that a killed run leaves nothing but what is swept. */
  async function writeAhead(files: readonly SignedFile[], now: Date): Promise<void> {
    if (files.length === 0) return;
    await db.transaction(async (tx) => {
      await tx.metadataFile.deleteMany({ where: { name: { in: files.map(({ name }) => name) } } });
      await tx.metadataFile.createMany({ data: files.map((file) => rowOf(file, now, now)) });
    });
  }

  async function putInForce(
    fresh: readonly SignedFile[],
    timestamp: SignedFile | null,
    { now, within }: { now: Date; within: (tx: Tx) => Promise<void> },
  ): Promise<void> {
    await db.transaction(async (tx) => {
      for (let at = 0; at < fresh.length; at += 500) {
        const part = fresh.slice(at, at + 500);
        const roles = part.map(({ role }) => role);
        await tx.metadataFile.updateMany({
          where: { role: { in: roles }, supersededAt: null },
          data: { supersededAt: now },
        });
        await tx.metadataFile.updateMany({
          where: { name: { in: part.map(({ name }) => name) } },
          data: { supersededAt: null },
        });
      }
      const snapshot = fresh.find(({ role }) => role === 'snapshot');
      if (snapshot !== undefined) await tx.metadataFile.create({ data: rowOf(snapshot, now, null) });
      if (timestamp !== null) {
        const row = rowOf(timestamp, now, null);
        await tx.metadataFile.upsert({ where: { name: timestamp.name }, create: row, update: row });
      }
      await within(tx);
    });
  }

  return {
    publish,
    /** When each top-level role's file ends, for health; null before there is one. */
    async timestampExpires(): Promise<Date | null> {
      const row = await db.prisma.metadataFile.findUnique({
        where: { name: TIMESTAMP_FILE },
        select: { expiresAt: true },
      });
      return row?.expiresAt ?? null;
    },
    /** Removes files that were superseded a day ago. */
    async sweep(): Promise<number> {
      const before = new Date(clock.ms() - KEEP_SUPERSEDED_MS);
      return (await db.prisma.metadataFile.deleteMany({ where: { supersededAt: { lt: before } } })).count;
    },
  };
}

function due(kind: MetadataKindName, file: RoleFile | undefined, now: Date): boolean {
  return file === undefined || isDue(kind, file.expires, now);
}

function fileOf(
  role: string,
  given: { version: number; expires: string; metadata: Metadata<Targets | Snapshot | Timestamp> },
): SignedFile {
  const { version, expires, metadata } = given;
  const body = JSON.stringify(metadata.toJSON());
  return { name: `${version}.${role}.json`, role, version, expires: new Date(expires), body };
}

function rowOf(file: SignedFile, createdAt: Date, supersededAt: Date | null) {
  const { name, role, version, expires, body } = file;
  return { name, role, version: BigInt(version), body, expiresAt: expires, createdAt, supersededAt };
}

/** A snapshot of thousands of roles: the library's own copies the list once for each of them. */
class WideSnapshot extends Snapshot {
  readonly #versions: ReadonlyMap<string, number>;

  constructor(options: ConstructorParameters<typeof Snapshot>[0], versions: ReadonlyMap<string, number>) {
    super(options);
    this.#versions = versions;
  }

  override toJSON(): ReturnType<Snapshot['toJSON']> {
    const meta = Object.fromEntries([...this.#versions].map(([name, version]) => [name, { version }]));
    return {
      _type: this.type,
      spec_version: this.specVersion,
      version: this.version,
      expires: this.expires,
      meta,
    };
  }
}
