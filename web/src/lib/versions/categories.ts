// The store's categories as people read them, and the tags of a listing. Pure.
import type { Category } from '#lib/graphql/generated/graphql.ts';

const LABELS: Record<Category, string> = {
  BOOKS: 'Books',
  BUSINESS: 'Business',
  COMMUNICATION: 'Communication',
  DEVELOPMENT: 'Development',
  EDUCATION: 'Education',
  ENTERTAINMENT: 'Entertainment',
  FINANCE: 'Finance',
  FOOD: 'Food',
  GAMES: 'Games',
  HEALTH: 'Health',
  LIFESTYLE: 'Lifestyle',
  MAPS: 'Maps',
  MUSIC: 'Music',
  NEWS: 'News',
  PHOTOS: 'Photos',
  PRODUCTIVITY: 'Productivity',
  SHOPPING: 'Shopping',
  SPORTS: 'Sports',
  TOOLS: 'Tools',
  TRAVEL: 'Travel',
  WEATHER: 'Weather',
};

/** "Productivity"; nothing for a listing without a category. */
export function categoryLabel(category: Category | null | undefined): string {
  return category ? LABELS[category] : '';
}

/** The category that `text` names, or null. */
export function parseCategory(text: string): Category | null {
  return text in LABELS ? (text as Category) : null;
}

/** All categories for a list to choose from. */
export const CATEGORY_ITEMS: readonly { value: Category; label: string }[] = Object.entries(LABELS).map(
  ([value, label]) => ({
    // The keys of LABELS are exactly the categories; Object.entries widens them to string.
    value: value as Category,
    label,
  }),
);

/** Splits "a, b" into tags without empty and repeated ones. */
export function parseTags(text: string): string[] {
  const tags = text.split(',').map((tag) => tag.trim().toLowerCase());
  return [...new Set(tags.filter((tag) => tag !== ''))];
}

/** Whether a listing can have `text` as a tag. */
export function isTag(text: string): boolean {
  return /^[a-z0-9-]{1,30}$/.test(text);
}
