/** Owns making the signed file of each online role. It reads and writes nothing but what it is given. */
import { canonicalize } from '@tufjs/canonical-json';
import { Metadata, MetaFile, Snapshot, Targets, Timestamp } from '@tufjs/models';
import { BIN_PREFIX, type BinLevel } from '../../../format/trust/targets.ts';
import type { BinTargets } from './bin-targets.ts';
import { type RoleKey, signatureOf, signWith } from './role-keys.ts';
import { type RoleFile, type SignedFile, TIMESTAMP_FILE } from './signed-files.ts';
import { expiryOf, type MetadataKindName, nextVersion, SPEC_VERSION } from './times.ts';

/**
 * What signs: usually one key a role. While a root is replaced, the keys of both roots sign, so that whoever has either
 * believes the same files. Bins have one key: targets and bins change in one step.
 */
export interface Signers {
  readonly targets: readonly RoleKey[];
  readonly snapshot: readonly RoleKey[];
  readonly timestamp: readonly RoleKey[];
  readonly bins: RoleKey;
}

interface Given {
  readonly last: RoleFile | undefined;
  readonly now: Date;
  readonly signers: Signers;
}

/** Without the library's models: these take a bin's targets apart and put them together again, and all of them once for each. */
export function signBin(role: string, { last, now, signers, targets }: Given & { targets: BinTargets }): SignedFile {
  const { version, specVersion, expires } = numbers('bin', last, now);
  const signed = { _type: 'targets', spec_version: specVersion, version, expires, targets };
  const signature = signatureOf(Buffer.from(canonicalize(signed), 'utf8'), signers.bins);
  const body = JSON.stringify({ signatures: [signature.toJSON()], signed });
  return { name: `${version}.${role}.json`, role, version, expires: new Date(expires), body };
}

/** The top-level targets role: nothing but the delegation to the bins. */
export function signTargets({ last, now, signers, level }: Given & { level: BinLevel }): SignedFile {
  const { version, expires } = numbers('targets', last, now);
  const { key } = signers.bins;
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
  return fileOf('targets', { version, expires, metadata: new Metadata(signed) }, signers.targets);
}

export function signSnapshot({
  last,
  now,
  signers,
  versions,
}: Given & { versions: ReadonlyMap<string, number> }): SignedFile {
  const numbered = numbers('snapshot', last, now);
  const metadata = new Metadata(new WideSnapshot(numbered, versions));
  return fileOf('snapshot', { ...numbered, metadata }, signers.snapshot);
}

export function signTimestamp({ last, now, signers, snapshot }: Given & { snapshot: RoleFile }): SignedFile {
  const numbered = numbers('timestamp', last, now);
  const snapshotMeta = new MetaFile({ version: snapshot.version });
  const metadata = new Metadata(new Timestamp({ ...numbered, snapshotMeta }));
  return { ...fileOf('timestamp', { ...numbered, metadata }, signers.timestamp), name: TIMESTAMP_FILE };
}

function numbers(kind: MetadataKindName, last: RoleFile | undefined, now: Date) {
  return { version: nextVersion(last?.version ?? 0, now), specVersion: SPEC_VERSION, expires: expiryOf(kind, now) };
}

function fileOf(
  role: string,
  given: { version: number; expires: string; metadata: Metadata<Targets | Snapshot | Timestamp> },
  keys: readonly RoleKey[],
): SignedFile {
  const { version, expires, metadata } = given;
  for (const key of keys) signWith(metadata, key);
  const body = JSON.stringify(metadata.toJSON());
  return { name: `${version}.${role}.json`, role, version, expires: new Date(expires), body };
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
