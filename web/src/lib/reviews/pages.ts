// Reads a paged list from its first page on, so that rows which moved between pages are neither missed nor doubled. Pure.

/** One page as the server gives it. */
export type ListPage<Row> = { rows: readonly Row[]; endCursor: string | null; hasNext: boolean };
export type FetchPage<Row> = (after: string | null) => Promise<ListPage<Row>>;

/**
 * The first `count` pages as one. Each page is asked for by the end of the one before it as it is now, never by a cursor of an
 * earlier reading; a row that moved meanwhile stands where it was seen last.
 */
export async function readPages<Row extends { id: string }>(
  fetch: FetchPage<Row>,
  count: number,
): Promise<{ rows: readonly Row[]; hasNext: boolean }> {
  const seen = new Map<string, Row>();
  let page: ListPage<Row> = { rows: [], endCursor: null, hasNext: true };
  for (let read = 0; read < count && page.hasNext; read++) {
    page = await fetch(page.endCursor);
    for (const row of page.rows) {
      seen.delete(row.id);
      seen.set(row.id, row);
    }
    // Without a place to go on from, asking again would only read the first page once more.
    if (page.endCursor === null) return { rows: [...seen.values()], hasNext: false };
  }
  return { rows: [...seen.values()], hasNext: page.hasNext };
}
