/** Owns the way from what a person typed to full-text expressions, one for each grade of match. Pure; quotes everything. */

/** Words beyond this many are ignored: each costs a walk through the index. */
const MAX_WORDS = 8;
/** Shorter beginnings are not in the index, and match half of the store. */
const MIN_PREFIX_CHARS = 2;

export interface Match {
  /** What was typed, with single spaces: an app of exactly this name comes first. */
  readonly name: string;
  /** Expressions for FTS5, from the best grade on; no app is in two of them. Empty when nothing typed is a word. */
  readonly grades: readonly string[];
}

/** Reads a search. Letters and digits make words; everything else in it is only text between quotes. */
export function parseSearch(text: string): Match {
  const name = text
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  const words = name
    .split(' ')
    .filter((word) => /[\p{L}\p{N}]/u.test(word))
    .slice(0, MAX_WORDS);
  return { name, grades: words.length === 0 ? [] : gradesOf(words) };
}

function gradesOf(words: readonly string[]): string[] {
  const whole = words.map(quote).join(' AND ');
  const begun = words.map((word) => quote(word) + star(word)).join(' AND ');
  const last = words.at(-1) ?? '';
  const start = `{name} : ^ ${quote(words.join(' '))}${star(last)}`;
  const inName = `{name} : (${begun})`;
  const tagged = `{name tag_text} : (${whole})`;
  const shown = `{name tag_text summary} : (${begun})`;
  return [
    start,
    `(${inName}) NOT (${start})`,
    `(${tagged}) NOT (${inName})`,
    `(${shown}) NOT ((${inName}) OR (${tagged}))`,
    `(${begun}) NOT (${shown})`,
  ];
}

/** An FTS5 string: nothing inside is syntax (a quote is doubled). */
function quote(word: string): string {
  return `"${word.replaceAll('"', '""')}"`;
}

/** The mark of a beginning, where the word ends in a token long enough: `c++` is the one letter c to the index. */
function star(word: string): string {
  const token = /[\p{L}\p{N}\p{M}]+(?=[^\p{L}\p{N}\p{M}]*$)/u.exec(word)?.[0] ?? '';
  return [...token].length < MIN_PREFIX_CHARS ? '' : ' *';
}
