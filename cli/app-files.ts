/** Owns reading an app from disk, a folder or a .mosis file, into files by path. It judges names and contents no further. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Finding } from '../format/findings.ts';
import { MANIFEST_PATH } from '../format/layout.ts';
import { PACKAGE_LIMITS } from '../format/limits.ts';
import { readPackage } from '../format/reader.ts';
import { CliError, EXIT, systemCode, usageError } from './errors.ts';

/** Names that are never part of an app: what tools put beside it. Names that begin with a dot are left out too. */
const IGNORED = new Set(['dist', 'node_modules']);

export type AppSource =
  | { readonly kind: 'folder'; readonly path: string; readonly files: ReadonlyMap<string, Uint8Array> }
  | {
      readonly kind: 'package';
      readonly path: string;
      /** Null when the container is refused; `findings` says why. */
      readonly files: ReadonlyMap<string, Uint8Array> | null;
      readonly findings: readonly Finding[];
    };

/** Whether a path is an app folder or a package file. Throws NOT_FOUND. */
export async function kindOfPath(cwd: string, path: string): Promise<{ kind: 'folder' | 'package'; path: string }> {
  const full = resolve(cwd, path);
  let isFolder: boolean;
  try {
    isFolder = (await stat(full)).isDirectory();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new CliError('NOT_FOUND', `There is no file or folder ${path}.`, {
      exit: EXIT.notFound,
      next: 'give the path of an app folder or a .mosis file',
    });
  }
  return { kind: isFolder ? 'folder' : 'package', path: full };
}

/** Reads a folder's or a package's files. */
export async function readApp(cwd: string, path: string): Promise<AppSource> {
  const found = await kindOfPath(cwd, path);
  if (found.kind === 'folder') return { kind: 'folder', path: found.path, files: await readFolder(found.path) };
  const { contents, findings } = await readPackage(found.path);
  return { kind: 'package', path: found.path, files: contents?.files ?? null, findings };
}

/** Every file of an app folder by its path with `/`. Stops at the format's limits; refuses links. */
export async function readFolder(folder: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  await walk(folder, '', files, { bytes: 0 });
  if (!files.has(MANIFEST_PATH))
    throw usageError(
      `${folder} is no app folder: it has no manifest.json.`,
      'mosis init NAME, or give the path of an app',
    );
  return files;
}

async function walk(
  root: string,
  below: string,
  files: Map<string, Uint8Array>,
  total: { bytes: number },
): Promise<void> {
  const entries = await readdir(join(root, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.') || (below === '' && IGNORED.has(entry.name)) || entry.name === 'node_modules')
      continue;
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) await walk(root, path, files, total);
    else if (entry.isFile()) {
      const file = join(root, path);
      total.bytes += (await stat(file)).size;
      refuseTooMuch(files.size + 1, total.bytes);
      files.set(path, await readFile(file));
    } else {
      const what = entry.isSymbolicLink() ? 'a symbolic link' : 'not a regular file';
      throw new CliError('PACKAGE_REFUSED', `${path} is ${what}; a package holds regular files only.`, {
        next: `replace ${path} by the file itself`,
      });
    }
  }
}

/** The format refuses these anyway; here they keep a wrong path from being read into memory. */
function refuseTooMuch(count: number, bytes: number): void {
  const { maxEntries, maxUnpackedBytes } = PACKAGE_LIMITS;
  if (count <= maxEntries && bytes <= maxUnpackedBytes) return;
  const what = count > maxEntries ? `${maxEntries} files` : `${maxUnpackedBytes / 1024 / 1024} MiB`;
  throw new CliError('PACKAGE_REFUSED', `The folder holds more than the ${what} a package may have.`, {
    next: 'check that the path is the app folder',
  });
}
