// The files of a version under review, with what became of each since the base and what was found in it. Pure.

export const CHANGE_KINDS = ['ADDED', 'CHANGED', 'REMOVED'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];
type Severity = 'ERROR' | 'WARNING' | 'NOTICE';
type Size = string | number;

export type FileRow = {
  path: string;
  /** Bytes now; null for a removed file. */
  size: number | null;
  /** Bytes in the base; null for a new file and where nothing changed. */
  before: number | null;
  /** Null where it did not change. */
  kind: ChangeKind | null;
  findings: number;
  /** The worst finding in it; null where there is none. */
  worst: Severity | null;
};

type Change = { path: string; kind: ChangeKind; before?: { size: Size } | null };
type Found = { file?: string | null; severity: Severity };

const WEIGHT = { ERROR: 0, WARNING: 1, NOTICE: 2 } as const;

/** Every file now and every removed one, by path. */
export function fileRows(
  files: readonly { path: string; size: Size }[],
  changes: readonly Change[],
  findings: readonly Found[],
): FileRow[] {
  const changed = new Map(changes.map((change) => [change.path, change]));
  const found = new Map<string, { findings: number; worst: Severity }>();
  for (const { file, severity } of findings) {
    if (!file) continue;
    const known = found.get(file);
    if (known === undefined) found.set(file, { findings: 1, worst: severity });
    else {
      known.findings += 1;
      if (WEIGHT[severity] < WEIGHT[known.worst]) known.worst = severity;
    }
  }
  const row = (path: string, size: number | null): FileRow => {
    const change = changed.get(path);
    return {
      path,
      size,
      before: change?.before ? Number(change.before.size) : null,
      kind: change?.kind ?? null,
      findings: found.get(path)?.findings ?? 0,
      worst: found.get(path)?.worst ?? null,
    };
  };
  const removed = changes.filter(({ kind }) => kind === 'REMOVED').map(({ path }) => row(path, null));
  return [...files.map(({ path, size }) => row(path, Number(size))), ...removed].sort((a, b) =>
    a.path < b.path ? -1 : a.path > b.path ? 1 : 0,
  );
}

/** How many files came, changed and went. */
export function countKinds(rows: readonly FileRow[]): Record<ChangeKind, number> {
  const counts = { ADDED: 0, CHANGED: 0, REMOVED: 0 };
  for (const { kind } of rows) if (kind !== null) counts[kind] += 1;
  return counts;
}

/** Rows whose path holds every word of `words`, in any order and case; only changed ones on demand. */
export function filterFiles(rows: readonly FileRow[], words: string, onlyChanged: boolean): FileRow[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(
    ({ path, kind }) => (!onlyChanged || kind !== null) && wanted.every((word) => path.toLowerCase().includes(word)),
  );
}

/** The neighbour of `path` among the rows, in a circle; the first (or last) where `path` is none of them. */
export function neighbour(rows: readonly FileRow[], path: string | null, by: 1 | -1): FileRow | undefined {
  const at = rows.findIndex((row) => row.path === path);
  if (at === -1) return rows.at(by === 1 ? 0 : -1);
  return rows[(at + by + rows.length) % rows.length];
}
