// What changed between two versions of an app, from their file lists and permissions. Pure.

type File = { path: string; sha256: string; size: string | number };
type Contents = { files: readonly File[]; permissions: readonly { name: string }[] };

export type Changes = {
  added: File[];
  removed: File[];
  changed: { path: string; before: number; after: number }[];
  permissionsAdded: string[];
  permissionsRemoved: string[];
};

/** Compares by path and content hash; each list is ordered by path. */
export function changesBetween(before: Contents, after: Contents): Changes {
  const old = new Map(before.files.map((file) => [file.path, file]));
  const now = new Set(after.files.map((file) => file.path));
  const had = new Set(before.permissions.map(({ name }) => name));
  const has = new Set(after.permissions.map(({ name }) => name));
  const byPath = (a: { path: string }, b: { path: string }) => a.path.localeCompare(b.path);
  const changed = after.files.flatMap((file) => {
    const previous = old.get(file.path);
    if (previous === undefined || previous.sha256 === file.sha256) return [];
    return [{ path: file.path, before: Number(previous.size), after: Number(file.size) }];
  });
  return {
    added: after.files.filter((file) => !old.has(file.path)).sort(byPath),
    removed: before.files.filter((file) => !now.has(file.path)).sort(byPath),
    changed: changed.sort(byPath),
    permissionsAdded: [...has].filter((name) => !had.has(name)).sort(),
    permissionsRemoved: [...had].filter((name) => !has.has(name)).sort(),
  };
}

/** How many things changed in all. */
export function countChanges(changes: Changes): number {
  return Object.values(changes).reduce((sum, list) => sum + list.length, 0);
}
