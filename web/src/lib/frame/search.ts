// Keeps filters and tabs in the page's address without moving the page or the focus.
import { goto } from '$app/navigation';
import { page } from '$app/state';

/** Sets or (with null, '' or no values) removes search parameters of the present page; a list repeats its parameter. */
export function setSearch(values: Readonly<Record<string, string | readonly string[] | null>>): void {
  const url = new URL(page.url.href);
  for (const [name, value] of Object.entries(values)) {
    url.searchParams.delete(name);
    for (const each of typeof value === 'string' ? [value] : (value ?? []))
      if (each !== '') url.searchParams.append(name, each);
  }
  void goto(url, { replace: true, reset: false });
}
