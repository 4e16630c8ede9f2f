/** Owns that each version put in place is told of once, whatever is killed in between. It installs nothing. */
import { join } from 'node:path';
import { z } from 'zod';
import { readIfThere, replaceFile } from './durable.ts';
import type { Reporter } from './report.ts';
import { type InstalledApp, PACKAGE_ID, type Storage } from './storage.ts';

/** Of each installed app, the version that was told of last. */
const Told = z.record(PACKAGE_ID, z.string());

/**
 * Queues `app_install` or `app_update` for each installed version that was not told of yet. Call it under the lock of the folder,
 * before and after a change. A kill before the note is written tells again under the same id, which the server counts once.
 */
export async function tellOfInstalled(storage: Storage, reporter: Reporter): Promise<void> {
  const path = join(storage.folders.state, 'told.json');
  const told = await readTold(path);
  const installed = Object.values(await storage.readInstalled());
  const next = new Map(installed.map((app) => [app.packageId, nameOf(app)]));
  for (const app of installed) {
    if (told.get(app.packageId) === nameOf(app)) continue;
    const isFirst = !told.has(app.packageId) && app.installedAt === app.updatedAt;
    const type = isFirst ? 'app_install' : 'app_update';
    await reporter.trackOnce(app.packageId, { type, at: app.updatedAt, key: `installed/${nameOf(app)}` });
  }
  const isSame = next.size === told.size && [...next].every(([app, name]) => told.get(app) === name);
  if (!isSame) await replaceFile(path, JSON.stringify(Object.fromEntries(next)), 0o600);
}

/** What tells one version put in place from every other on this device. */
export function nameOf({ packageId, sha256, updatedAt }: InstalledApp): string {
  return `${packageId}/${sha256}/${updatedAt}`;
}

async function readTold(path: string): Promise<Map<string, string>> {
  const bytes = await readIfThere(path);
  try {
    return new Map(Object.entries(Told.parse(JSON.parse(bytes?.toString('utf8') ?? '{}'))));
  } catch {
    // Telling again is harmless: the ids are the same.
    return new Map();
  }
}
