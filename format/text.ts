/** Owns the text rules that paths, manifest strings and findings share. It makes no findings itself. */

const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u;
const BIDI = /\p{Bidi_Control}/u;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** C0, DEL, C1 and the two Unicode line separators. */
export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}

/** Any character that changes the direction of the text around it. */
export function hasBidi(text: string): boolean {
  return BIDI.test(text);
}

/** The text of strict UTF-8 bytes (a byte order mark is kept as a character), or null when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

const PIECE_BYTES = 256 * 1024;

/** Whether the bytes are strict UTF-8, in pieces, so that no text of the whole is made. */
export function isUtf8(bytes: Uint8Array): boolean {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES)
      decoder.decode(bytes.subarray(at, at + PIECE_BYTES), { stream: true });
    decoder.decode();
    return true;
  } catch {
    return false;
  }
}

/** Text made safe to show: invisible and direction-changing characters escaped, cut after `maxCharacters`. */
export function printable(text: string, maxCharacters = 120): string {
  const cut = text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
  return cut.replace(UNPRINTABLE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Order of two strings by their UTF-8 bytes, which is their order by code points. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return codePointRank(unitA) - codePointRank(unitB);
  }
  return a.length - b.length;
}

/** UTF-16 sorts surrogates (code points above U+FFFF) before U+E000; UTF-8 sorts them after U+FFFF. */
function codePointRank(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}

const foldedCodePoints = new Map<string, string>();

/**
 * A key that two texts share exactly when they are equal after NFC and simple case folding. The `iu` regular expression
 * is the language's own simple case folding; it confirms each guess, so `ı` does not fold to `i` but `ſ` does to `s`.
 */
export function foldCase(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text.toLowerCase();
  let folded = '';
  for (const character of text.normalize('NFC')) folded += foldCharacter(character);
  return folded.normalize('NFC');
}

function foldCharacter(character: string): string {
  const known = foldedCodePoints.get(character);
  if (known !== undefined) return known;
  const guesses = [character.toUpperCase().toLowerCase(), character.toLowerCase()];
  const folded = guesses.find((guess) => guess === character || foldsTo(character, guess)) ?? character;
  // Only characters that have a case are remembered: under three thousand.
  if (folded !== character) foldedCodePoints.set(character, folded);
  return folded;
}

function foldsTo(character: string, guess: string): boolean {
  const code = character.codePointAt(0)?.toString(16) ?? '0';
  return new RegExp(`^\\u{${code}}$`, 'iu').test(guess);
}
