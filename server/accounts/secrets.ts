/** Owns how secrets are made, written and hashed: session ids, API keys, device codes. It stores nothing. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A source of cryptographically strong bytes. */
export type RandomBytes = (size: number) => Uint8Array;

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** The largest multiple of 62 that fits in a byte: bytes from there on are thrown away, so that no character is likelier. */
const FAIR_BYTE_LIMIT = 248;

/** 43 characters of base 62 carry 256 bits. */
export const SECRET_LENGTH = 43;
/** 62^6 > 2^32: enough for a CRC-32. */
const CHECKSUM_LENGTH = 6;

/** A random text of `length` characters, each equally likely among the 62. */
export function randomBase62(random: RandomBytes, length: number): string {
  return randomFrom(random, BASE62, FAIR_BYTE_LIMIT, length);
}

/** Eight characters of 20 consonants that cannot be mistaken for each other or spell words (RFC 8628 section 6.1). */
export const USER_CODE_ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ';
export const USER_CODE_LENGTH = 8;

/** A new user code, without its hyphen. */
export function randomUserCode(random: RandomBytes): string {
  return randomFrom(random, USER_CODE_ALPHABET, 240, USER_CODE_LENGTH);
}

function randomFrom(random: RandomBytes, alphabet: string, fairByteLimit: number, length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of random(length)) {
      if (byte < fairByteLimit && text.length < length) text += alphabet.charAt(byte % alphabet.length);
    }
  }
  return text;
}

/** What is stored instead of a secret: its SHA-256 in hex. The secrets have 256 bits, so a plain hash is enough; passwords have their own. */
export function sha256Hex(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** Whether two texts are equal, in a time that does not tell where they differ. */
export function equalSecrets(a: string, b: string): boolean {
  return timingSafeEqual(
    createHash('sha256').update(a, 'utf8').digest(),
    createHash('sha256').update(b, 'utf8').digest(),
  );
}

/** Six characters over the text, so that a mistyped or invented secret is known without a look-up and scanners can tell real ones. */
export function checksum(text: string): string {
  let rest = crc32(text);
  let written = '';
  while (written.length < CHECKSUM_LENGTH) {
    written = BASE62.charAt(rest % 62) + written;
    rest = Math.floor(rest / 62);
  }
  return written;
}

/** A secret with a prefix that names its kind and a checksum at its end. */
export function makeSecret(random: RandomBytes, prefix: string): string {
  const body = prefix + randomBase62(random, SECRET_LENGTH);
  return body + checksum(body);
}

/** Whether the text has the form and the checksum of a secret of this kind. */
export function isWellFormedSecret(text: string, prefix: string): boolean {
  if (text.length !== prefix.length + SECRET_LENGTH + CHECKSUM_LENGTH || !text.startsWith(prefix)) return false;
  const body = text.slice(0, -CHECKSUM_LENGTH);
  return /^[0-9A-Za-z]+$/.test(body.slice(prefix.length)) && checksum(body) === text.slice(-CHECKSUM_LENGTH);
}
