/** Owns when two names or two package ids are taken for each other. Pure. */
import { boundedDistance, seenKey } from '../../format/confusables.ts';

/** Names this short must look the same: a single edit makes another word of them. */
const SHORT = 4;
/** Up to here only a letter more, less or swapped counts: `Notes` and `Votes` are two words. */
const SUBSTITUTED_FROM = 7;
/** From here on two edits count. */
const TWO_EDITS_FROM = 12;
/** A two-part id says so little that its second part must have this many letters to count under another top level. */
const MIN_LONE_SEGMENT = 5;

/** How many edits apart two keys of that length may be. */
export function mostEdits(length: number): number {
  if (length <= SHORT) return 0;
  return length < TWO_EDITS_FROM ? 1 : 2;
}

/** Whether two folded keys are so few edits apart that a person may read over it. Equal ones are. */
export function isNear(a: string, b: string): boolean {
  if (a === b) return true;
  const shorter = Math.min(a.length, b.length);
  const most = mostEdits(shorter);
  if (most === 0 || areNumbered(a, b)) return false;
  const distance = boundedDistance(a, b, most);
  if (distance > most) return false;
  return shorter >= SUBSTITUTED_FROM || a.length !== b.length || sortedLetters(a) === sortedLetters(b);
}

/** `Level 12` and `Level 13` are two of a series, not a slip. */
function areNumbered(a: string, b: string): boolean {
  const digits = /\d+/g;
  return /\d/.test(a) && /\d/.test(b) && a.replace(digits, '#') === b.replace(digits, '#');
}

function sortedLetters(key: string): string {
  return [...key].sort().join('');
}

/** The parts of a package id as they are compared. */
export interface IdKeys {
  /** All of it by looks, without dots and underscores. */
  readonly whole: string;
  /** Its parts after the top level by looks, with dots. */
  readonly rest: string;
}

export function idKeys(packageId: string): IdKeys {
  const segments = packageId.split('.').map((segment) => seenKey(segment));
  return { whole: segments.join(''), rest: segments.slice(1).join('.') };
}

/**
 * Whether a person may take one package id for the other: the same by looks, the same under another top level, or one part apart by
 * a slip. Another part altogether is another app: thousands are called `com.something.notes`.
 */
export function areSimilarIds(a: string, b: string): boolean {
  if (a === b) return false;
  const [keysA, keysB] = [idKeys(a), idKeys(b)];
  if (keysA.whole === keysB.whole) return true;
  const segmentsA = keysA.rest.split('.');
  const segmentsB = keysB.rest.split('.');
  if (segmentsA.length !== segmentsB.length) return false;
  if (keysA.rest === keysB.rest) return segmentsA.length > 1 || keysA.rest.length >= MIN_LONE_SEGMENT;
  if (topLevel(a) !== topLevel(b)) return false;
  const apart = segmentsA.flatMap((segment, index) => (segment === segmentsB[index] ? [] : [index]));
  const [only] = apart;
  if (only === undefined || apart.length > 1) return false;
  // As written: look-alikes would make letters of the digits of a series.
  const [partA, partB] = [partOf(a, only + 1), partOf(b, only + 1)];
  // Under one domain even a short part with a letter more is no other app by chance: `com.acme.note`.
  const ofOneDomain = only > 0 && Math.min(partA.length, partB.length) >= SHORT && partA.length !== partB.length;
  if (ofOneDomain && !areNumbered(partA, partB)) return boundedDistance(partA, partB, 1) === 1;
  return isNear(partA, partB);
}

const topLevel = (packageId: string): string => partOf(packageId, 0);
const partOf = (packageId: string, index: number): string => (packageId.split('.')[index] ?? '').replaceAll('_', '');
