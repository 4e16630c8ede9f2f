/**
 * Owns reading an update check by hand, for less than JSON.parse and a look at each value cost. It explains nothing: what it
 * does not take is for the schema to judge.
 */
import { MAX_VERSION_CODE } from '../../../format/manifest-schema.ts';
import { parseSemver, type Semver } from '../../../format/semver.ts';
import type { Track } from '../../../format/trust/targets.ts';
import { AskedApps, hashed, NO_HASH, newColumns } from './asked-apps.ts';
import { MAX_MOSIS_VERSION_CHARS, MAX_PACKAGE_ID_CHARS, MAX_TAG_CHARS, UPDATE_CHECK_LIMITS } from './request.ts';

/** A check that keeps to the schema. Its apps are good until the next one is scanned. */
export interface UpdateCheck {
  readonly mosis_version: Semver;
  readonly tag: string | null | undefined;
  readonly apps: AskedApps;
}

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

/** A text that stands in many checks, held against their bytes four at a time. */
class Phrase {
  readonly length: number;
  /** Where each four bytes stand; the last four may have some of those before them. */
  readonly #places: readonly number[];
  readonly #fours: readonly number[];

  constructor(text: string) {
    const bytes = Buffer.from(text, 'latin1');
    this.length = bytes.length;
    const count = Math.ceil(bytes.length / 4);
    this.#places = Array.from({ length: count }, (_, n) => Math.min(4 * n, bytes.length - 4));
    this.#fours = this.#places.map((place) => bytes.readInt32LE(place));
  }

  /** Whether the text stands there; the caller sees to it that the bytes reach so far. */
  standsAt(view: DataView, at: number): boolean {
    const places = this.#places;
    for (let n = 0; n < places.length; n += 1) {
      if (view.getInt32(at + (places[n] ?? 0), true) !== this.#fours[n]) return false;
    }
    return true;
  }
}

/** An app as JSON.stringify spells it, with its names in the order of the documentation. */
const USUAL_OPEN = new Phrase('{"package_id":');
const USUAL_CODE = new Phrase(',"version_code":');
const USUAL_STABLE = new Phrase(',"track":"stable"}');
const USUAL_BETA = new Phrase(',"track":"beta"}');
/** Bytes at the end that are not read in fours, and more than an app without its id has. */
const MARGIN_BYTES = 80;

/** A place in the bytes of a text. What reads moves it on; where it answers null, false or 0, the text is given up. */
class Cursor {
  readonly bytes: Buffer;
  readonly #view: DataView;
  at = 0;
  /** Where the last package id begins and ends, and the hash of its bytes. */
  idStart = 0;
  idEnd = 0;
  idHash = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
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
    return bytes.toString('latin1', start, end);
  }

  /** Takes a package id: PACKAGE_ID_PATTERN by hand, for it is most of the text. A test holds the two against each other. */
  packageId(): boolean {
    if (!this.takes(QUOTE)) return false;
    const { bytes, at: start } = this;
    let end = start;
    let dots = 0;
    let begins = true;
    let hash = NO_HASH;
    for (let byte = bytes[end] ?? END; byte !== QUOTE; byte = bytes[end] ?? END) {
      if (byte >= LETTER_A && byte <= LETTER_Z) begins = false;
      else if (begins) return false;
      else if (byte === DOT) {
        dots += 1;
        begins = true;
      } else if (byte !== UNDERSCORE && (byte < ZERO || byte > NINE)) return false;
      hash = hashed(hash, byte);
      end += 1;
    }
    if (begins || dots === 0 || end - start > MAX_PACKAGE_ID_CHARS) return false;
    this.idStart = start;
    this.idEnd = end;
    this.idHash = hash;
    this.at = end + 1;
    return true;
  }

  /** Takes a phrase; not among the last bytes. */
  phrase(phrase: Phrase): boolean {
    const { at } = this;
    if (at + MARGIN_BYTES > this.bytes.length || !phrase.standsAt(this.#view, at)) return false;
    this.at = at + phrase.length;
    return true;
  }

  /** Whether the n-th id comes before the next one. */
  ascends(apps: AskedApps, n: number): boolean {
    const { bytes } = this;
    const view = this.#view;
    const [first, second] = [apps.start(n), apps.start(n + 1)];
    const [length, nextLength] = [apps.end(n) - first, apps.end(n + 1) - second];
    const common = Math.min(length, nextLength);
    let at = 0;
    // Ids of one check often begin alike.
    while (at + 4 <= common && view.getInt32(first + at) === view.getInt32(second + at)) at += 4;
    while (at < common && bytes[first + at] === bytes[second + at]) at += 1;
    return at === common ? length < nextLength : (bytes[first + at] ?? 0) < (bytes[second + at] ?? 0);
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

const COLUMNS = newColumns();

/**
 * The check in bytes, in whatever order its names stand. Null for what is no check, and for one in a spelling that devices do not
 * use, such as an escaped letter. A test holds it against the schema.
 */
export function scanUpdateCheck(bytes: Buffer): UpdateCheck | null {
  const cursor = new Cursor(bytes);
  if (!cursor.takes(OPEN)) return null;
  let mosis: string | null = null;
  let tag: string | null | undefined;
  let apps: AskedApps | null = null;
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

function scanApps(cursor: Cursor): AskedApps | null {
  if (!cursor.takes(OPEN_LIST)) return null;
  const apps = new AskedApps(cursor.bytes, COLUMNS);
  let ascending = true;
  do {
    if (apps.length === UPDATE_CHECK_LIMITS.maxApps || !scanApp(cursor, apps)) return null;
    ascending &&= apps.length === 1 || cursor.ascends(apps, apps.length - 2);
  } while (cursor.takes(COMMA));
  if (!cursor.takes(CLOSE_LIST)) return null;
  // In the order in which devices ask, no app can stand twice.
  return ascending || areDistinct(apps) ? apps : null;
}

function areDistinct(apps: AskedApps): boolean {
  const ids = new Set<string>();
  for (let n = 0; n < apps.length; n += 1) ids.add(apps.packageId(n));
  return ids.size === apps.length;
}

/** Adds an app; false where there is none. */
function scanApp(cursor: Cursor, apps: AskedApps): boolean {
  const { at } = cursor;
  if (scanUsualApp(cursor, apps)) return true;
  cursor.at = at;
  return scanAnyApp(cursor, apps);
}

/** Adds an app that is spelled as nearly all are, for a third of the time. */
function scanUsualApp(cursor: Cursor, apps: AskedApps): boolean {
  if (!cursor.phrase(USUAL_OPEN) || !cursor.packageId() || !cursor.phrase(USUAL_CODE)) return false;
  const code = cursor.whole();
  if (code === 0 || code > MAX_VERSION_CODE) return false;
  const stable = cursor.phrase(USUAL_STABLE);
  if (!stable && !cursor.phrase(USUAL_BETA)) return false;
  apps.add(cursor.idStart, cursor.idEnd, cursor.idHash, code, stable ? 'stable' : 'beta');
  return true;
}

function scanAnyApp(cursor: Cursor, apps: AskedApps): boolean {
  if (!cursor.takes(OPEN)) return false;
  let named = false;
  let code = 0;
  let track: Track | null = null;
  do {
    const letter = cursor.letter();
    if (letter === LETTER_P && !named && cursor.named(PACKAGE_ID)) {
      named = cursor.packageId();
      if (!named) return false;
    } else if (letter === LETTER_V && code === 0 && cursor.named(VERSION_CODE)) {
      code = cursor.whole();
      if (code === 0) return false;
    } else if (letter === LETTER_T && track === null && cursor.named(TRACK)) {
      cursor.next();
      track = cursor.word(STABLE) ? 'stable' : cursor.word(BETA) ? 'beta' : null;
      if (track === null) return false;
    } else return false;
  } while (cursor.takes(COMMA));
  if (!cursor.takes(CLOSE) || !named || code === 0 || code > MAX_VERSION_CODE || track === null) return false;
  apps.add(cursor.idStart, cursor.idEnd, cursor.idHash, code, track);
  return true;
}
