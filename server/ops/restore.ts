/**
 * Owns putting a backup into a data folder that no server uses. What was there is kept beside it. A restore that is cut off is finished
 * by running it again; until then nothing else uses the folder.
 */
import { copyFile, cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import RawDatabase from 'better-sqlite3';
import { applyMigrationsApart } from '../../prisma/migrate-apart.ts';
import { syncPath } from '../platform/files.ts';
import type { Progress } from './admin-print.ts';
import type { BackupManifest } from './backup.ts';
import { AdminError } from './operator-client.ts';
import { markRestore, RESTORE_NAMES, unmarkRestore } from './restore-mark.ts';

/** What stays where it is: the lock that this process holds. */
const STAYS = new Set(['lock', 'lock.json', 'lock-journal', 'operator.sock', ...RESTORE_NAMES]);
const STAGE = 'restoring';

interface RestoreOptions {
  /** The folder's lock is held by the caller. */
  readonly dataDir: string;
  readonly folder: string;
  readonly manifest: BackupManifest;
  /** What is there may be put aside. */
  readonly replaces: boolean;
  readonly now: Date;
  readonly progress: Progress;
  /** Makes the staged core database one of a new history, before anybody sees it. */
  readonly renew: (databasePath: string) => Promise<void>;
}

/** Restores; answers where the old files are, or null where there were none. Throws AdminError. */
export async function restoreBackup(options: RestoreOptions): Promise<string | null> {
  const { dataDir, folder, manifest, replaces, now, progress, renew } = options;
  const old = await namesThere(dataDir);
  if (old.length > 0 && !replaces) {
    const message = `${dataDir} has data already. Restoring puts it aside.`;
    throw new AdminError('CONFLICT', message, 'add --replace, or set DATA_DIR to an empty folder');
  }
  const stage = join(dataDir, STAGE);
  await rm(stage, { recursive: true, force: true });
  for (const [index, { path }] of manifest.files.entries()) {
    await mkdir(join(stage, dirname(path)), { recursive: true, mode: 0o700 });
    // Copied, never linked: the backup must not change with what is restored from it.
    await copyFile(join(folder, path), join(stage, path));
    await syncPath(join(stage, path));
    progress.update(index + 1, manifest.files.length);
  }
  progress.end();
  await keepTrust(dataDir, stage);
  await applyMigrationsApart(join(stage, 'core.db'));
  await renew(join(stage, 'core.db'));
  settle(join(stage, 'core.db'));
  const aside = old.length === 0 ? null : join(dataDir, `before-restore-${now.toISOString().replaceAll(/[:.]/g, '-')}`);
  markRestore(dataDir, folder);
  if (aside !== null) await moveAll(dataDir, aside, old);
  await moveAll(stage, dataDir, await readdir(stage));
  await rm(stage, { recursive: true, force: true });
  await syncPath(dataDir);
  unmarkRestore(dataDir);
  return aside;
}

async function namesThere(dataDir: string): Promise<string[]> {
  const names = await readdir(dataDir);
  return names.filter((name) => !STAYS.has(name) && name !== STAGE && !name.startsWith('before-restore-'));
}

async function moveAll(from: string, to: string, names: readonly string[]): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of names) await rename(join(from, name), join(to, name));
  await syncPath(to);
}

/** What devices know a server by: its chain of roots, and the keys that the newest of them names. */
const TRUST = ['roots', join('keys', 'metadata')] as const;

/**
 * Of the same server, roots and their keys stay as they are: devices may have followed roots made since the backup, and refuse
 * whoever knows less.
 */
async function keepTrust(dataDir: string, stage: string): Promise<void> {
  const firstRoot = (folder: string) => readFile(join(folder, 'roots', '1.root.json'), 'utf8').catch(() => null);
  const [now, then] = [await firstRoot(dataDir), await firstRoot(stage)];
  if (now === null || now !== then) return;
  for (const folder of TRUST) {
    await rm(join(stage, folder), { recursive: true, force: true });
    await cp(join(dataDir, folder), join(stage, folder), { recursive: true, preserveTimestamps: true });
    for (const name of await readdir(join(stage, folder))) await syncPath(join(stage, folder, name));
    await syncPath(join(stage, folder));
  }
}

/** No log beside the file: what is renamed is all there is. */
function settle(path: string): void {
  const db = new RawDatabase(path, { fileMustExist: true });
  try {
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.pragma('journal_mode = DELETE');
  } finally {
    db.close();
  }
}
