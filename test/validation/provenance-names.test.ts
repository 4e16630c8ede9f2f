/** Which names and package ids are taken for each other: single rules, then labelled pairs with precision and recall. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundedDistance, nameKeys } from '../../format/confusables.ts';
import { areSimilarIds, isNear } from '../../server/validation/provenance-names.ts';

function similar(a: string, b: string): boolean {
  const [x, y] = [nameKeys(a), nameKeys(b)];
  return x.seen === y.seen || x.folded === y.folded || isNear(x.folded, y.folded);
}

/** What a copy does to a name. */
const COPIES: readonly (readonly [string, string])[] = [
  ['Tide Tables', 'tide tables'],
  ['Tide Tables', 'TideTables'],
  ['Tide Tables', 'Tide-Tables'],
  ['Tide Tables', 'Tide  Tables.'],
  ['Tide Tables', 'Tide TabIes'],
  ['Tide Tables', 'T1de Tables'.replace('1', 'і')],
  ['Tide Tables', 'Тidе Таblеs'],
  ['Tide Tables', 'Tíde Tàbles'],
  ['Tide Tables', 'Tide Table'],
  ['Tide Tables', 'Tide Tabels'],
  ['PayPal', 'PayPaI'],
  ['PayPal', 'PayPa1'],
  ['PayPal', 'Paypall'],
  ['Notion', 'N0tion'],
  ['Notion', 'Νotion'],
  ['Amazon', 'Arnazon'],
  ['Amazon', 'Amaz0n'],
  ['Windy', 'VVindy'],
  ['Spotify', 'Spotlfy'],
  ['Spotify', 'Sporify'],
  ['Spotify', 'Spottify'],
  ['Spotify', 'Ｓｐｏｔｉｆｙ'],
  ['Signal', '𝐒𝐢𝐠𝐧𝐚𝐥'],
  ['Signal', 'Singal'],
  ['Maps', 'MAPS'],
  ['Maps', 'Mаps'],
  ['Chess', 'Ches s'],
  ['Chess', 'Chesss'],
  ['Mail', 'MaiI'],
  ['Calendar Studio', 'Calender Studio'],
  ['Calendar Studio', 'Calender Studlo'],
  ['Quick Crossword', 'Quik Crosword'],
  ['Дневник', 'Дневнuк'.replace('u', 'и')],
  ['日記帳', '日 記 帳'],
  ['Wordle', 'Wordel'],
  ['Duolingo', 'Duo1ingo'],
  // Beyond these rules, and kept here so that recall says so.
  ['Notes', 'Notez'],
  ['Spotify', 'Spotify Official'],
];

/** What honest developers call their apps beside each other. */
const INNOCENT: readonly (readonly [string, string])[] = [
  ['Notes', 'Votes'],
  ['Notes', 'Tasks'],
  ['Radio', 'Ratio'],
  ['Chess', 'Chest'],
  ['Mail', 'Mall'],
  ['Mail', 'Main'],
  ['Maps', 'Laps'],
  ['Go', 'Do'],
  ['Chat', 'Chart'],
  ['Level 12', 'Level 13'],
  ['Chess 2024', 'Chess 2025'],
  ['Sudoku', 'Solitaire'],
  ['Tide Tables', 'Time Tables Pro'],
  ['Tide Tables', 'Times Table'],
  ['Weather', 'Whether We Go'],
  ['Photo Editor', 'Photo Album'],
  ['Calendar Pro', 'Calendar Plus'],
  ['Simple Notes', 'Quick Notes'],
  ['Simple Notes', 'Simple Tasks'],
  ['Daily Clock', 'Daily Coach'],
  ['Swift Map', 'Swift Market'],
  ['Fair Board', 'Fair Birds'],
  ['Silver Lamp', 'Silver Map'],
  ['Habit Lab', 'Habit Club'],
  ['Piano Go', 'Piano Pro'],
  ['Дневник', 'Ежедневник'],
  ['日記', '日記帳'],
  ['Bus', 'Bugs'],
  ['Wallet Pro', 'Vault Pro'],
  ['Compass', 'Campus'],
  ['Reader', 'Rider'],
  ['Invoice Studio', 'Voice Studio'],
  ['Golden Timer', 'Garden Timer'],
  ['Tiny Trails', 'Tidy Tasks'],
  ['Bird Songs', 'Bird Signs Club'],
  ['1 2 3', '4 5 6'],
  ['Marker', 'Market'],
  // Two words of the language, one letter apart: a person sees that at once.
  ['Planner', 'Planter'],
];

describe('names', () => {
  it('of a labelled set are told apart with precision and recall of at least 0.9', () => {
    const missed = COPIES.filter(([a, b]) => !similar(a, b));
    const accused = INNOCENT.filter(([a, b]) => similar(a, b));
    const hits = COPIES.length - missed.length;
    const precision = hits / (hits + accused.length);
    const recall = hits / COPIES.length;
    console.log(
      `names: ${COPIES.length} copies, ${INNOCENT.length} innocent; precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}`,
      { missed, accused },
    );
    expect([precision >= 0.9, recall >= 0.9]).toEqual([true, true]);
  });

  it('of four letters or fewer must look the same', () => {
    expect([similar('Maps', 'MAPS'), similar('Maps', 'Mapz'), similar('Maps', 'Mapss')]).toEqual([true, false, false]);
  });

  it('of signs alone have no keys', () => {
    expect(nameKeys('?! 👍')).toEqual({ folded: '', seen: '' });
  });
});

describe('package ids', () => {
  const original = 'com.acme.notes';
  it.each([
    ['org.acme.notes', true],
    ['com.acrne.notes', true],
    ['com.acme.n0tes', true],
    ['com.acme.no_tes', true],
    ['com.acmenotes', true],
    ['com.acme.note', true],
    ['com.acmee.notes', false],
    ['com.acme.mail', false],
    ['com.other.notes', false],
    ['com.acme.votes', false],
    ['org.other.notes', false],
    ['com.acme.notes.pro', false],
    ['com.acme.notes', false],
  ])('%s beside com.acme.notes: %s', (id, expected) => {
    expect(areSimilarIds(id, original)).toBe(expected);
  });

  it('of a series are not similar', () => {
    expect(areSimilarIds('com.example.notes1', 'com.example.notes12')).toBe(false);
    expect(areSimilarIds('com.example.notes1', 'com.example.notesl')).toBe(true);
  });
});

describe('the bounded distance', () => {
  /** The whole table, as the textbook has it. */
  function plain(a: string, b: string): number {
    const d = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i || j));
    const at = (i: number, j: number) => d[i]?.[j] ?? 0;
    for (let i = 1; i <= a.length; i += 1)
      for (let j = 1; j <= b.length; j += 1) {
        let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1));
        if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
          least = Math.min(least, at(i - 2, j - 2) + 1);
        (d[i] as number[])[j] = i === 0 ? j : least;
      }
    return a.length === 0 ? b.length : b.length === 0 ? a.length : at(a.length, b.length);
  }

  it('is the textbook distance up to the bound, and one more beyond it', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 9 });
    fc.assert(
      fc.property(text, text, fc.integer({ min: 1, max: 3 }), (a, b, most) => {
        expect(boundedDistance(a, b, most)).toBe(Math.min(plain(a, b), most + 1));
      }),
      { numRuns: 3000 },
    );
  });
});
