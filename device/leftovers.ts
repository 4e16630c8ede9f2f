/** Owns removing what a killed process left half written in `state/`, and downloads that were installed. It knows no contents. */
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './durable.ts';
import { systemCode } from './errors.ts';
import { isAlive, namesIn, type Storage } from './storage.ts';

/** A file that another process may be writing right now is younger than this. */
const MIN_AGE_MS = 60_000;
/** `.installed.json.0a1b2c3d4e5f.tmp`: a state file that was never renamed into place (device/durable.ts). */
const HALF_WRITTEN = /^\..+\.[0-9a-f]{12}\.tmp$/;
/** Those of them that are only written under the lock of the folder. */
const UNDER_LOCK = /^\.(?:installed|journal|updates|told|failed-updates)\.json\./;
/** `lock.0a1b2c3d4e5f`, `secret.…`: a lock or secret that was never linked into place (device/storage.ts). */
const NOT_LINKED = /^(?:lock|telemetry\.lock|sending\.lock|secret)\.[0-9a-f]{12}$/;

/** Call it under the lock of the device's folder; what other processes write without that lock is left alone while they live. */
export async function sweepLeftovers(storage: Storage): Promise<void> {
  const { state, trust, downloads } = storage.folders;
  for (const folder of [state, trust]) {
    const names = await namesIn(folder);
    const left: string[] = [];
    for (const name of names) {
      const path = join(folder, name);
      const isOurs = HALF_WRITTEN.test(name) && (folder === trust || UNDER_LOCK.test(name));
      if (isOurs || ((NOT_LINKED.test(name) || HALF_WRITTEN.test(name)) && (await isAbandoned(path)))) left.push(path);
    }
    for (const path of left) await rm(path, { force: true });
    if (left.length > 0) await syncFolder(folder);
  }
  const installed = new Set(Object.values(await storage.readInstalled()).map(({ sha256 }) => sha256));
  for (const name of await namesIn(downloads))
    if (installed.has(name.slice(0, 64))) await rm(join(downloads, name), { force: true });
}

/** A lock names the process that made it; any other content says nothing, so only its age does. */
async function isAbandoned(path: string): Promise<boolean> {
  try {
    const holder = Number((await readFile(path, 'utf8')) || Number.NaN);
    if (Number.isSafeInteger(holder) && holder !== process.pid) return !isAlive(holder);
    return Date.now() - (await stat(path)).mtimeMs > MIN_AGE_MS;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
