// Keeps filters and tabs in the page's address without moving the page or the focus.
import { goto } from '$app/navigation';
import { page } from '$app/state';

/** Sets or (with null or '') removes search parameters of the present page. */
export function setSearch(values: Readonly<Record<string, string | null>>): void {
  const url = new URL(page.url.href);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === '') url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  void goto(url, { replace: true, reset: false });
}
