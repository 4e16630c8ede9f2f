/** Owns reading `Accept-Encoding` (RFC 9110 §12.5.3). It encodes nothing. */

const MAX_HEADER_CHARS = 1_024;
/** A weight above 0, with at most three decimals. */
const WANTED = /^q\s*=\s*(?:1(?:\.0{0,3})?|0\.(?!0{0,3}$)\d{1,3})$/;

/**
 * Whether the header takes a coding, by name only: a client that does not know a coding may still send `*`. Where the coding is named
 * twice, each must take it; a weight that is none takes nothing.
 */
export function acceptsCoding(header: string, coding: string): boolean {
  if (header.length > MAX_HEADER_CHARS) return false;
  const named = header
    .split(',')
    .map((part) => part.split(';').map((text) => text.trim().toLowerCase()))
    .filter(([name]) => name === coding);
  return named.length > 0 && named.every(([, ...parameters]) => parameters.every((text) => WANTED.test(text)));
}
