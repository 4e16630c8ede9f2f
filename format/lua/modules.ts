/**
 * Owns which file of the package a `require` means. It reads no file.
 *
 * `require "a.b"` tries `a/b.lua` and `a/b/init.lua`; a name with `/` or ending in `.lua` is a path already. Each is looked for
 * beside the file that asks, then at the root of the package, in `assets/`, in `assets/scripts/`, and in the folders of the
 * scripts that a document loads; a name that begins with a dot only beside the file. A device that looks elsewhere would load
 * what was not meant, but never what was not checked: every Lua file of the package is.
 */

/** The folder of a path, with its slash, or '' at the root. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** A path against a folder, with `.` and `..` taken out, or null where it leaves the package. */
export function joinPath(folder: string, path: string): string | null {
  const parts: string[] = [];
  for (const part of `${folder}${path}`.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return null;
    } else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}

/** How many names are remembered for one folder. */
const MAX_KNOWN = 10_000;

export class Modules {
  private readonly files: ReadonlyMap<string, Uint8Array>;
  private readonly folders: readonly string[];
  /** The last names that a module of the package can have, so that most others are answered without a search. */
  private readonly names = new Set<string>();
  /** What was asked before, by folder and name; files ask for the same few names again and again. */
  private readonly known = new Map<string, Map<string, string | null>>();

  /** `scriptFolders` are those of the scripts that documents load. */
  constructor(files: ReadonlyMap<string, Uint8Array>, scriptFolders: Iterable<string>) {
    this.files = files;
    for (const file of files.keys()) {
      if (!file.endsWith('.lua')) continue;
      const path = file.endsWith('/init.lua') ? file.slice(0, -'/init.lua'.length) : file.slice(0, -'.lua'.length);
      this.names.add(path.slice(path.lastIndexOf('/') + 1));
      this.names.add('init');
    }
    this.folders = [...new Set(['', 'assets/', 'assets/scripts/', ...[...scriptFolders].slice(0, 20)])];
  }

  /** The path of the file that `require(name)` in `file` loads, or null. */
  resolve(name: string, file: string): string | null {
    const folder = folderOf(file);
    let known = this.known.get(folder);
    if (known === undefined) {
      known = new Map();
      this.known.set(folder, known);
    }
    let path = known.get(name);
    if (path === undefined) {
      path = this.find(name, folder);
      if (known.size < MAX_KNOWN) known.set(name, path);
    }
    return path;
  }

  private find(name: string, own: string): string | null {
    if (name === '' || name.length > 512 || name.startsWith('/') || !this.names.has(lastName(name))) return null;
    for (const folder of name.startsWith('.') ? [own] : [own, ...this.folders])
      for (const candidate of candidates(name)) {
        const path = joinPath(folder, candidate);
        if (path !== null && this.files.has(path)) return path;
      }
    return null;
  }
}

/** What a name ends with, which is the name of a file or of the folder of an `init.lua`. */
function lastName(name: string): string {
  if (name.endsWith('.lua')) return name.slice(name.lastIndexOf('/') + 1, -'.lua'.length);
  return name.slice(name.lastIndexOf(name.includes('/') ? '/' : '.') + 1);
}

function candidates(name: string): readonly string[] {
  if (name.endsWith('.lua')) return [name];
  const path = name.includes('/') ? name : name.replaceAll('.', '/');
  return [`${path}.lua`, `${path}/init.lua`];
}
