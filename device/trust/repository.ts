/**
 * Owns what this device believes of the repository: the workflow of a TUF client (specification 1.0, section 5) from the
 * trusted root down to a package's target. Whatever the network says is nothing until it came through here.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { binName, binOf, binPrefixOf, TargetFacts, targetPath } from '../../format/trust/targets.ts';
import { makeFolder, readIfThere, removeFile, replaceFile } from '../durable.ts';
import { DeviceError } from '../errors.ts';
import type { Network } from '../http.ts';
import {
  type Expected,
  METADATA_LIMITS,
  mixed,
  mostBytes,
  parsed,
  requireNamed,
  rolledBack,
  untrusted,
  verified,
} from './documents.ts';
import { fetchMetadata } from './fetch.ts';
import { Root, Snapshot, Targets, Timestamp } from './shapes.ts';
import { isSignedBy } from './signatures.ts';

/** Roots that one refresh takes at most. */
const MAX_ROOT_ROTATIONS = 256;
/** A clock that is off by up to this much works (docs/DEVICE_PROTOCOL.md §4). */
export const MAX_CLOCK_SKEW_MS = 12 * 3_600_000;

/** A package that the repository vouches for. */
export interface TrustedTarget {
  readonly packageId: string;
  readonly versionCode: number;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly facts: TargetFacts;
}

/** What a person may be told about the root in force. */
export interface RootStatus {
  readonly version: number;
  readonly expires: Date;
  /** Its key lies on the server: not for devices that people rely on. */
  readonly development: boolean;
}

export interface TrustedRepository {
  /** Brings root, timestamp, snapshot and the top-level targets up to date. Throws a DeviceError that names the attack. */
  refresh(): Promise<RootStatus>;
  /** The target of one version, after `refresh`; null when the repository does not list it. */
  target(packageId: string, versionCode: number): Promise<TrustedTarget | null>;
}

interface RepositoryOptions {
  readonly network: Network;
  /** `<root>/state/trust`; holds what was believed last. */
  readonly folder: string;
}

/** Provisions a device: from here on the root in `text` is trusted. Throws METADATA_INVALID for what is no root. */
export async function trustRoot(
  folder: string,
  text: string,
  onStep: (step: string) => void = () => undefined,
): Promise<RootStatus> {
  const root = parsed('root', text, Root);
  const expected = { shape: Root, role: root.signed.roles.root, keys: root.signed.keys };
  if (!isSignedBy(root.envelope, expected.role, expected.keys)) throw untrusted('root');
  await makeFolder(folder, 0o700);
  // The root first: until they are gone, files that its keys did not sign are not believed, and those that they did still hold.
  onStep('write-root');
  await replaceFile(join(folder, 'root.json'), text);
  for (const name of ['timestamp', 'snapshot', 'targets']) {
    onStep('forget-metadata');
    await removeFile(join(folder, `${name}.json`));
  }
  return statusOf(root.signed);
}

export function createTrustedRepository({ network, folder }: RepositoryOptions): TrustedRepository {
  let root: Root | null = null;
  let snapshot: Snapshot | null = null;
  let targets: Targets | null = null;

  const fileOf = (role: string): string => join(folder, `${role}.json`);
  /** How far our clock is ahead of the latest that the server showed, since a cache may show an old one; infinite where it shows none. */
  let aheadMs = Number.POSITIVE_INFINITY;
  const fetchFile = async (name: string, maxBytes: number): Promise<string | null> => {
    const file = await fetchMetadata(network, name, maxBytes);
    if (file?.date != null) aheadMs = Math.min(aheadMs, network.clock().getTime() - file.date.getTime());
    return file?.text ?? null;
  };

  /** What is on this device of a role, if it still verifies; else null, and the network is asked. */
  async function kept<T>(role: string, expected: Expected<T>): Promise<T | null> {
    const bytes = await readIfThere(fileOf(role));
    if (bytes === null) return null;
    try {
      return verified(role, bytes.toString('utf8'), expected);
    } catch {
      return null;
    }
  }

  /** Section 5.3: every root from the trusted one on, each signed by the one before it and by itself. */
  async function updateRoot(): Promise<Root> {
    const bytes = await readIfThere(fileOf('root'));
    if (bytes === null)
      throw new DeviceError('DEVICE_NOT_PROVISIONED', 'This device trusts no root yet, so it can verify nothing.');
    let trusted = parsed('root', bytes.toString('utf8'), Root).signed;
    const first = trusted;
    for (let step = 0; step < MAX_ROOT_ROTATIONS; step += 1) {
      const text = await fetchFile(`${trusted.version + 1}.root.json`, METADATA_LIMITS.root);
      if (text === null) break;
      const next = parsed('root', text, Root);
      if (!isSignedBy(next.envelope, trusted.roles.root, trusted.keys)) throw untrusted('root');
      if (!isSignedBy(next.envelope, next.signed.roles.root, next.signed.keys)) throw untrusted('root');
      if (next.signed.version !== trusted.version + 1) throw rolledBack('root');
      await replaceFile(fileOf('root'), text);
      trusted = next.signed;
    }
    requireCurrent('root', trusted.expires);
    // Section 5.3.11: after a key was replaced, numbers that its thief may have driven up count no more.
    const changed = (['timestamp', 'snapshot'] as const).some(
      (role) => JSON.stringify(keysOf(first, role)) !== JSON.stringify(keysOf(trusted, role)),
    );
    if (changed) for (const role of ['timestamp', 'snapshot']) await removeFile(fileOf(role));
    return trusted;
  }

  /** Section 5.4. */
  async function updateTimestamp(trustedRoot: Root): Promise<Timestamp> {
    const expected = { shape: Timestamp, role: trustedRoot.roles.timestamp, keys: trustedRoot.keys };
    const before = await kept('timestamp', expected);
    const text = await fetchFile('timestamp.json', METADATA_LIMITS.timestamp);
    if (text === null) throw new DeviceError('METADATA_INVALID', 'The repository has no timestamp.');
    const next = verified('timestamp', text, expected);
    if (before !== null) {
      if (next.version < before.version) throw rolledBack('timestamp');
      const [now, then] = [next.meta['snapshot.json'].version, before.meta['snapshot.json'].version];
      if (now < then || (next.version === before.version && now !== then)) throw rolledBack('snapshot');
    }
    requireCurrent('timestamp', next.expires);
    requireNotAhead(next.version);
    if (before?.version !== next.version) await replaceFile(fileOf('timestamp'), text);
    return next;
  }

  /** Section 5.5. */
  async function updateSnapshot(trustedRoot: Root, timestamp: Timestamp): Promise<Snapshot> {
    const expected = { shape: Snapshot, role: trustedRoot.roles.snapshot, keys: trustedRoot.keys };
    const before = await kept('snapshot', expected);
    const wanted = timestamp.meta['snapshot.json'];
    if (before !== null && before.version === wanted.version) {
      requireCurrent('snapshot', before.expires);
      return before;
    }
    const text = await fetchFile(`${wanted.version}.snapshot.json`, mostBytes('snapshot', wanted));
    if (text === null) throw mixed('snapshot');
    requireNamed('snapshot', text, wanted);
    const next = verified('snapshot', text, expected);
    if (next.version !== wanted.version) throw mixed('snapshot');
    for (const [name, { version }] of Object.entries(before?.meta ?? {})) {
      const now = next.meta[name];
      if (now === undefined || now.version < version) throw rolledBack(name.replace(/\.json$/, ''));
    }
    requireCurrent('snapshot', next.expires);
    await replaceFile(fileOf('snapshot'), text);
    return next;
  }

  /** Section 5.6, for the top-level role and for a bin. */
  async function updateTargets(name: string, from: Omit<Expected<Targets>, 'shape'>): Promise<Targets> {
    const expected = { ...from, shape: Targets };
    const wanted = snapshot?.meta[`${name}.json`];
    if (wanted === undefined) throw mixed(name);
    const before = await kept(name, expected);
    if (before !== null && before.version === wanted.version) {
      requireCurrent(name, before.expires);
      return before;
    }
    const text = await fetchFile(`${wanted.version}.${name}.json`, mostBytes('targets', wanted));
    if (text === null) throw mixed(name);
    requireNamed(name, text, wanted);
    const next = verified(name, text, expected);
    if (next.version !== wanted.version) throw mixed(name);
    requireCurrent(name, next.expires);
    await replaceFile(fileOf(name), text);
    return next;
  }

  function requireCurrent(role: string, expires: string): void {
    const late = network.clock().getTime() - Date.parse(expires);
    if (late < 0) return;
    if (Number.isFinite(aheadMs) && aheadMs > MAX_CLOCK_SKEW_MS)
      throw new DeviceError(
        'CLOCK_WRONG',
        `This device's clock is ${Math.round(aheadMs / 3_600_000)} h ahead of the server's. Set it, then try again.`,
      );
    throw new DeviceError(
      'METADATA_EXPIRED',
      `The repository's ${role} ended on ${expires}. Either this device's clock is ahead, or somebody withholds what is new.`,
    );
  }

  /** Numbers are seconds of the signing (docs/DEVICE_PROTOCOL.md §4): far ahead of our clock, it is the clock that is wrong. */
  function requireNotAhead(signedSeconds: number): void {
    const behindMs = signedSeconds * 1_000 - network.clock().getTime();
    if (behindMs <= MAX_CLOCK_SKEW_MS) return;
    throw new DeviceError(
      'CLOCK_WRONG',
      `This device's clock is ${Math.round(behindMs / 3_600_000)} h behind the repository. Set it, then try again.`,
    );
  }

  return {
    async refresh() {
      await makeFolder(folder, 0o700);
      aheadMs = Number.POSITIVE_INFINITY;
      root = await updateRoot();
      const timestamp = await updateTimestamp(root);
      snapshot = await updateSnapshot(root, timestamp);
      targets = await updateTargets('targets', { role: root.roles.targets, keys: root.keys });
      if (targets.delegations !== undefined) await sweepBins(folder, targets.delegations.succinct_roles);
      return statusOf(root);
    },
    async target(packageId, versionCode) {
      const delegations = targets?.delegations;
      if (delegations === undefined) throw new DeviceError('METADATA_INVALID', 'The repository delegates to no bins.');
      const path = targetPath(packageId, versionCode);
      const { keys, succinct_roles: bins } = delegations;
      const name = binName(binOf(binPrefixOf(path), bins.bit_length), bins.bit_length, bins.name_prefix);
      const bin = await updateTargets(name, { role: bins, keys });
      const found = Object.hasOwn(bin.targets, path) ? bin.targets[path] : undefined;
      if (found === undefined) return null;
      const facts = TargetFacts.safeParse(found.custom?.mosis);
      if (!facts.success)
        throw new DeviceError(
          'METADATA_INVALID',
          `The repository says of ${path} what this device does not understand.`,
        );
      return { packageId, versionCode, sizeBytes: found.length, sha256: found.hashes.sha256, facts: facts.data };
    },
  };
}

/** Removes kept bins that are not of this many bits: no target is looked up in them any more. */
async function sweepBins(
  folder: string,
  { name_prefix: prefix, bit_length: bits }: { name_prefix: string; bit_length: number },
): Promise<void> {
  const { length } = `${binName(0, bits, prefix)}.json`;
  for (const name of await readdir(folder)) {
    if (
      /^[a-z][a-z0-9_]*-[0-9a-f]{1,4}\.json$/.test(name) &&
      (!name.startsWith(`${prefix}-`) || name.length !== length)
    )
      await removeFile(join(folder, name));
  }
}

function keysOf({ roles, keys }: Root, role: 'timestamp' | 'snapshot'): unknown {
  const { keyids, threshold } = roles[role];
  return [threshold, keyids.toSorted().map((keyId) => [keyId, keys[keyId]?.keyval.public])];
}

function statusOf(root: Root): RootStatus {
  const development = root['x-mosis-development'] === true;
  return { version: root.version, expires: new Date(root.expires), development };
}
