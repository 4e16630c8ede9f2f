/**
 * Owns the name under which reading the container shows in the timeline. It is no `Check`: it makes the contents that checks
 * need, in format/reader.ts.
 */
export const ARCHIVE_CHECK_NAME = 'archive';
