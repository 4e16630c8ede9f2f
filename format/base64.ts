/** Owns strict base64 (RFC 4648 §4 and §5), usable in the browser: one text for each byte string, nothing else decodes. */

/** Standard base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** URL-safe base64 without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The bytes of canonical standard base64 of exactly `length` bytes; null for anything else. */
export function fromBase64(text: string, length: number): Uint8Array | null {
  if (text.length !== Math.ceil(length / 3) * 4 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  let decoded: string;
  try {
    decoded = atob(text);
  } catch {
    return null;
  }
  const bytes = Uint8Array.from(decoded, (c) => c.charCodeAt(0));
  // Bits that padding drops must be zero, or two texts would mean the same bytes.
  return bytes.length === length && toBase64(bytes) === text ? bytes : null;
}
