/** Owns whether a client takes a delta, and from which package: pure functions of header values (RFC 9842, RFC 9110 §12.5.3). */

import { acceptsCoding } from '../platform/accept-encoding.ts';

/** What the answers to package requests depend on beside the path. */
export const VARY = 'Accept-Encoding, Available-Dictionary';

/** SHA-256 (hex) of the package that the client has and takes a `dcz` delta from, or null. */
export function offeredDictionary(headers: {
  readonly 'accept-encoding'?: string | string[] | undefined;
  readonly 'available-dictionary'?: string | string[] | undefined;
}): string | null {
  const dictionary = headers['available-dictionary'];
  // A structured field: one byte sequence of 32 bytes. A repeated header is joined or a list, and neither is one.
  const hash = typeof dictionary === 'string' ? /^\s*:([A-Za-z0-9+/]{43}=):\s*$/.exec(dictionary)?.[1] : undefined;
  if (hash === undefined || !acceptsCoding(String(headers['accept-encoding'] ?? ''), 'dcz')) return null;
  return Buffer.from(hash, 'base64').toString('hex');
}
