/** Owns the commands `backup` and `restore` of `mosis-admin`: who holds the folder meanwhile, and what is printed. */
import { existsSync, mkdirSync } from 'node:fs';
import type { Config } from '../config.ts';
import { systemClock } from '../platform/clock.ts';
import { FolderInUse, lockFolder } from '../platform/db/lock.ts';
import { byteCount, type Printer } from './admin-print.ts';
import { type AdminSource, heldBy } from './admin-source.ts';
import { readBackup, takeBackup } from './backup.ts';
import { AdminError } from './operator-client.ts';
import { restoreBackup } from './restore.ts';

export interface BackupContext {
  readonly source: AdminSource;
  readonly print: Printer;
  /** Absolute. */
  readonly folder: string;
  readonly copies: boolean;
}

/** Beside a running server or without one; the audit log tells of it. */
export async function backup({ source, print, folder, copies }: BackupContext): Promise<void> {
  const progress = print.progress('Copying');
  const { dataDir } = source;
  const { manifest, missing } = await takeBackup({ dataDir, folder, copies, now: systemClock.now(), progress });
  const { bytes, files } = manifest;
  await source.ask({ command: 'noteBackup', folder, bytes, files: files.length });
  print.document({ folder, bytes, files: files.length, missing });
  print.line(`${folder}: ${files.length} files, ${byteCount(bytes)}, every one read again and compared`);
  print.note('It holds the private keys of the platform: keep it where nobody else reads.');
  if (missing.length === 0) return;
  const named = missing.slice(0, 5).join('; ');
  throw new AdminError(
    'FAILED',
    `The backup is whole, but the data folder lacks packages, or has other bytes than their rows say: ${named}${missing.length > 5 ? ` and ${missing.length - 5} more` : ''}.`,
    'bring these files back from an earlier backup',
  );
}

export interface RestoreContext {
  readonly config: Config;
  readonly print: Printer;
  readonly folder: string;
  readonly replaces: boolean;
}

/** Only where no server uses the folder. */
export async function restore({ config, print, folder, replaces }: RestoreContext): Promise<void> {
  const { dataDir } = config;
  if (!existsSync(dataDir)) mkdirSync(dataDir, { recursive: true, mode: 0o750 });
  const lock = hold(dataDir);
  try {
    const manifest = await readBackup(folder, print.progress('Reading'));
    const aside = await restoreBackup({
      ...{ dataDir, folder, manifest, replaces },
      now: systemClock.now(),
      progress: print.progress('Restoring'),
      renew: async (path) => (await import('../app.ts')).renewRestored(path, folder),
    });
    print.document({ dataDir, takenAt: manifest.takenAt, files: manifest.files.length, aside });
    print.line(`${dataDir} is as it was at ${manifest.takenAt}.`);
    if (aside !== null) print.note(`What was there is in ${aside}: remove it once all is well.`);
    print.note('Everything acknowledged since then is gone. Start the server, and have people reload the portal.');
  } finally {
    lock.release();
  }
}

function hold(dataDir: string) {
  try {
    return lockFolder(dataDir, { pid: process.pid, startedAt: systemClock.now().toISOString() });
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error;
    const { code, message } = heldBy(error);
    throw new AdminError(code, message, 'stop the server first: a restore needs the folder for itself');
  }
}
