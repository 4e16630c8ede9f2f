/** Owns conditional and range requests (RFC 9110 §13 and §14) as pure functions of header values. It sends nothing. */

export type RangeChoice =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly start: number; readonly length: number }
  | { readonly kind: 'unsatisfiable' };

const WHOLE: RangeChoice = { kind: 'whole' };
const UNSATISFIABLE: RangeChoice = { kind: 'unsatisfiable' };
/** Longer values are nobody's honest request. */
const MAX_HEADER_CHARS = 4_096;
/** As many as there are: a number beyond all others lies behind the end like any. */
const DIGITS = /^\d*$/;

/** Whether `If-None-Match` names the entity tag (weak comparison, §13.1.2). */
export function matchesNone(header: string | undefined, etag: string): boolean {
  if (header === undefined || header.length > MAX_HEADER_CHARS) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((part) => part.trim().replace(/^W\//, '') === etag);
}

/**
 * What to send of `size` bytes. Several ranges and unknown units get the whole (§14.2 lets a server ignore them); a part
 * that does not exist or a malformed one is unsatisfiable. A failed `If-Range` (strong comparison, no dates: there is no
 * Last-Modified) gets the whole.
 */
export function chooseRange(
  headers: { range: string | undefined; ifRange: string | undefined },
  etag: string,
  size: number,
): RangeChoice {
  const { range, ifRange } = headers;
  if (range === undefined) return WHOLE;
  if (ifRange !== undefined && ifRange.trim() !== etag) return WHOLE;
  const equals = Math.max(0, range.indexOf('='));
  if (range.slice(0, equals).trim().toLowerCase() !== 'bytes' || range.includes(',')) return WHOLE;
  // No pattern over the whole: it would try a long run of white space in all its splits, for half a second.
  const dash = range.indexOf('-', equals);
  const first = range.slice(equals + 1, Math.max(equals + 1, dash)).trim();
  const last = range.slice(dash + 1).trim();
  if (dash < 0 || !DIGITS.test(first) || !DIGITS.test(last) || first + last === '') return UNSATISFIABLE;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? UNSATISFIABLE : { kind: 'part', start: size - length, length };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start >= size || end < start ? UNSATISFIABLE : { kind: 'part', start, length: end - start + 1 };
}
