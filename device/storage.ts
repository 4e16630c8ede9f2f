/** Owns the device's folder: where everything lies, its state files and its lock. It installs nothing. */
import { createHmac, randomBytes } from 'node:crypto';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PACKAGE_ID_PATTERN } from '../format/manifest-schema.ts';
import { TRACKS } from '../format/trust/targets.ts';
import { exists, makeFolder, readIfThere, replaceFile } from './durable.ts';
import { DeviceError, systemCode } from './errors.ts';
import { holderMark, isHolderAlive } from './holder.ts';

/** What a package id looks like (docs/PACKAGE_FORMAT.md §3); it becomes a folder name here. */
export const PACKAGE_ID = z.string().min(3).max(128).regex(PACKAGE_ID_PATTERN);
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const InstalledApp = z.object({
  packageId: PACKAGE_ID,
  name: z.string(),
  versionCode: z.int().positive(),
  versionName: z.string(),
  sha256: Sha256,
  /** The developer's key that signed this version. */
  signerKeyId: z.string(),
  permissions: z.array(z.string()),
  /** The track it follows. */
  track: z.enum(TRACKS).default('stable'),
  /** The chain of pinned keys as it stood then; a later one must go on from it. */
  pins: z.array(z.object({ keyIds: z.array(z.string()), signature: z.string() })).default([]),
  installedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type InstalledApp = z.infer<typeof InstalledApp>;
const Installed = z.object({ version: z.literal(1), apps: z.record(PACKAGE_ID, InstalledApp) });

export interface Storage {
  readonly root: string;
  readonly folders: {
    readonly apps: string;
    readonly state: string;
    readonly downloads: string;
    /** Packages being extracted and folders being deleted; nothing in it is ever run. */
    readonly staging: string;
    readonly telemetry: string;
    /** What this device believes of the repository. */
    readonly trust: string;
  };
  /** `apps/<id>`, holding `package`, `data`, `cache` and `db`. */
  appFolder(packageId: string): string;
  prepare(): Promise<void>;
  readInstalled(): Promise<Readonly<Record<string, InstalledApp>>>;
  /** Adds, replaces or (null) removes one app's record. */
  writeInstalled(packageId: string, app: InstalledApp | null): Promise<void>;
  /** The id that this device shows for one app: HMAC-SHA-256 of the package id under its own secret, in hex. */
  deviceIdFor(packageId: string): Promise<string>;
  /** 32 bytes that decide which rollouts reach this device; made from its secret, told to nobody. */
  deviceNumber(): Promise<Uint8Array>;
  /** Runs alone on this folder. Throws DEVICE_BUSY while another living process does. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

export function createStorage(root: string): Storage {
  const folders = {
    apps: join(root, 'apps'),
    state: join(root, 'state'),
    downloads: join(root, 'downloads'),
    staging: join(root, 'staging'),
    telemetry: join(root, 'state', 'telemetry'),
    trust: join(root, 'state', 'trust'),
  };
  const installedPath = join(folders.state, 'installed.json');
  const readInstalled = async () => (await readState(installedPath, Installed))?.apps ?? {};
  return {
    root,
    folders,
    appFolder: (packageId) => join(folders.apps, PACKAGE_ID.parse(packageId)),
    async prepare() {
      for (const folder of [folders.apps, folders.downloads, folders.staging]) await makeFolder(folder);
      for (const folder of [folders.state, folders.telemetry]) await makeFolder(folder, 0o700);
    },
    readInstalled,
    async writeInstalled(packageId, app) {
      const { [packageId]: _, ...apps } = await readInstalled();
      const next = app === null ? apps : { ...apps, [packageId]: app };
      await replaceFile(installedPath, `${JSON.stringify({ version: 1, apps: next }, null, 2)}\n`);
    },
    async deviceIdFor(packageId) {
      const secret = await deviceSecret(join(folders.state, 'secret'));
      return createHmac('sha256', secret).update(packageId, 'utf8').digest('hex');
    },
    async deviceNumber() {
      const secret = await deviceSecret(join(folders.state, 'secret'));
      return createHmac('sha256', secret).update('mosis-rollout-v1', 'utf8').digest();
    },
    exclusively: (work) => withLock(join(folders.state, 'lock'), work),
  };
}

async function readState<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  const bytes = await readIfThere(path);
  if (bytes === null) return null;
  try {
    return schema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw new DeviceError('STATE_BROKEN', `${path} does not hold what this device wrote there.`, { cause });
  }
}

/** 256 random bits, made once. Two processes may race to make it; the link lets exactly one win. */
async function deviceSecret(path: string): Promise<Buffer> {
  if (!(await exists(path))) {
    const fresh = `${path}.${randomBytes(6).toString('hex')}`;
    await replaceFile(fresh, `${randomBytes(32).toString('hex')}\n`, 0o600);
    try {
      await link(fresh, path);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    } finally {
      await rm(fresh, { force: true });
    }
  }
  const text = (await readFile(path, 'utf8')).trim();
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new DeviceError('STATE_BROKEN', `${path} does not hold a secret of 256 bits.`);
  return Buffer.from(text, 'hex');
}

/** Locks that this very process takes or holds: an earlier process may have had the same id. */
const held = new Set<string>();

/** Runs alone under the lock file at `path`. Throws DEVICE_BUSY while another living process, or this one, holds it. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  if (held.has(path)) throw new DeviceError('DEVICE_BUSY', 'This process is working on this device folder already.');
  // Before the lock is taken: our own id in it must not look like that of a dead process meanwhile.
  held.add(path);
  try {
    await takeLock(path);
    try {
      return await work();
    } finally {
      await rm(path, { force: true });
    }
  } finally {
    held.delete(path);
  }
}

/** A lock is a file with its holder's mark; a dead holder's is set aside first, so that two finders cannot both take it. */
async function takeLock(path: string): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    if (await linkLock(path)) return;
    const holder = (await readIfThere(path))?.toString('utf8');
    if (holder === undefined) continue;
    if (await isHolderAlive(holder))
      throw new DeviceError('DEVICE_BUSY', `Process ${holder.split(' ', 1)[0]} is working on this device folder.`);
    // Also an empty one, which a power cut leaves: a lock is linked into place with its holder in it.
    await setAside(path, holder);
  }
  throw new DeviceError('DEVICE_BUSY', 'Another process is working on this device folder.');
}

/** Named after this process, so that what a kill leaves of it can be told from what a living one is about to link. */
function besideLock(path: string): string {
  return `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
}

/** Puts the lock there whole; false when there is one. */
async function linkLock(path: string): Promise<boolean> {
  const fresh = besideLock(path);
  await writeFile(fresh, await holderMark(), { flag: 'wx', mode: 0o600 });
  try {
    await link(fresh, path);
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(fresh, { force: true });
  }
}

async function setAside(path: string, deadHolder: string): Promise<void> {
  const aside = besideLock(path);
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  // Somebody living took the lock between our read and our rename: give it back.
  if ((await readFile(aside, 'utf8')) !== deadHolder) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

/** Names in a folder, or none when it is missing. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
