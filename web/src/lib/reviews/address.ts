// The addresses of the review workspace. Pure.

/** What belongs to one review and is left behind on the way to another. */
const OF_ONE_REVIEW = ['file', 'pane', 'tab'];

/** The address of a review with the queue's filters of `search` kept. */
export function reviewPath(id: string, search: string): string {
  const kept = new URLSearchParams(search);
  for (const name of OF_ONE_REVIEW) kept.delete(name);
  const text = kept.toString();
  return `/reviews/${encodeURIComponent(id)}${text === '' ? '' : `?${text}`}`;
}

/** The same page with one file open, or with the list of files. */
export function filePath(url: { href: string }, path: string | null): string {
  const next = new URL(url.href);
  next.searchParams.set('tab', 'files');
  next.searchParams.delete('pane');
  if (path === null) next.searchParams.delete('file');
  else next.searchParams.set('file', path);
  return next.pathname + next.search;
}
