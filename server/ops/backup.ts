/**
 * Owns taking and reading backups of a data folder. It reads the databases by connections of its own, so that a server that runs is not
 * slowed, and asks nothing of one. Order matters: databases first, then the files that their rows name.
 */
import { copyFile, link, mkdir, open, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import RawDatabase from 'better-sqlite3';
import { z } from 'zod';
import { sha256OfFile, syncPath } from '../platform/files.ts';
import { packageKey } from '../versions/paths.ts';
import type { Progress } from './admin-print.ts';
import { AdminError } from './operator-client.ts';
import { RESTORE_NAMES } from './restore-mark.ts';

export const MANIFEST = 'mosis-backup.json';
const FORMAT = 'mosis-backup-v1';
/** What belongs to a process or to a moment, and what a server makes anew. */
const LEFT_OUT = new Set([
  'lock',
  'lock.json',
  'lock-journal',
  'operator.sock',
  'setup-token',
  'uploads',
  join('blobs', '.incoming'),
  ...RESTORE_NAMES,
]);
const OF_A_RESTORE = /^(?:restoring|before-restore-[0-9TZ-]+)$/;
const DATABASE = /\.db$/;
/** What is about a database and not for a backup; `.dropped` is a month of telemetry on its way out. */
const BESIDE_A_DATABASE = /\.db(?:-(?:wal|shm|journal)|\.dropped)$/;

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  takenAt: z.string(),
  bytes: z.number(),
  files: z.array(z.object({ path: z.string().min(1), bytes: z.number(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});
export type BackupManifest = z.output<typeof manifestSchema>;

interface BackupOptions {
  readonly dataDir: string;
  /** An empty folder, or one that is not there yet. */
  readonly folder: string;
  /** Copies packages instead of linking them where the file system could. */
  readonly copies: boolean;
  readonly now: Date;
  readonly progress: Progress;
}

/** A backup as it was taken, and what the data folder itself lacked. */
export interface TakenBackup {
  readonly manifest: BackupManifest;
  /** Packages of versions that were not there, or with other bytes than their rows say. */
  readonly missing: readonly string[];
}

/** Takes a backup, checks it, and writes its manifest last: without one it is none. Throws AdminError. */
export async function takeBackup({ dataDir, folder, copies, now, progress }: BackupOptions): Promise<TakenBackup> {
  await requireEmpty(folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const databases = databasesFirst(await filesOf(dataDir, (path) => DATABASE.test(path)));
  for (const path of databases) {
    await mkdir(join(folder, dirname(path)), { recursive: true, mode: 0o700 });
    snapshot(join(dataDir, path), join(folder, path));
  }
  const others = await filesOf(dataDir, (path) => !DATABASE.test(path) && !BESIDE_A_DATABASE.test(path));
  const entries: BackupManifest['files'] = [];
  for (const [index, path] of [...databases, ...others].entries()) {
    const made =
      DATABASE.test(path) || (await bring(join(dataDir, path), join(folder, path), copies || !isImmutable(path)));
    if (made) entries.push(await entryOf(folder, path));
    progress.update(index + 1, databases.length + others.length);
  }
  progress.end();
  const missing = missingPackages(join(folder, 'core.db'), entries);
  const bytes = entries.reduce((sum, each) => sum + each.bytes, 0);
  const manifest: BackupManifest = { format: FORMAT, takenAt: now.toISOString(), bytes, files: entries };
  await writeManifest(folder, manifest);
  return { manifest, missing };
}

/** Reads a backup and compares every file with its hash. Throws AdminError that names the first one that differs. */
export async function readBackup(folder: string, progress: Progress): Promise<BackupManifest> {
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch(() => null);
  const parsed = manifestSchema.safeParse(text === null ? null : parseJson(text));
  if (!parsed.success) {
    const message = `${folder} is no whole backup: it has no ${MANIFEST} that this version reads.`;
    throw new AdminError('NOT_FOUND', message, 'name a folder that `mosis-admin backup` has made');
  }
  if (!parsed.data.files.some(({ path }) => path === 'core.db')) {
    throw new AdminError('FAILED', `The backup in ${folder} names no core.db.`, 'use another backup');
  }
  for (const [index, file] of parsed.data.files.entries()) {
    requireInside(file.path);
    const actual = await sha256OfFile(join(folder, file.path)).catch(() => 'nothing');
    if (actual !== file.sha256) {
      const message = `The backup is damaged: ${file.path} is missing or has other bytes than when it was taken.`;
      throw new AdminError('FAILED', message, 'use another backup');
    }
    progress.update(index + 1, parsed.data.files.length);
  }
  progress.end();
  return parsed.data;
}

async function requireEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0) return;
  throw new AdminError(
    'CONFLICT',
    `${folder} is not empty. A backup is never written over something.`,
    'name a new folder',
  );
}

/** Relative paths of the regular files that a backup has, sorted. */
async function filesOf(dataDir: string, wanted: (path: string) => boolean): Promise<string[]> {
  const found: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(dataDir, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (LEFT_OUT.has(path) || (folder === '' && OF_A_RESTORE.test(entry.name))) continue;
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile() && wanted(path)) found.push(path);
    }
  };
  await walk('');
  return found.sort();
}

/** core.db names files; aggregates name how far they have counted the months: each before what it speaks of. */
function databasesFirst(paths: readonly string[]): string[] {
  const rank = (path: string) => (path === 'core.db' ? 0 : path.endsWith(`${sep}aggregates.db`) ? 1 : 2);
  return paths.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** A whole copy as of one moment; writers go on meanwhile. */
function snapshot(from: string, to: string): void {
  const db = new RawDatabase(from, { readonly: true, fileMustExist: true, timeout: 10_000 });
  try {
    db.prepare('VACUUM INTO ?').run(to);
  } finally {
    db.close();
  }
  const copy = new RawDatabase(to, { readonly: true });
  try {
    const verdict = copy.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok')
      throw new AdminError('FAILED', `The copy of ${from} is damaged: ${String(verdict)}.`, 'check the disk');
  } finally {
    copy.close();
  }
}

/** Stored files are never changed in place, so a second name for them is a copy. */
function isImmutable(path: string): boolean {
  return path.startsWith(`blobs${sep}`);
}

/** False for a file that was removed meanwhile, as drafts are. */
async function bring(from: string, to: string, copies: boolean): Promise<boolean> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  try {
    if (copies) await copyFile(from, to);
    else
      await link(from, to).catch((error: NodeJS.ErrnoException) =>
        error.code === 'ENOENT' ? Promise.reject(error) : copyFile(from, to),
      );
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

async function entryOf(folder: string, path: string): Promise<BackupManifest['files'][number]> {
  const full = join(folder, path);
  await syncPath(full);
  return { path, bytes: (await stat(full)).size, sha256: await sha256OfFile(full) };
}

/** Submitted versions whose bytes the backup lacks, or has others of than their rows say. */
function missingPackages(database: string, entries: BackupManifest['files']): string[] {
  const hashes = new Map(entries.map(({ path, sha256 }) => [path.split(sep).join('/'), sha256]));
  const db = new RawDatabase(database, { readonly: true });
  try {
    const rows = db
      .prepare<[], { packageId: string; code: number; sha256: string }>(
        `SELECT a.package_id AS packageId, v.version_code AS code, v.package_sha256 AS sha256
         FROM app_versions v JOIN apps a ON a.id = v.app_id WHERE v.claimed_code IS NOT NULL AND v.state <> 'SUBMITTED'
           AND v.bytes_removed_at IS NULL`,
      )
      .all();
    return rows
      .filter(({ packageId, code, sha256 }) => hashes.get(`blobs/${packageKey(packageId, code)}`) !== sha256)
      .map(({ packageId, code }) => `${packageId}, version code ${code}`);
  } finally {
    db.close();
  }
}

async function writeManifest(folder: string, manifest: BackupManifest): Promise<void> {
  const path = join(folder, MANIFEST);
  await writeFile(`${path}.new`, `${JSON.stringify(manifest, null, 1)}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A manifest is a file that somebody may have changed: no path of it leads out of the folder, or to what no backup has. */
function requireInside(path: string): void {
  const parts = path.split(/[\\/]/);
  const leavesOut = path.startsWith('/') || parts.some((part) => ['', '.', '..'].includes(part) || part.includes(':'));
  if (leavesOut)
    throw new AdminError('FAILED', `The backup names a path outside of it: ${path}.`, 'use another backup');
  const [top = ''] = parts;
  if (LEFT_OUT.has(top) || OF_A_RESTORE.test(top) || BESIDE_A_DATABASE.test(path))
    throw new AdminError('FAILED', `The backup names a file that no backup has: ${path}.`, 'use another backup');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
