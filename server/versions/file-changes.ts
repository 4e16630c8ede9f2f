/** Owns which files differ between two packages. Pure. */

export interface FileChange<File> {
  readonly path: string;
  readonly kind: 'ADDED' | 'REMOVED' | 'CHANGED';
  readonly before: File | null;
  readonly after: File | null;
}

/** The files that are not the same bytes at the same path in both, by path. */
export function fileChanges<File extends { readonly path: string; readonly sha256: string }>(
  before: readonly File[],
  after: readonly File[],
): FileChange<File>[] {
  const old = new Map(before.map((file) => [file.path, file]));
  const now = new Map(after.map((file) => [file.path, file]));
  const changes: FileChange<File>[] = [];
  for (const path of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const [was, is] = [old.get(path) ?? null, now.get(path) ?? null];
    if (was?.sha256 === is?.sha256) continue;
    changes.push({ path, kind: was === null ? 'ADDED' : is === null ? 'REMOVED' : 'CHANGED', before: was, after: is });
  }
  return changes;
}
