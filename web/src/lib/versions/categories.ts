// The categories that the store's filter and the listing form offer; the server takes any short word.

export const CATEGORIES = ['productivity', 'tools', 'communication', 'media', 'education', 'games', 'health', 'travel', 'weather', 'other'] as const;

/** "Productivity" for "productivity". */
export function categoryLabel(category: string): string {
  return category.charAt(0).toUpperCase() + category.slice(1);
}

/** The known categories, and `current` too when it is another one. */
export function categoryItems(current: string): { value: string; label: string }[] {
  const known: readonly string[] = CATEGORIES;
  const all = current === '' || known.includes(current) ? known : [...known, current];
  return all.map((value) => ({ value, label: categoryLabel(value) }));
}

/** Splits "a, b" into tags without empty and repeated ones. */
export function parseTags(text: string): string[] {
  return [...new Set(text.split(',').map((tag) => tag.trim().toLowerCase()).filter((tag) => tag !== ''))];
}
