/**
 * Owns reading an update check by hand, for less than JSON.parse and a look at each value cost. It explains nothing: what it
 * does not take is for the schema to judge.
 */
import { MAX_VERSION_CODE } from '../../../format/manifest-schema.ts';
import { parseSemver } from '../../../format/semver.ts';
import {
  type InstalledPackage,
  MAX_MOSIS_VERSION_CHARS,
  MAX_PACKAGE_ID_CHARS,
  MAX_TAG_CHARS,
  UPDATE_CHECK_LIMITS,
  type UpdateCheck,
} from './request.ts';

const [QUOTE, COMMA, DOT, COLON, BACKSLASH, UNDERSCORE] = [0x22, 0x2c, 0x2e, 0x3a, 0x5c, 0x5f] as const;
const [OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = [0x5b, 0x5d, 0x7b, 0x7d] as const;
const [ZERO, NINE] = [0x30, 0x39] as const;
const [LETTER_A, LETTER_M, LETTER_P, LETTER_T, LETTER_V, LETTER_Z] = [0x61, 0x6d, 0x70, 0x74, 0x76, 0x7a] as const;
/** What comes after the last byte. */
const END = -1;
const MAX_DIGITS = 10;

const word = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const MOSIS_VERSION = word('mosis_version"');
const TAG = word('tag"');
const APPS = word('apps"');
const PACKAGE_ID = word('package_id"');
const VERSION_CODE = word('version_code"');
const TRACK = word('track"');
const STABLE = word('"stable"');
const BETA = word('"beta"');
const NULL = word('null');

/** A place in the bytes of a text. What reads moves it on; where it answers null, false or 0, the text is given up. */
class Cursor {
  readonly bytes: Uint8Array;
  readonly #text: string;
  at = 0;
  /** Where the last package id began. */
  idAt = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    // One byte a character: strings are cut from it without a copy, and hold nothing but ASCII.
    this.#text = bytes.toString('latin1');
  }

  /** Moves past white space (RFC 8259 §2); the byte that follows, or END. */
  next(): number {
    const { bytes } = this;
    let byte = bytes[this.at] ?? END;
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      this.at += 1;
      byte = bytes[this.at] ?? END;
    }
    return byte;
  }

  takes(wanted: number): boolean {
    if (this.next() !== wanted) return false;
    this.at += 1;
    return true;
  }

  /** Takes the quote before a name; the letter that the name begins with. */
  letter(): number {
    return this.takes(QUOTE) ? (this.bytes[this.at] ?? END) : END;
  }

  /** Takes a word as it stands. */
  word(word: Uint8Array): boolean {
    const { bytes, at } = this;
    for (let n = 0; n < word.length; n += 1) {
      if (bytes[at + n] !== word[n]) return false;
    }
    this.at = at + word.length;
    return true;
  }

  /** Takes the rest of a name, given with its last quote, and the colon. */
  named(rest: Uint8Array): boolean {
    return this.word(rest) && this.takes(COLON);
  }

  /** Takes a string of printable ASCII without escapes. */
  string(): string | null {
    if (!this.takes(QUOTE)) return null;
    const { bytes, at: start } = this;
    let end = start;
    for (let byte = bytes[end] ?? END; byte !== QUOTE; byte = bytes[end] ?? END) {
      if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return null;
      end += 1;
    }
    this.at = end + 1;
    return this.#text.slice(start, end);
  }

  /** Takes a package id: PACKAGE_ID_PATTERN by hand, for it is most of the text. A test holds the two against each other. */
  packageId(): string | null {
    if (!this.takes(QUOTE)) return null;
    const { bytes, at: start } = this;
    let end = start;
    let dots = 0;
    let begins = true;
    for (let byte = bytes[end] ?? END; byte !== QUOTE; byte = bytes[end] ?? END) {
      if (byte >= LETTER_A && byte <= LETTER_Z) begins = false;
      else if (begins) return null;
      else if (byte === DOT) {
        dots += 1;
        begins = true;
      } else if (byte !== UNDERSCORE && (byte < ZERO || byte > NINE)) return null;
      end += 1;
    }
    if (begins || dots === 0 || end - start > MAX_PACKAGE_ID_CHARS) return null;
    this.idAt = start;
    this.at = end + 1;
    return this.#text.slice(start, end);
  }

  /** Whether the id that begins at `first` comes before the one at `second`; the quote after them is below every letter of an id. */
  ascends(first: number, second: number): boolean {
    const { bytes } = this;
    let n = 0;
    while (bytes[first + n] === bytes[second + n] && bytes[first + n] !== QUOTE) n += 1;
    return (bytes[first + n] ?? END) < (bytes[second + n] ?? END);
  }

  /** Takes a whole number in plain digits; 0 for whatever else. */
  whole(): number {
    const first = this.next();
    const { bytes, at: start } = this;
    let value = 0;
    let at = start;
    for (let byte = first; byte >= ZERO && byte <= NINE; byte = bytes[at] ?? END) {
      if (at - start === MAX_DIGITS) return 0;
      value = value * 10 + byte - ZERO;
      at += 1;
    }
    this.at = at;
    return first === ZERO ? 0 : value;
  }
}

/**
 * The check in bytes, in whatever order its names stand. Null for what is no check, and for one in a spelling that devices do not
 * use, such as an escaped letter. A test holds it against the schema.
 */
export function scanUpdateCheck(bytes: Buffer): UpdateCheck | null {
  const cursor = new Cursor(bytes);
  if (!cursor.takes(OPEN)) return null;
  let mosis: string | null = null;
  let tag: string | null | undefined;
  let apps: InstalledPackage[] | null = null;
  do {
    const letter = cursor.letter();
    if (letter === LETTER_M && mosis === null && cursor.named(MOSIS_VERSION)) {
      mosis = cursor.string();
      if (mosis === null) return null;
    } else if (letter === LETTER_T && tag === undefined && cursor.named(TAG)) {
      const isText = cursor.next() === QUOTE;
      tag = isText ? cursor.string() : null;
      if (tag === null && (isText || !cursor.word(NULL))) return null;
    } else if (letter === LETTER_A && apps === null && cursor.named(APPS)) {
      apps = scanApps(cursor);
      if (apps === null) return null;
    } else return null;
  } while (cursor.takes(COMMA));
  if (!cursor.takes(CLOSE) || cursor.next() !== END || mosis === null || apps === null) return null;
  if (mosis.length > MAX_MOSIS_VERSION_CHARS || (tag?.length ?? 0) > MAX_TAG_CHARS) return null;
  const version = parseSemver(mosis);
  return version === null ? null : { mosis_version: version, tag, apps };
}

function scanApps(cursor: Cursor): InstalledPackage[] | null {
  if (!cursor.takes(OPEN_LIST)) return null;
  const apps: InstalledPackage[] = [];
  let ascending = true;
  let last = 0;
  do {
    const app = scanApp(cursor);
    if (app === null || apps.length === UPDATE_CHECK_LIMITS.maxApps) return null;
    apps.push(app);
    const { idAt } = cursor;
    ascending &&= last === 0 || cursor.ascends(last, idAt);
    last = idAt;
  } while (cursor.takes(COMMA));
  if (!cursor.takes(CLOSE_LIST)) return null;
  // In the order in which devices ask, no app can stand twice.
  const distinct = ascending || new Set(apps.map((app) => app.package_id)).size === apps.length;
  return distinct ? apps : null;
}

function scanApp(cursor: Cursor): InstalledPackage | null {
  if (!cursor.takes(OPEN)) return null;
  let id: string | null = null;
  let code = 0;
  let track: 'stable' | 'beta' | null = null;
  do {
    const letter = cursor.letter();
    if (letter === LETTER_P && id === null && cursor.named(PACKAGE_ID)) {
      id = cursor.packageId();
      if (id === null) return null;
    } else if (letter === LETTER_V && code === 0 && cursor.named(VERSION_CODE)) {
      code = cursor.whole();
      if (code === 0) return null;
    } else if (letter === LETTER_T && track === null && cursor.named(TRACK)) {
      cursor.next();
      track = cursor.word(STABLE) ? 'stable' : cursor.word(BETA) ? 'beta' : null;
      if (track === null) return null;
    } else return null;
  } while (cursor.takes(COMMA));
  if (!cursor.takes(CLOSE) || id === null || code === 0 || code > MAX_VERSION_CODE || track === null) return null;
  return { package_id: id, version_code: code, track };
}
