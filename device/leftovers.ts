/** Owns removing what a killed process left half written in `state/`, and downloads that were installed. It knows no contents. */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './durable.ts';
import { systemCode } from './errors.ts';
import { isAlive } from './holder.ts';
import { namesIn, type Storage } from './storage.ts';

/** A file that another process may be writing right now is younger than this. */
const MIN_AGE_MS = 60_000;
/** `.installed.json.0a1b2c3d4e5f.tmp`: a state file that was never renamed into place (device/durable.ts). */
const HALF_WRITTEN = /^\..+\.[0-9a-f]{12}\.tmp$/;
/** Those of them that are only written under the lock of the folder. */
const UNDER_LOCK = /^\.(?:installed|journal|updates|told|failed-updates)\.json\./;
/** `lock.4711.0a1b2c3d4e5f`: a lock that process 4711 never linked into place, or was setting aside (device/storage.ts). */
const BESIDE_LOCK = /^(?:lock|telemetry\.lock|sending\.lock)\.(\d{1,10})\.[0-9a-f]{12}$/;
/** A secret that was never linked into place. */
const UNLINKED_SECRET = /^secret\.[0-9a-f]{12}$/;

/** Call it under the lock of the device's folder; what other processes write without that lock is left alone while they live. */
export async function sweepLeftovers(storage: Storage): Promise<void> {
  const { state, trust, downloads } = storage.folders;
  for (const folder of [state, trust, downloads]) {
    const left: string[] = [];
    for (const name of await namesIn(folder))
      if (await isLeft(join(folder, name), name, folder !== state)) left.push(join(folder, name));
    for (const path of left) await rm(path, { force: true });
    if (left.length > 0) await syncFolder(folder);
  }
  const installed = new Set(Object.values(await storage.readInstalled()).map(({ sha256 }) => sha256));
  for (const name of await namesIn(downloads))
    if (installed.has(name.slice(0, 64))) await rm(join(downloads, name), { force: true });
}

async function isLeft(path: string, name: string, isUnderLock: boolean): Promise<boolean> {
  const maker = Number(BESIDE_LOCK.exec(name)?.[1] ?? Number.NaN);
  if (!Number.isNaN(maker)) return maker !== process.pid && !isAlive(maker);
  const isHalf = HALF_WRITTEN.test(name);
  if (isHalf && (isUnderLock || UNDER_LOCK.test(name))) return true;
  return (isHalf || UNLINKED_SECRET.test(name)) && (await isOld(path));
}

async function isOld(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > MIN_AGE_MS;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
