/** Owns which passwords are refused and why. It hashes nothing. */
import { readFileSync } from 'node:fs';
import { DomainError } from '../errors.ts';
import { normalisePassword } from './passwords.ts';

export const MIN_PASSWORD_CHARACTERS = 8;
export const MAX_PASSWORD_CHARACTERS = 128;
/** Below this a name or the part before the @ is too common a piece of words to count. */
const MIN_CONTEXT_CHARACTERS = 4;

/** More digits and marks than this around a word are worth something of their own. */
const MAX_DECORATION = 8;

const common = new Set(
  readFileSync(new URL('./common-passwords.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#')),
);

const LEET: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};
const KEYBOARD_ROWS = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiop',
  'azertyuiop',
];

/**
 * Throws PASSWORD_REFUSED unless the password is 8 to 128 characters (code points after NFKC) and is not one that
 * guessing starts with: common ones and their trivial variants, repetitions, runs, and what is made of `context`
 * (e-mail, name). There are no rules on which characters it holds (NIST SP 800-63B section 3.1.1.2).
 */
export function checkPassword(password: string, context: { readonly email: string; readonly name: string }): void {
  const normalised = normalisePassword(password);
  const length = [...normalised].length;
  if (length < MIN_PASSWORD_CHARACTERS || length > MAX_PASSWORD_CHARACTERS) {
    throw refused(
      `A password has ${MIN_PASSWORD_CHARACTERS} to ${MAX_PASSWORD_CHARACTERS} characters; this one has ${length}.`,
    );
  }
  const lower = normalised.toLowerCase();
  if (isCommon(lower)) throw refused('This password is among the first that attackers try. Choose another.');
  if (isRepetition(lower) || isRun(lower)) throw refused('This password only repeats or counts. Choose another.');
  if (isMadeOfContext(lower, context)) {
    throw refused('This password is made of your e-mail address or name. Choose another.');
  }
}

function refused(message: string): DomainError {
  return new DomainError('PASSWORD_REFUSED', message);
}

function isCommon(lower: string): boolean {
  if (common.has(lower)) return true;
  const stripped = stripDecoration(lower);
  return (
    common.has(stripped) ||
    common.has(unleet(lower)) ||
    common.has(unleet(stripped)) ||
    common.has(stripDecoration(unleet(lower)))
  );
}

/** Without the few digits and marks that people put before and after a word; a password that is mostly those stays as it is. */
function stripDecoration(text: string): string {
  const word = text.replace(/^[^\p{L}]+/u, '').replace(/[^\p{L}]+$/u, '');
  return text.length - word.length <= MAX_DECORATION ? word : text;
}

function unleet(text: string): string {
  return text.replace(/[013457@$!]/g, (character) => LEET[character] ?? character);
}

/** A unit of up to four characters over and over: `aaaaaaaa`, `abcabcabc`. */
function isRepetition(text: string): boolean {
  for (let unit = 1; unit <= 4; unit += 1) {
    if (
      text ===
      text
        .slice(0, unit)
        .repeat(Math.ceil(text.length / unit))
        .slice(0, text.length)
    )
      return true;
  }
  return false;
}

/** A piece of the alphabet, the digits or a keyboard row, forwards, backwards or over and over. */
function isRun(text: string): boolean {
  return KEYBOARD_ROWS.some((row) => {
    const endless = row.repeat(Math.ceil(text.length / row.length) + 1);
    return endless.includes(text) || endless.includes([...text].reverse().join(''));
  });
}

function isMadeOfContext(lower: string, context: { readonly email: string; readonly name: string }): boolean {
  const email = context.email.toLowerCase();
  const pieces = [
    email,
    email.split('@', 1)[0] ?? '',
    ...email.split(/[@.+_-]/),
    ...normalisePassword(context.name).toLowerCase().split(/\s+/),
    'mosis',
  ];
  let rest = lower;
  for (const piece of pieces.sort((a, b) => b.length - a.length)) {
    if (piece.length >= MIN_CONTEXT_CHARACTERS) rest = rest.replaceAll(piece, '');
  }
  return rest !== lower && [...rest].length < MIN_PASSWORD_CHARACTERS;
}
