// Finds event cursors in the answers of subscriptions, so that a broken connection resumes where it stopped. Pure.

/** The cursor of the event in a subscription's data (`{ versionEvents: { cursor } }`), or null. */
export function cursorOf(data: unknown): string | null {
  if (typeof data !== 'object' || data === null) return null;
  for (const value of Object.values(data)) {
    if (typeof value === 'object' && value !== null && 'cursor' in value && typeof value.cursor === 'string')
      return value.cursor;
  }
  return null;
}
