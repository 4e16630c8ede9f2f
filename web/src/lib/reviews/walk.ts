// The order in which a reviewer walks: through the findings, and on to the next review. Pure.

type Found = { id: string; file?: string | null; line?: number | null };

/** Findings as they are walked: those of the whole package, then by file and line. */
export function inWalkingOrder<Finding extends Found>(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => {
    const [fileA, fileB] = [a.file ?? '', b.file ?? ''];
    if (fileA !== fileB) return fileA < fileB ? -1 : 1;
    return (a.line ?? 0) - (b.line ?? 0);
  });
}

/** The one after (or before) `id`, in a circle; the first (or last) where `id` is none of them. */
export function stepTo<Item extends { id: string }>(
  items: readonly Item[],
  id: string | null,
  by: 1 | -1,
): Item | undefined {
  const at = items.findIndex((item) => item.id === id);
  if (at === -1) return items.at(by === 1 ? 0 : -1);
  return items[(at + by + items.length) % items.length];
}

/**
 * What to open once `id` is decided: the next one in the queue that nobody else holds, from its place on and then from the
 * start. Undefined where nothing is left.
 */
export function nextReview<Row extends { id: string; state: string; claimedByViewer: boolean }>(
  rows: readonly Row[],
  id: string,
): Row | undefined {
  const at = rows.findIndex((row) => row.id === id);
  const ordered = [...rows.slice(at + 1), ...rows.slice(0, Math.max(0, at))];
  return ordered.find((row) => row.state === 'QUEUED' || row.claimedByViewer);
}
